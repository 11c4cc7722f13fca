// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// validity is longer than any cluster lives.
const validity = 365 * 24 * time.Hour

// authority signs the certificates of one cluster.
type authority struct {
	key  crypto.Signer
	cert *x509.Certificate
}

func newAuthority() (*authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	certificate, err := cert.NewSelfSignedCACert(cert.Config{CommonName: "local-cluster"}, key)
	if err != nil {
		return nil, err
	}
	return &authority{key: key, cert: certificate}, nil
}

func newKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func (a *authority) pem() []byte { return encodeCert(a.cert.Raw) }

// server issues a certificate for the API server, under all names it is called by.
func (a *authority) server() (certPEM, keyPEM []byte, err error) {
	return a.issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, net.IPv4(10, 96, 0, 1), net.ParseIP(hostAddress)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

// client issues a certificate that makes its owner the given user.
func (a *authority) client(user string, groups ...string) (certPEM, keyPEM []byte, err error) {
	return a.issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

func (a *authority) issue(template *x509.Certificate) (certPEM, keyPEM []byte, err error) {
	key, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = a.cert.NotBefore
	template.NotAfter = time.Now().Add(validity)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	keyPEM, err = keyutil.MarshalPrivateKeyToPEM(key)
	return encodeCert(der), keyPEM, err
}

func encodeCert(der []byte) []byte {
	certificates, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	pem, _ := cert.EncodeCertificates(certificates)
	return pem
}

// pki is where the files lie that the control plane is started with.
type pki struct {
	ca, serverCert, serverKey, tokenKey string
	// The certificate that the API server shows to kubelets.
	kubeletClientCert, kubeletClientKey string
}

func (a *authority) write(dir string) (pki, error) {
	files := pki{
		ca:         filepath.Join(dir, "ca.crt"),
		serverCert: filepath.Join(dir, "kube-apiserver.crt"),
		serverKey:  filepath.Join(dir, "kube-apiserver.key"),
		tokenKey:   filepath.Join(dir, "service-account.key"),

		kubeletClientCert: filepath.Join(dir, "kubelet-client.crt"),
		kubeletClientKey:  filepath.Join(dir, "kubelet-client.key"),
	}
	serverCert, serverKey, err := a.server()
	if err != nil {
		return pki{}, err
	}
	clientCert, clientKey, err := a.client("kube-apiserver-kubelet-client", "system:masters")
	if err != nil {
		return pki{}, err
	}
	key, err := newKey()
	if err != nil {
		return pki{}, err
	}
	tokenKey, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return pki{}, err
	}
	for path, content := range map[string][]byte{
		files.ca: a.pem(), files.serverCert: serverCert, files.serverKey: serverKey, files.tokenKey: tokenKey,
		files.kubeletClientCert: clientCert, files.kubeletClientKey: clientKey,
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return pki{}, err
		}
	}
	return files, nil
}

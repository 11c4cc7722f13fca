// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const contextName = "local-cluster"

// writeKubeconfig writes the kubeconfig of one user of the cluster and returns its path.
func (c *Cluster) writeKubeconfig(name string, user *clientcmdapi.AuthInfo) (string, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters[contextName] = &clientcmdapi.Cluster{
		Server:                   c.endpoint,
		CertificateAuthorityData: c.authority.pem(),
	}
	config.AuthInfos[name] = user
	config.Contexts[contextName] = &clientcmdapi.Context{Cluster: contextName, AuthInfo: name}
	config.CurrentContext = contextName
	path := filepath.Join(c.dir, kubeconfigFolder, name+".kubeconfig")
	return path, clientcmd.WriteToFile(*config, path)
}

// clientKubeconfig writes the kubeconfig of a user that shows a certificate.
func (c *Cluster) clientKubeconfig(user string, groups ...string) (string, error) {
	certPEM, keyPEM, err := c.authority.client(user, groups...)
	if err != nil {
		return "", err
	}
	return c.writeKubeconfig(user, &clientcmdapi.AuthInfo{ClientCertificateData: certPEM, ClientKeyData: keyPEM})
}

// loadConfig reads a kubeconfig with limits that do not slow tests down.
func loadConfig(path string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 1000, 2000
	// Warnings about Tekton's older versions would stand between the lines of the progress.
	config.WarningHandler = rest.NoWarnings{}
	return config, nil
}

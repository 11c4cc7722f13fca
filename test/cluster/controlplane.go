// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	etcd              = "etcd"

	// nodeGracePeriod is after how long without a word a real node counts as not ready; the usual one is 50s.
	nodeGracePeriod = "20s"

	// readyTimeout is for one program; on a machine under load the usual second can become many.
	readyTimeout = 60 * time.Second
)

// startEtcd starts the store and waits until it answers, because an API server that does not find it waits a second.
func (c *Cluster) startEtcd(ctx context.Context) error {
	client, err := c.ports.take()
	if err != nil {
		return err
	}
	peer, err := c.ports.take()
	if err != nil {
		return err
	}
	c.etcdURL = loopbackURL("http", client)
	peerURL := loopbackURL("http", peer)
	_, err = c.startProgram(etcd, nil,
		"--name=local", "--data-dir="+filepath.Join(c.dir, etcdFolder),
		// The data is not meant to outlive a crash of the machine.
		"--unsafe-no-fsync",
		"--listen-client-urls="+c.etcdURL, "--advertise-client-urls="+c.etcdURL,
		"--listen-peer-urls="+peerURL, "--initial-advertise-peer-urls="+peerURL, "--initial-cluster=local="+peerURL,
		"--logger=zap", "--log-level=warn",
	)
	if err != nil {
		return err
	}
	return c.await(ctx, etcd, func(ctx context.Context) error {
		return get(ctx, http.DefaultClient, c.etcdURL+"/readyz")
	})
}

// StartAPIServer starts the API server after StopAPIServer, on the port it had, and waits until it is ready.
func (c *Cluster) StartAPIServer(ctx context.Context) error {
	args := append(c.apiServerPlace(),
		"--etcd-servers="+c.etcdURL, "--secure-port="+strconv.Itoa(c.apiPort),
		"--service-cluster-ip-range="+serviceSubnet,
		"--tls-cert-file="+c.pki.serverCert, "--tls-private-key-file="+c.pki.serverKey,
		"--client-ca-file="+c.pki.ca,
		"--anonymous-auth=false", "--allow-privileged=true",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+c.pki.tokenKey, "--service-account-signing-key-file="+c.pki.tokenKey,
		// Nobody resolves the host name of the simulated node.
		"--kubelet-preferred-address-types=InternalIP",
		"--profiling=false",
	)
	if _, err := c.startProgram(apiServer, nil, args...); err != nil {
		return err
	}
	return c.await(ctx, apiServer, func(ctx context.Context) error {
		return c.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

// apiServerPlace are the flags that say where the API server is, who calls it and whom it calls.
func (c *Cluster) apiServerPlace() []string {
	if c.nodes == 0 {
		return []string{
			"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
			// The Service "kubernetes" cannot have an endpoint on a loopback address.
			"--endpoint-reconciler-type=none",
			"--authorization-mode=RBAC",
		}
	}
	return []string{
		"--advertise-address=" + hostAddress,
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--kubelet-client-certificate=" + c.pki.kubeletClientCert, "--kubelet-client-key=" + c.pki.kubeletClientKey,
		// It is no node, so no kube-proxy leads it from a Service to the pods of a webhook.
		"--enable-aggregator-routing=true",
	}
}

// StopAPIServer kills the API server, as a crash would. Everything else keeps running and finds nobody there.
func (c *Cluster) StopAPIServer() error {
	process := c.program(apiServer)
	if process == nil {
		return fmt.Errorf("%s was never started", apiServer)
	}
	return process.Kill()
}

// RestartAPIServer kills the API server and starts it again.
func (c *Cluster) RestartAPIServer(ctx context.Context) error {
	if err := c.StopAPIServer(); err != nil {
		return err
	}
	return c.StartAPIServer(ctx)
}

func (c *Cluster) startControllerManager(ctx context.Context) error {
	kubeconfig, err := c.clientKubeconfig("system:" + controllerManager)
	if err != nil {
		return err
	}
	args := []string{
		"--kubeconfig=" + kubeconfig, "--leader-elect=false", "--secure-port=0",
		"--use-service-account-credentials=true", "--service-account-private-key-file=" + c.pki.tokenKey,
		"--root-ca-file=" + c.pki.ca,
		"--kube-api-qps=200", "--kube-api-burst=400", "--profiling=false",
	}
	if c.nodes > 0 {
		args = append(args, "--node-monitor-grace-period="+nodeGracePeriod)
	}
	if _, err := c.startProgram(controllerManager, nil, args...); err != nil {
		return err
	}
	// No pod can be made before its namespace has this ServiceAccount.
	return c.await(ctx, controllerManager, func(ctx context.Context) error {
		_, err := c.client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// startScheduler does not wait: that it works shows when the node is free of taints and pods run.
func (c *Cluster) startScheduler(context.Context) error {
	kubeconfig, err := c.clientKubeconfig("system:" + scheduler)
	if err != nil {
		return err
	}
	_, err = c.startProgram(scheduler, nil,
		"--kubeconfig="+kubeconfig, "--leader-elect=false", "--secure-port=0",
		"--kube-api-qps=200", "--kube-api-burst=400", "--profiling=false",
	)
	return err
}

func loopbackURL(scheme string, port int) string {
	return fmt.Sprintf("%s://127.0.0.1:%d", scheme, port)
}

func get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return fmt.Errorf("%s: %s %s", url, response.Status, text)
	}
	return nil
}

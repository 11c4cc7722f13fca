// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// simulatedKubelet is the part of the simulated node that the API server asks for the logs of containers. It lives in this
// process. What a container has written stands in AnnotationLog.
type simulatedKubelet struct {
	port   int32
	server *http.Server
	client kubernetes.Interface
}

func newKubelet(client kubernetes.Interface, pki pki) (*simulatedKubelet, error) {
	certificate, err := tls.LoadX509KeyPair(pki.serverCert, pki.serverKey)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		return nil, err
	}
	k := &simulatedKubelet{port: int32(number), client: client}
	k.server = &http.Server{Handler: k.handler(), ReadHeaderTimeout: time.Minute}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	go func() { _ = k.server.Serve(tls.NewListener(listener, config)) }()
	return k, nil
}

func (k *simulatedKubelet) close() {
	if k != nil {
		_ = k.server.Close()
	}
}

// endpoint is where the API server finds it.
func (k *simulatedKubelet) endpoint() corev1.NodeDaemonEndpoints {
	return corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: k.port}}
}

func (k *simulatedKubelet) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", k.logs)
	return mux
}

func (k *simulatedKubelet) logs(w http.ResponseWriter, r *http.Request) {
	pod, err := k.client.CoreV1().Pods(r.PathValue("namespace")).Get(r.Context(), r.PathValue("pod"), metav1.GetOptions{})
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	container := r.PathValue("container")
	if !hasStarted(pod, container) {
		http.Error(w, fmt.Sprintf("container %q in pod %q is waiting to start", container, pod.Name), http.StatusBadRequest)
		return
	}
	_, _ = w.Write([]byte(shortened(logOf(pod), r.URL.Query())))
}

func hasStarted(pod *corev1.Pod, container string) bool {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name == container {
			ended := status.State.Terminated
			return status.State.Running != nil || ended != nil && !ended.StartedAt.IsZero()
		}
	}
	return false
}

func logOf(pod *corev1.Pod) string {
	own := ForTask(AnnotationLog, pod.Labels["tekton.dev/pipelineTask"])
	return cmp.Or(pod.Annotations[own], pod.Annotations[AnnotationLog])
}

// shortened keeps of a log what a client has asked for: its last lines, and of these the first bytes.
func shortened(log string, query url.Values) string {
	if lines, err := strconv.Atoi(query.Get("tailLines")); err == nil {
		all := strings.SplitAfter(log, "\n")
		if all[len(all)-1] == "" {
			all = all[:len(all)-1]
		}
		log = strings.Join(all[max(0, len(all)-lines):], "")
	}
	if limit, err := strconv.Atoi(query.Get("limitBytes")); err == nil {
		log = log[:min(len(log), limit)]
	}
	return log
}

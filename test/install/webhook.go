// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned"
	"kubernaut.ai/workflowexecution/test/cluster"
)

const (
	webhookConfigurations = "600-webhook-configurations.yaml"
	webhookName           = "workflowexecution-webhook"
)

var shippedWebhook = shipped{
	name:           webhookName,
	packagePath:    "./cmd/webhook",
	deploymentFile: "503-webhook-deployment.yaml",
	serviceAccount: webhookName,
}

// Webhook is the admission webhook as config/ ships it, as a program that can be started again and
// again. There is room for one process at a time: the API server calls one port of this machine.
type Webhook struct {
	*program

	root string
	port int
}

// NewWebhook builds the webhook and gets it the identity of its ServiceAccount.
func NewWebhook(ctx context.Context, c *cluster.Cluster, root string) (*Webhook, error) {
	c.Printf("building the webhook")
	program, err := shippedWebhook.build(ctx, c, root)
	if err != nil {
		return nil, err
	}
	port, err := c.Port()
	if err != nil {
		return nil, err
	}
	return &Webhook{program: program, root: root, port: port}, nil
}

// Start starts the webhook, tells the API server to ask it, and returns when that works.
func (w *Webhook) Start(ctx context.Context, flags ...string) (*cluster.Process, error) {
	process, probes, err := w.Launch(flags...)
	if err != nil {
		return nil, err
	}
	if err := AwaitReady(ctx, process, probes); err != nil {
		return nil, err
	}
	if err := w.Register(ctx); err != nil {
		return nil, err
	}
	return process, w.AwaitAdmission(ctx)
}

// Launch starts the webhook and returns at once, with the address of its probes.
func (w *Webhook) Launch(flags ...string) (*cluster.Process, string, error) {
	return w.launch(append([]string{"-port=" + strconv.Itoa(w.port)}, flags...)...)
}

// Register applies the webhook configurations: from now on the API server asks, and refuses what the
// webhook does not answer.
func (w *Webhook) Register(ctx context.Context) error {
	options := cluster.ApplyOptions{Change: w.portOnThisMachine}
	return w.cluster.ApplyWith(ctx, options, filepath.Join(w.root, configFolder, webhookConfigurations))
}

func (w *Webhook) portOnThisMachine(object *unstructured.Unstructured) bool {
	cluster.SetWebhookPorts(object, w.port)
	return true
}

// Unregister removes the webhook configurations, as where the webhook is not installed.
func (w *Webhook) Unregister(ctx context.Context) error {
	kube, err := Kubernetes(w.cluster)
	if err != nil {
		return err
	}
	admission := kube.AdmissionregistrationV1()
	const name = "webhook.kubernaut.ai"
	if err := admission.MutatingWebhookConfigurations().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		return err
	}
	return admission.ValidatingWebhookConfigurations().Delete(ctx, name, metav1.DeleteOptions{})
}

// AwaitAdmission returns when a new execution gets what only the webhook gives it.
func (w *Webhook) AwaitAdmission(ctx context.Context) error {
	client, err := versioned.NewForConfig(w.cluster.Config())
	if err != nil {
		return err
	}
	last := error(nil)
	err = wait.PollUntilContextTimeout(ctx, readyInterval, readyTimeout, true, func(ctx context.Context) (bool, error) {
		var created *v1alpha1.WorkflowExecution
		created, last = client.KubernautV1alpha1().WorkflowExecutions(metav1.NamespaceDefault).Create(ctx, probeExecution(), metav1.CreateOptions{
			DryRun: []string{metav1.DryRunAll},
		})
		return last == nil && slices.Contains(created.Finalizers, workflowexecution.FinalizerName), nil
	})
	if err != nil {
		return fmt.Errorf("the webhook does not admit executions: %w (last error: %w)", err, last)
	}
	return nil
}

func probeExecution() *v1alpha1.WorkflowExecution {
	return &v1alpha1.WorkflowExecution{
		ObjectMeta: metav1.ObjectMeta{Name: "admission-probe"},
		Spec: v1alpha1.WorkflowExecutionSpec{
			RemediationRequestRef: corev1.ObjectReference{Name: "probe"},
			WorkflowRef:           v1alpha1.WorkflowRef{WorkflowID: "probe", Version: "v1", ContainerImage: "example.com/probe:v1"},
			TargetResource:        "default/deployment/probe",
		},
	}
}

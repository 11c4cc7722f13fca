// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package events tells people what the reconcilers do.
package events

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	kubescheme "k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/logging"

	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned/scheme"
)

// NewRecorder sends the events of a component to the API server, and to the log. It outlives the context: the last
// reconciles end after it, and what they tell is told too.
func NewRecorder(ctx context.Context, component string) record.EventRecorder {
	broadcaster := record.NewBroadcaster(record.WithContext(context.WithoutCancel(ctx)))
	broadcaster.StartLogging(logging.FromContext(ctx).Named("event-broadcaster").Infof)
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: kubeclient.Get(ctx).CoreV1().Events("")})
	kinds := runtime.NewScheme()
	utilruntime.Must(kubescheme.AddToScheme(kinds))
	utilruntime.Must(scheme.AddToScheme(kinds))
	return broadcaster.NewRecorder(kinds, corev1.EventSource{Component: component})
}

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// eventsTail is how long events may follow the last change of the object.
const eventsTail = 3 * time.Second

// view follows one execution and its events: every phase, condition and event is a line. On a
// terminal the line below them shows the state of the moment.
type view struct {
	client     versioned.Interface
	executions watch.Interface
	events     watch.Interface
	began      time.Time
	terminal   bool
	lastEvent  string
	seen       map[string]string
}

func newView(ctx context.Context, c *cluster.Cluster, client versioned.Interface, name string) (*view, error) {
	kube, err := install.Kubernetes(c)
	if err != nil {
		return nil, err
	}
	byName := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", name).String()}
	executions, err := client.KubernautV1alpha1().WorkflowExecutions(namespace).Watch(ctx, byName)
	if err != nil {
		return nil, err
	}
	about := metav1.ListOptions{FieldSelector: fields.Set{"involvedObject.kind": "WorkflowExecution", "involvedObject.name": name}.String()}
	events, err := kube.CoreV1().Events(namespace).Watch(ctx, about)
	if err != nil {
		executions.Stop()
		return nil, err
	}
	return &view{
		client: client, executions: executions, events: events,
		terminal: term.IsTerminal(int(os.Stdout.Fd())), seen: map[string]string{},
	}, nil
}

func (v *view) close() {
	v.executions.Stop()
	v.events.Stop()
}

func (v *view) submit(ctx context.Context, wfe *v1alpha1.WorkflowExecution) error {
	v.began = time.Now()
	_, err := v.client.KubernautV1alpha1().WorkflowExecutions(namespace).Create(ctx, wfe, metav1.CreateOptions{})
	if err == nil {
		v.line("submitted", wfe.Namespace+"/"+wfe.Name)
	}
	return err
}

// follow shows everything until the execution is over and its last event has come.
func (v *view) follow(ctx context.Context) (*v1alpha1.WorkflowExecution, error) {
	var last *v1alpha1.WorkflowExecution
	var giveUp <-chan time.Time
	redraw := time.NewTicker(time.Second)
	defer redraw.Stop()
	for giveUp == nil || !announcesEnd(v.lastEvent) {
		select {
		case change := <-v.executions.ResultChan():
			wfe, ok := change.Object.(*v1alpha1.WorkflowExecution)
			if !ok {
				return nil, errors.New("the watch of the execution ended")
			}
			last = wfe
			v.show(wfe)
			if wfe.Status.IsTerminal() && giveUp == nil {
				giveUp = time.After(eventsTail)
			}
		case change := <-v.events.ResultChan():
			v.event(change)
		case <-redraw.C:
		case <-giveUp:
			return last, nil
		case <-ctx.Done():
			return last, fmt.Errorf("gave up waiting: %w", context.Cause(ctx))
		}
		v.status(last)
	}
	v.clear()
	return last, nil
}

func announcesEnd(reason string) bool {
	return reason == "WorkflowCompleted" || reason == "WorkflowFailed" || reason == "WorkflowSkipped"
}

func (v *view) show(wfe *v1alpha1.WorkflowExecution) {
	v.once("phase", string(wfe.Status.Phase))
	for _, condition := range wfe.Status.Conditions {
		state := fmt.Sprintf("%s=%s", condition.Type, condition.Status)
		if condition.Reason != "" {
			state += " (" + condition.Reason + ")"
		}
		v.once("condition", state, string(condition.Type))
	}
	if run := wfe.Status.PipelineRunStatus; run != nil {
		v.once("progress", run.Progress)
	}
}

func (v *view) event(change watch.Event) {
	event, ok := change.Object.(*corev1.Event)
	if !ok {
		return
	}
	v.lastEvent = event.Reason
	v.line("event", event.Reason+": "+event.Message)
}

// once shows a value that is new for its kind.
func (v *view) once(kind, value string, key ...string) {
	id := fmt.Sprint(kind, key)
	if value == "" || v.seen[id] == value {
		return
	}
	v.seen[id] = value
	v.line(kind, value)
}

func (v *view) line(kind, text string) {
	v.clear()
	fmt.Printf("%7.2fs  %-10s %s\n", time.Since(v.began).Seconds(), kind, text)
}

func (v *view) status(wfe *v1alpha1.WorkflowExecution) {
	if !v.terminal || wfe == nil {
		return
	}
	progress := ""
	if run := wfe.Status.PipelineRunStatus; run != nil {
		progress = run.Progress
	}
	fmt.Printf("\r\033[K%7.2fs  %s %s", time.Since(v.began).Seconds(), wfe.Status.Phase, progress)
}

func (v *view) clear() {
	if v.terminal {
		fmt.Print("\r\033[K")
	}
}

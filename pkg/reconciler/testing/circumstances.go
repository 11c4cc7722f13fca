// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package testing

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/runtime"
	"knative.dev/pkg/kmeta"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/audit"
)

// Circumstances are what a row has beside its objects.
type Circumstances struct {
	// Config of the row; the defaults where it says nothing.
	Config *config.WorkflowExecution
	// Discovery is the error of API discovery.
	Discovery error
	// AuditSink holds what the sink has stored; where it is nil, no sink answers.
	AuditSink map[uuid.UUID]audit.Event

	live    []runtime.Object
	gone    []runtime.Object
	requeue time.Duration
	err     string

	requeued *time.Duration
	writes   []string
	requests []string
}

const circumstancesKey = "circumstances"

// With states the circumstances of a row, for TableRow.OtherTestData.
func With(circumstances ...func(*Circumstances)) map[string]any {
	c := &Circumstances{Config: config.DefaultWorkflowExecution()}
	for _, add := range circumstances {
		add(c)
	}
	return map[string]any{circumstancesKey: c}
}

// Live are objects as the API server has them; the cache has them as the row lists them, or not at all.
func Live(objects ...runtime.Object) func(*Circumstances) {
	return func(c *Circumstances) { c.live = append(c.live, objects...) }
}

// Gone are objects of the row that only the cache still has.
func Gone(objects ...runtime.Object) func(*Circumstances) {
	return func(c *Circumstances) { c.gone = append(c.gone, objects...) }
}

// Requeues expects the reconcile to ask for another one after that time.
func Requeues(after time.Duration) func(*Circumstances) {
	return func(c *Circumstances) { c.requeue = after }
}

// Fails expects the error to contain that text.
func Fails(text string) func(*Circumstances) {
	return func(c *Circumstances) { c.err = text }
}

// Configured changes the configuration.
func Configured(change func(*config.WorkflowExecution)) func(*Circumstances) {
	return func(c *Circumstances) { change(c.Config) }
}

// Undiscovered makes API discovery fail.
func Undiscovered(err error) func(*Circumstances) {
	return func(c *Circumstances) { c.Discovery = err }
}

// AuditSinkAnswers has every audit event recorded at once; it has those of these executions already.
func AuditSinkAnswers(recorded ...*v1alpha1.WorkflowExecution) func(*Circumstances) {
	return func(c *Circumstances) {
		c.AuditSink = map[uuid.UUID]audit.Event{}
		for _, wfe := range recorded {
			for _, e := range audit.EventsOf(wfe, audit.TypesOf(wfe)) {
				c.AuditSink[e.ID] = e
			}
		}
	}
}

// InOrder expects writes, each given by its beginning, in this order; others may lie between them.
func InOrder(writes ...string) func(*testing.T, *rtesting.TableRow) {
	return func(t *testing.T, row *rtesting.TableRow) {
		t.Helper()
		rest := circumstances(row).writes
		for _, want := range writes {
			for len(rest) > 0 && !strings.HasPrefix(rest[0], want) {
				rest = rest[1:]
			}
			if len(rest) == 0 {
				t.Errorf("No %q in its place among the writes:\n%s", want, strings.Join(circumstances(row).writes, "\n"))
				return
			}
			rest = rest[1:]
		}
	}
}

// AsksNothing expects not a single request.
func AsksNothing(t *testing.T, row *rtesting.TableRow) {
	t.Helper()
	if requests := circumstances(row).requests; len(requests) > 0 {
		t.Errorf("Requests where none was needed:\n%s", strings.Join(requests, "\n"))
	}
}

func circumstances(row *rtesting.TableRow) *Circumstances {
	c, ok := row.OtherTestData[circumstancesKey].(*Circumstances)
	if !ok {
		row.OtherTestData = With()
		c, _ = row.OtherTestData[circumstancesKey].(*Circumstances)
	}
	return c
}

// server is what the API server has.
func (c *Circumstances) server(cached []runtime.Object) []runtime.Object {
	var objects []runtime.Object
	for _, object := range cached {
		if !contains(c.live, object) && !contains(c.gone, object) {
			objects = append(objects, object)
		}
	}
	return append(objects, c.live...)
}

func contains(objects []runtime.Object, object runtime.Object) bool {
	for _, other := range objects {
		if identity(other) == identity(object) {
			return true
		}
	}
	return false
}

func identity(object runtime.Object) string {
	accessor, _ := object.(kmeta.Accessor)
	return fmt.Sprintf("%s %s/%s", reflect.TypeOf(object), accessor.GetNamespace(), accessor.GetName())
}

func (c *Circumstances) check(t *testing.T, err error) {
	t.Helper()
	switch {
	case c.requeued == nil && c.requeue != 0:
		t.Errorf("The reconcile asked for no other one, want one after %s", c.requeue)
	case c.requeued != nil && *c.requeued != c.requeue:
		t.Errorf("The reconcile asked for another one after %s, want %s", *c.requeued, c.requeue)
	}
	if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
		t.Errorf("Error %v, want one with %q", err, c.err)
	}
}

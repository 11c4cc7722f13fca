// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCallsAreUnderstood(t *testing.T) {
	for _, row := range []struct {
		method, url, body string
		want              Call
	}{
		{"GET", "/version", "", Call{Verb: "list"}},
		{"GET", "/apis/tekton.dev/v1", "", Call{Verb: "list"}},
		{"GET", "/api/v1/pods?limit=500", "", Call{Verb: "list", Resource: "pods"}},
		{"GET", "/api/v1/namespaces/a/pods?watch=true", "", Call{Verb: "watch", Resource: "pods", Namespace: "a"}},
		{"GET", "/api/v1/namespaces/a", "", Call{Verb: "get", Resource: "namespaces", Name: "a"}},
		{"POST", "/apis/coordination.k8s.io/v1/namespaces/a/leases", "{}", Call{Verb: "create", Resource: "leases", Namespace: "a", Body: []byte("{}")}},
		{"PUT", "/apis/kubernaut.ai/v1alpha1/namespaces/a/workflowexecutions/b/status", "{}", Call{
			Verb: "update", Resource: "workflowexecutions/status", Namespace: "a", Name: "b", Body: []byte("{}"),
		}},
		{"PATCH", "/apis/tekton.dev/v1/namespaces/a/pipelineruns/b", "[]", Call{Verb: "patch", Resource: "pipelineruns", Namespace: "a", Name: "b", Body: []byte("[]")}},
		{"DELETE", "/api/v1/namespaces/a/pods/b", "", Call{Verb: "delete", Resource: "pods", Namespace: "a", Name: "b"}},
		{"DELETE", "/api/v1/namespaces/a/pods", "", Call{Verb: "deletecollection", Resource: "pods", Namespace: "a"}},
	} {
		t.Run(row.method+" "+row.url, func(t *testing.T) {
			request := httptest.NewRequestWithContext(t.Context(), row.method, row.url, strings.NewReader(row.body))
			got, err := readCall(request)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Body) == 0 {
				got.Body = nil
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("call (-want +got):\n%s", diff)
			}
			if body, err := io.ReadAll(request.Body); err != nil || string(body) != row.body {
				t.Errorf("the body is now %q, %v", body, err)
			}
		})
	}
}

func TestChaosKeepsToItsRateAndItsSeed(t *testing.T) {
	const calls, rate = 10000, 0.1
	faults := []Fault{Conflict, TooManyRequests, ServerError, Closed, AnswerLost}
	play := func(seed uint64) []Fault {
		c := &chaos{Chaos: Chaos{Seed: seed, Rate: rate, Faults: faults}, seen: map[string]int{}, injected: map[Fault]int{}}
		var happened []Fault
		for i := range calls {
			happened = append(happened, c.fault(Call{Verb: "update", Resource: "leases", Name: fmt.Sprintf("lease-%d", i%100)}))
		}
		for _, fault := range faults {
			if share := float64(c.injected[fault]) * float64(len(faults)) / calls; math.Abs(share-rate) > rate/3 {
				t.Errorf("%s has happened %d times", fault, c.injected[fault])
			}
		}
		return happened
	}
	if diff := cmp.Diff(play(1), play(1)); diff != "" {
		t.Errorf("the same seed has done something else:\n%s", diff)
	}
	if cmp.Equal(play(1), play(2)) {
		t.Error("the seed does not matter")
	}
}

func TestChaosLeavesAlone(t *testing.T) {
	c := &chaos{
		Chaos: Chaos{Rate: 1, Faults: []Fault{Conflict}, Applies: func(c Call) bool { return c.Resource != "pods" }},
		seen:  map[string]int{}, injected: map[Fault]int{},
	}
	for _, call := range []Call{
		{Verb: "watch", Resource: "leases"}, {Verb: "get", Resource: "leases"}, {Verb: "create", Resource: "leases"}, {Verb: "update", Resource: "pods"},
	} {
		if fault := c.fault(call); fault != "" {
			t.Errorf("%s has met %q", call, fault)
		}
	}
	if fault := c.fault(Call{Verb: "update", Resource: "leases"}); fault != Conflict {
		t.Errorf("an update has met %q", fault)
	}
}

func TestAnswersAreThoseOfAnAPIServer(t *testing.T) {
	for fault, want := range map[Fault]string{
		Conflict: `"reason":"Conflict"`, TooManyRequests: `"reason":"TooManyRequests"`, ServerError: `"reason":"InternalError"`,
	} {
		recorder := httptest.NewRecorder()
		fault.answer(recorder, Call{Verb: "update", Resource: "leases", Name: "a"})
		if body := recorder.Body.String(); !strings.Contains(body, want) || !strings.Contains(body, `"kind":"Status"`) || recorder.Code < http.StatusBadRequest {
			t.Errorf("%s is answered by %d: %s", fault, recorder.Code, body)
		}
	}
}

func TestLagKeepsOrderAndTime(t *testing.T) {
	const delay = 300 * time.Millisecond
	l := &lags{}
	l.set("pods", delay)
	began := time.Now()
	body := newLaggingBody(io.NopCloser(oneByOne("first", "second")), l.of("pods"))
	first := make([]byte, 100)
	n, err := body.Read(first)
	if took := time.Since(began); err != nil || string(first[:n]) != "first" || took < delay {
		t.Errorf("read %q, %v after %s", first[:n], err, took)
	}
	if rest, err := io.ReadAll(body); err != nil || string(rest) != "second" {
		t.Errorf("read %q, %v", rest, err)
	}
	if l.of("leases")() != 0 {
		t.Error("leases lag too")
	}
	l.set(AllResources, delay)
	if l.of("leases")() != delay {
		t.Error("not all resources lag")
	}
}

func TestLaggingBodyCanBeClosed(t *testing.T) {
	l := &lags{}
	l.set(AllResources, time.Hour)
	body := newLaggingBody(io.NopCloser(oneByOne("first")), l.of("pods"))
	done := make(chan error)
	go func() {
		_, err := body.Read(make([]byte, 1))
		done <- err
	}()
	if err := body.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Error("something was read before it was due")
	}
}

// oneByOne is read chunk by chunk.
func oneByOne(chunks ...string) io.Reader {
	readers := make([]io.Reader, 0, len(chunks))
	for _, c := range chunks {
		readers = append(readers, bytes.NewReader([]byte(c)))
	}
	return io.MultiReader(readers...)
}

func TestHoldTakesOneCallOnly(t *testing.T) {
	p := &FaultProxy{}
	hold := p.Hold(func(c Call) bool { return c.Mentions("a") })
	lease := func(name string) Call { return Call{Verb: "update", Resource: "leases", Name: name} }
	if held, _ := p.look(lease("b")); held != nil {
		t.Error("another call is held")
	}
	if held, _ := p.look(lease("a")); held != hold {
		t.Error("the call is not held")
	}
	<-hold.Reached()
	if held, _ := p.look(lease("a")); held != nil {
		t.Error("a second call is held")
	}
	go hold.LetGo()
	if !hold.wait(t.Context()) {
		t.Error("the call was not let go")
	}
}

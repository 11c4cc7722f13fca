// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Fault is what can happen to a call.
type Fault string

const (
	// Conflict refuses an update, patch or deletion as one that came too late.
	Conflict Fault = "conflict"
	// TooManyRequests refuses a call and asks to come back after a second.
	TooManyRequests Fault = "too many requests"
	// ServerError answers with code 500.
	ServerError Fault = "server error"
	// Closed ends the connection before the API server has seen the call.
	Closed Fault = "closed"
	// AnswerLost ends the connection after the API server has done what was asked.
	AnswerLost Fault = "answer lost"
)

var errAnswerLost = errors.New("the answer is lost here")

// Chaos lets calls fail at random. Which ones is a matter of the seed, the call and how often it came
// before, so that it does not depend on the order in which workers come to call.
type Chaos struct {
	Seed uint64
	// Rate of calls that fail, 0 to 1.
	Rate float64
	// Faults to choose from.
	Faults []Fault
	// Applies tells which calls may fail. Watches, events and discovery never do.
	Applies func(Call) bool
}

// Inject lets calls fail from now on, until Calm.
func (p *FaultProxy) Inject(c Chaos) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.chaos = &chaos{Chaos: c, seen: map[string]int{}, injected: map[Fault]int{}}
}

// Calm ends what Inject began, and tells how often which fault has happened.
func (p *FaultProxy) Calm() map[Fault]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.chaos == nil {
		return nil
	}
	injected := maps.Clone(p.chaos.injected)
	p.chaos = nil
	return injected
}

type chaos struct {
	Chaos

	seen     map[string]int
	injected map[Fault]int
}

// fault is empty for a call that may pass.
func (c *chaos) fault(call Call) Fault {
	if c == nil || call.Verb == "watch" || c.Applies != nil && !c.Applies(call) {
		return ""
	}
	var possible []Fault
	for _, fault := range c.Faults {
		if fault != Conflict || call.Verb == "update" || call.Verb == "patch" || call.Verb == "delete" {
			possible = append(possible, fault)
		}
	}
	key := fmt.Sprintf("%s %s/%s", call, call.Namespace, call.Name)
	c.seen[key]++
	if len(possible) == 0 || c.random(key, "fails") >= c.Rate {
		return ""
	}
	fault := possible[int(c.random(key, "how")*float64(len(possible)))]
	c.injected[fault]++
	return fault
}

// random is at least 0 and below 1.
func (c *chaos) random(key, question string) float64 {
	sum := fnv.New64a()
	fmt.Fprintf(sum, "%d %s %d %s", c.Seed, key, c.seen[key], question)
	mixed := sum.Sum64()
	// The high bits of this hash vary little in its last characters.
	mixed ^= mixed >> 33
	mixed *= 0xff51afd7ed558ccd
	mixed ^= mixed >> 33
	return float64(mixed>>11) / math.Exp2(53)
}

func (f Fault) answer(w http.ResponseWriter, call Call) {
	resource := schema.GroupResource{Resource: call.Resource}
	var status *apierrors.StatusError
	switch f {
	case Conflict:
		status = apierrors.NewConflict(resource, call.Name, errors.New("injected"))
	case TooManyRequests:
		status = apierrors.NewTooManyRequests("injected", 1)
		w.Header().Set("Retry-After", "1")
	case ServerError:
		status = apierrors.NewInternalError(errors.New("injected"))
	case Closed, AnswerLost:
		panic(http.ErrAbortHandler)
	}
	status.ErrStatus.Kind, status.ErrStatus.APIVersion = "Status", "v1"
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(status.ErrStatus.Code))
	_ = json.NewEncoder(w).Encode(status.ErrStatus) // whoever does not listen any more has left
}

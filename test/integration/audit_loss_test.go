// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/audit"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/postgres"
)

const (
	lossWaves     = 10
	lossPerWave   = 50
	lossDeletions = 20
	lossClearings = 5
)

// trailOf is a namespace full of executions, whose events are all to be in a database.
type trailOf struct {
	namespace string
	images    map[string]string
	server    *postgres.Server
	// gone are executions that were deleted, as they were last seen.
	gone map[types.UID]*v1alpha1.WorkflowExecution
}

// The controller is killed ten times while 500 executions go through all phases, PostgreSQL dies and
// comes back, is restarted, and hangs. Executions are deleted while it is away, blocks are cleared and
// deleted. At the end the table has exactly the events that there are, each once.
func TestNoAuditEventIsLost(t *testing.T) {
	l := &trailOf{namespace: newNamespace(t), images: map[string]string{}, server: database(t), gone: map[types.UID]*v1alpha1.WorkflowExecution{}}
	for kind, simulate := range map[string]map[string]string{
		"good": nil,
		"bad":  {cluster.AnnotationFailTask: "repair"},
		"hold": {cluster.AnnotationStepDuration: "20m"},
	} {
		l.images[kind], _ = workflow{simulate: simulate}.push(t, bundle(t, kind))
	}
	l.images["none"] = world.Cluster.Registry() + "/tests/none:v1"
	holder := awaitPhase(t, submit(t, newExecution(l.namespace, "holder", l.images["hold"])), v1alpha1.PhaseRunning)

	for wave := range lossWaves {
		l.submit(t, wave, holder.Spec.TargetResource)
		l.disturb(t, wave)
		l.awaitDecided(t, (wave*lossPerWave)+lossPerWave/2)
		kill(t)
		restart(t)
	}
	l.delete(t, holder)
	l.awaitAudited(t)
	l.endBlocks(t)
	l.awaitAudited(t)
	l.expectEachOnce(t)
}

func (l *trailOf) submit(t *testing.T, wave int, held string) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(8)
	client := world.Executions.KubernautV1alpha1().WorkflowExecutions(l.namespace)
	for i := range lossPerWave {
		name := fmt.Sprintf("w%d-%02d", wave, i)
		var wfe *v1alpha1.WorkflowExecution
		switch i % 10 {
		case 0, 1:
			wfe = newExecution(l.namespace, name, l.images["good"])
		case 2:
			wfe = newExecution(l.namespace, name, l.images["bad"])
		case 3:
			wfe = newExecution(l.namespace, name, l.images["none"])
		case 4:
			wfe = newExecution(l.namespace, name, l.images["good"], withTarget(l.namespace+"/nokind/"+name))
		default:
			wfe = newExecution(l.namespace, name, l.images["good"], withTarget(held))
		}
		group.Go(func() error {
			_, err := client.Create(t.Context(), wfe, metav1.CreateOptions{})
			return err
		})
	}
	must(t, group.Wait())
}

// disturb is what happens to the sink in a wave.
func (l *trailOf) disturb(t *testing.T, wave int) {
	t.Helper()
	switch wave {
	case 2:
		must(t, l.server.Kill())
	case 3:
		l.deleteSome(t)
	case 4:
		must(t, l.server.Restart())
	case 5:
		must(t, l.server.Stop(postgres.Fast))
		must(t, l.server.Restart())
	case 7:
		must(t, l.server.Pause())
	case 8:
		must(t, l.server.Resume())
	}
}

func (l *trailOf) list(ctx context.Context, t *testing.T) []v1alpha1.WorkflowExecution {
	t.Helper()
	list, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(l.namespace).List(ctx, metav1.ListOptions{})
	must(t, err)
	return list.Items
}

// awaitDecided waits until that many executions have started or ended.
func (l *trailOf) awaitDecided(t *testing.T, enough int) {
	t.Helper()
	awaitGone(t, "too much that is undecided", func(ctx context.Context) (bool, error) {
		decided := len(l.gone)
		for _, wfe := range l.list(ctx, t) {
			if wfe.Status.HasStarted() || wfe.Status.IsTerminal() {
				decided++
			}
		}
		return decided < enough, nil
	})
}

func (l *trailOf) delete(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	deleteExecution(t, wfe)
	last := awaitExecution(t, wfe, "the end", func(wfe *v1alpha1.WorkflowExecution) bool {
		return wfe.DeletionTimestamp != nil && wfe.Status.IsTerminal()
	})
	l.gone[wfe.UID] = last
}

// deleteSome deletes executions that are over, while the sink is away: none of them goes.
func (l *trailOf) deleteSome(t *testing.T) {
	t.Helper()
	deleted := 0
	for _, wfe := range l.list(t.Context(), t) {
		if deleted < lossDeletions && wfe.Status.IsTerminal() && len(audit.Outstanding(&wfe)) > 0 {
			l.delete(t, &wfe)
			deleted++
		}
	}
	if deleted == 0 {
		t.Error("nothing waited for the sink, though it is away")
	}
	t.Logf("%d executions were deleted while the sink was away", deleted)
}

// endBlocks ends blocks of failed executions, some by clearance, some by deletion.
func (l *trailOf) endBlocks(t *testing.T) {
	t.Helper()
	client := world.Executions.KubernautV1alpha1().WorkflowExecutions(l.namespace)
	ended := 0
	for _, wfe := range l.list(t.Context(), t) {
		if ended == 2*lossClearings || !wfe.Status.Blocks() || wfe.DeletionTimestamp != nil {
			continue
		}
		ended++
		if ended%2 == 0 {
			deleteExecution(t, &wfe)
			wfe.DeletionTimestamp = new(metav1.NewTime(time.Now()))
			l.gone[wfe.UID] = &wfe
			continue
		}
		_, err := client.Patch(t.Context(), wfe.Name, types.MergePatchType,
			[]byte(`{"status":{"blockClearanceRequest":{"reason":"looked at it"}}}`), metav1.PatchOptions{}, "status")
		must(t, err)
	}
	expect(t, "ended blocks", 2*lossClearings, ended)
}

func (l *trailOf) awaitAudited(t *testing.T) {
	t.Helper()
	awaitGone(t, "what is not audited", func(ctx context.Context) (bool, error) {
		for _, wfe := range l.list(ctx, t) {
			if !isAudited(&wfe) || wfe.DeletionTimestamp != nil {
				return true, nil
			}
		}
		return false, nil
	})
}

// expectEachOnce compares the table with the executions.
func (l *trailOf) expectEachOnce(t *testing.T) {
	t.Helper()
	want := map[string]int{}
	count := func(wfe *v1alpha1.WorkflowExecution) {
		for _, e := range audit.TypesOf(wfe) {
			want[wfe.Name+" "+string(e)+" "+audit.ID(wfe.UID, e).String()] = 1
		}
	}
	for _, wfe := range l.list(t.Context(), t) {
		count(&wfe)
	}
	for _, wfe := range l.gone {
		count(wfe)
	}
	rows, err := connect(t, l.server).Query(t.Context(),
		`SELECT resource_id, event_type, event_id::text, event_timestamp FROM audit_events WHERE namespace = $1`, l.namespace)
	must(t, err)
	got, started, ended, kinds := map[string]int{}, map[string]time.Time{}, map[string]time.Time{}, map[string]int{}
	for rows.Next() {
		var name, kind, id string
		var at time.Time
		must(t, rows.Scan(&name, &kind, &id, &at))
		got[name+" "+kind+" "+id]++
		kinds[kind]++
		if kind == string(audit.WorkflowStarted) {
			started[name] = at
		} else {
			ended[name] = at
		}
	}
	must(t, rows.Err())
	for name, at := range started {
		if ended[name].Before(at) {
			t.Errorf("%s has started at %s and ended at %s", name, at, ended[name])
		}
	}
	expect(t, "events", want, got)
	t.Logf("%d events: %v", len(got), kinds)
}

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// life is one way in which an execution can go, from its creation to where nothing more will happen.
type life struct {
	name     string
	simulate map[string]string
	// before prepares the target of an execution that is about to be created; nil if it is to be free.
	before func(t *testing.T, namespace, name string)
	// live brings the execution there; its end is checked by the caller.
	live func(t *testing.T, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution
}

func endsAs(phase v1alpha1.Phase) func(*testing.T, *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	return func(t *testing.T, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
		t.Helper()
		return awaitPhase(t, wfe, phase)
	}
}

// deletedWhenLocked deletes the execution as soon as it has its target, whatever is there by then.
func deletedWhenLocked(t *testing.T, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	t.Helper()
	awaitLocked(t, wfe)
	deleteExecution(t, wfe)
	awaitNoExecution(t, wfe)
	return nil
}

const holderPrefix = "holder-of-"

// heldTarget has the target held by another execution, which works for a long time.
func heldTarget(t *testing.T, namespace, name string) {
	t.Helper()
	image, _ := workflow{tasks: []string{"long"}, simulate: map[string]string{cluster.AnnotationStepDuration: "5m"}}.push(t, bundle(t, "long"))
	holder := submit(t, newExecution(namespace, holderPrefix+name, image,
		withTarget(namespace+"/deployment/"+name), withWorkflow("long")))
	awaitStep(t, awaitPhase(t, holder, v1alpha1.PhaseRunning))
}

func holderOfTarget(t *testing.T, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	t.Helper()
	holder, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Get(t.Context(), holderPrefix+wfe.Name, metav1.GetOptions{})
	must(t, err)
	return holder
}

// skippedForTheHolder ends with the deletion of the holder, so that the target is free.
func skippedForTheHolder(t *testing.T, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	t.Helper()
	holder := holderOfTarget(t, wfe)
	details := awaitPhase(t, wfe, v1alpha1.PhaseSkipped).Status.SkipDetails
	expect(t, "reason", v1alpha1.SkipResourceBusy, details.Reason)
	expect(t, "holder", holder.Name, details.ConflictingWorkflow.Name)
	expect(t, "phase of the holder", v1alpha1.PhaseRunning, holder.Status.Phase)
	deletedWhenLocked(t, holder)
	return nil
}

// takesOver removes the holder by force. Its run is ended, and then another execution gets the target.
func takesOver(t *testing.T, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	t.Helper()
	holder := holderOfTarget(t, wfe)
	awaitPhase(t, wfe, v1alpha1.PhaseSkipped)
	removeWithoutFinalizer(t, holder)
	awaitNoRun(t, holder)
	next := newExecution(wfe.Namespace, "next-"+wfe.Name, wfe.Spec.WorkflowRef.ContainerImage, withTarget(wfe.Spec.TargetResource))
	awaitGone(t, "the lock of the holder", func(context.Context) (bool, error) { return isLocked(t, wfe), nil })
	awaitPhase(t, submit(t, next), v1alpha1.PhaseCompleted)
	return nil
}

// The controller is killed at each of its writes in the life of an execution, before and after the
// API server has done it. Its successor brings every execution to the same end.
func TestKilledAtEachWrite(t *testing.T) {
	short := map[string]string{cluster.AnnotationStepDuration: "100ms"}
	failing := map[string]string{cluster.AnnotationStepDuration: "100ms", cluster.AnnotationFailTask: "repair"}
	for _, l := range []life{
		{name: "success", simulate: short, live: endsAs(v1alpha1.PhaseCompleted)},
		{name: "failure", simulate: failing, live: endsAs(v1alpha1.PhaseFailed)},
		{name: "deletion", simulate: short, live: deletedWhenLocked},
		{name: "skip", simulate: short, before: heldTarget, live: skippedForTheHolder},
		{name: "takeover", simulate: short, before: heldTarget, live: takesOver},
	} {
		t.Run(l.name, func(t *testing.T) {
			image, _ := workflow{tasks: []string{"repair"}, simulate: l.simulate}.push(t, bundle(t))
			points := crashPoints{proxy: newProxy(t), namespace: newNamespace(t), image: image, life: l}
			t.Logf("%d crash points", points.tryAll(t))
		})
	}
}

func newProxy(t *testing.T) *install.CrashProxy {
	t.Helper()
	proxy, err := install.NewCrashProxy(world.Cluster)
	must(t, err)
	t.Cleanup(proxy.Close)
	return proxy
}

type crashPoints struct {
	proxy     *install.CrashProxy
	namespace string
	image     string
	life      life
}

// tryAll goes on until a life has no further write, and tells how many points there were.
func (c *crashPoints) tryAll(t *testing.T) int {
	t.Helper()
	kill(t)
	must(t, c.start(t.Context()))
	defer func() {
		kill(t)
		restart(t)
	}()
	tried := 0
	for at := 1; ; at++ {
		for _, after := range []bool{false, true} {
			if !c.try(t, at, after) {
				return tried
			}
			tried++
		}
	}
}

// try tells whether the life had that write.
func (c *crashPoints) try(t *testing.T, at int, after bool) (reached bool) {
	t.Helper()
	name := fmt.Sprintf("at-%d-%t", at, after)
	if c.life.before != nil {
		c.life.before(t, c.namespace, name)
	}
	victim := world.Replica
	crash := c.proxy.Arm(at, after, func() { _ = victim.Kill() })
	ctx, cancel := context.WithCancel(t.Context())
	successor := c.succeed(ctx, victim)
	defer func() {
		cancel()
		must(t, <-successor)
	}()

	wfe := submit(t, newExecution(c.namespace, name, c.image, withTarget(c.namespace+"/deployment/"+name)))
	last := c.life.live(t, wfe)
	select {
	case <-crash:
		reached = true
		<-victim.Done()
	default:
	}
	expectEnd(t, wfe, last)
	if t.Failed() {
		t.Fatalf("killed at write %d, after it: %t", at, after)
	}
	return reached
}

// succeed starts a successor if the victim ends before the context does. The result comes when that
// is done, or is not needed any more.
func (c *crashPoints) succeed(ctx context.Context, victim *cluster.Process) <-chan error {
	result := make(chan error, 1)
	go func() {
		select {
		case <-ctx.Done():
			if victim.Running() {
				result <- nil
				return
			}
		case <-victim.Done():
		}
		result <- c.start(context.WithoutCancel(ctx))
	}()
	return result
}

func (c *crashPoints) start(ctx context.Context) error {
	c.proxy.Arm(0, false, nil)
	through, err := c.proxy.Through(world.Controller)
	if err != nil {
		return err
	}
	world.Replica, err = world.Controller.Start(ctx, install.Alone, through)
	return err
}

// expectEnd checks what has to hold when a life is over, however often the controller died in it.
func expectEnd(t *testing.T, submitted, last *v1alpha1.WorkflowExecution) {
	t.Helper()
	if isLocked(t, submitted) {
		t.Error("the target is still locked")
	}
	if last == nil {
		awaitGone(t, "the PipelineRun", func(context.Context) (bool, error) { return len(runsOf(t, submitted)) > 0, nil })
		return
	}
	if run := runOf(t, last); run.UID != last.Status.PipelineRunRef.UID || !run.IsDone() {
		t.Errorf("run %s/%s (%s) does not fit the reference %+v", run.Namespace, run.Name, run.UID, last.Status.PipelineRunRef)
	}
	if released := last.Status.ReleasedTime; released == nil || released.Before(last.Status.CompletionTime) {
		t.Errorf("the target was freed at %v, the run ended at %s", released, last.Status.CompletionTime)
	}
}

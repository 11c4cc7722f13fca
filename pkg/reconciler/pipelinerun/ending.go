// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package pipelinerun

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
)

// Ending says how a run is ended, and what is left of it.
type Ending struct {
	Ref Ref
	// Run as it was read, nil if it is gone.
	Run *tektonv1.PipelineRun
	// HasStarted tells that the run was started, whatever a cache may say of it.
	HasStarted bool
	// Reason is noted on the run when it is cancelled.
	Reason v1alpha1.FailureReason
	// Grace is how long its finally tasks may run. It counts from Since, or from the cancellation if that came later: they
	// get their time also when no controller was up to cancel the run at once.
	Since time.Time
	Grace time.Duration
	// SkipsFinally keeps the finally tasks from running: another execution has the target.
	SkipsFinally bool
	// KeepsEvidence has nothing deleted that could tell of the run, which is not stored yet.
	KeepsEvidence bool
}

// Progress is how far an ending has come.
type Progress struct {
	// Ended tells that nothing can run any more, now or later.
	Ended bool
	// Overdue tells that the run was cancelled, has had its grace, and has not ended.
	Overdue bool
	// Left names what may still run.
	Left string
	// Warning says what does not end, and what a person should do. It is empty while everything may still end by itself.
	Warning string
	// Next is when to look again, 0 if a watch announces whatever comes next.
	Next time.Duration
}

// With is the progress of two endings together.
func (p Progress) With(other Progress) Progress {
	return Progress{
		Ended:   p.Ended && other.Ended,
		Overdue: p.Overdue || other.Overdue,
		Left:    joined(", ", p.Left, other.Left),
		Warning: joined(". ", p.Warning, other.Warning),
		Next:    sooner(p.Next, other.Next),
	}
}

// End does what there is to do next to end a run: cancel it, so that its finally tasks run, wait for them, delete it, and
// delete what it has left. It is the one way to that, for a deadline, a deleted execution and a dead holder alike.
func (r *Runs) End(ctx context.Context, e Ending) (Progress, error) {
	if e.Run == nil || e.Run.IsDone() {
		return r.endLeftovers(ctx, e)
	}
	if !e.HasStarted {
		isUnstarted, err := r.IsUnstarted(ctx, e.Run)
		if err != nil {
			return Progress{}, err
		}
		if isUnstarted {
			return r.endUnmade(ctx, e)
		}
	}
	switch cancelled := resources.CancelledAt(e.Run); {
	case !resources.IsCancelled(e.Run), e.SkipsFinally && e.Run.Spec.Status == tektonv1.PipelineRunSpecStatusCancelledRunFinally:
		return Progress{Left: describe(e.Run), Next: e.Grace}, r.cancel(ctx, e.Run, e.Reason, e.cancellation())
	case cancelled.IsZero() && e.Since.IsZero() && e.Grace > 0:
		// A person has cancelled it, and did not say when: its finally tasks have their time from now on.
		return Progress{Left: describe(e.Run), Next: e.Grace}, r.cancel(ctx, e.Run, e.Reason, string(e.Run.Spec.Status))
	}
	if remaining := r.graceRemaining(e); remaining > 0 {
		return Progress{Left: describe(e.Run), Next: remaining}, nil
	}
	return r.endOverdue(ctx, e)
}

func (e Ending) cancellation() string {
	if e.SkipsFinally {
		return tektonv1.PipelineRunSpecStatusCancelled
	}
	return tektonv1.PipelineRunSpecStatusCancelledRunFinally
}

// endUnmade deletes a run that Tekton has made nothing of, unless it has changed, and looks whether that is still so.
func (r *Runs) endUnmade(ctx context.Context, e Ending) (Progress, error) {
	if err := r.deleteUnchanged(ctx, e.Run); err != nil {
		return Progress{}, err
	}
	e.Run = nil
	return r.endLeftovers(ctx, e)
}

// EndAll ends what of the work on a target is in the way, with all that it leaves. What does not belong to a run of the
// caller's wakes nobody, so there is always a next look.
func (r *Runs) EndAll(ctx context.Context, work Work, e Ending) (Progress, error) {
	var failed error
	all, isEnding := Progress{Ended: true}, sets.New[types.UID]()
	for _, run := range work.Runs {
		one := e
		one.Run, one.Grace, one.Ref = run, GraceOf(run), Ref{Namespace: run.Namespace, Name: run.Name, UID: run.UID, Execution: HolderOf(run).UID}
		progress, err := r.End(ctx, one)
		// What cannot be ended keeps nothing else from its end.
		failed = errors.Join(failed, err)
		progress.Ended = progress.Ended && err == nil
		all = all.With(progress)
		isEnding.Insert(run.UID)
	}
	rest := work.Where(func(object metav1.Object) bool { return !isEnding.Has(resources.RunUIDOf(object)) })
	left := Leftovers{taskRuns: rest.TaskRuns, customRuns: rest.CustomRuns, pods: rest.Pods}
	if !left.Any() {
		return all, failed
	}
	progress, err := r.endThese(ctx, left, e)
	progress.Next = sooner(progress.Next, backOff(left.age(r.clock.Now())))
	return all.With(progress), errors.Join(failed, err)
}

// GraceOf is what the finally tasks of a run have, 0 where somebody has removed the settings of the run: then nobody knows.
func GraceOf(run *tektonv1.PipelineRun) time.Duration {
	if run == nil {
		return 0
	}
	settings, err := resources.SettingsOf(run)
	if err != nil {
		return 0
	}
	return settings.CancelGrace.Duration
}

// endOverdue deletes a run that nobody ends, after its TaskRuns and pods. One that Tekton has made nothing of has no evidence.
func (r *Runs) endOverdue(ctx context.Context, e Ending) (Progress, error) {
	progress := Progress{Overdue: true, Left: describe(e.Run), Next: backOff(r.overdue(e))}
	if e.KeepsEvidence {
		isEmpty, err := r.IsEmpty(ctx, e.Ref)
		if err != nil {
			return progress, err
		}
		if isEmpty {
			return r.endUnmade(ctx, e)
		}
		progress.Warning = notEnding(e.Run)
		return progress, nil
	}
	if deleted := e.Run.DeletionTimestamp; deleted != nil && r.clock.Since(deleted.Time) > straggling {
		progress.Warning = notGoing(e.Run)
		left, err := r.FindLeftovers(ctx, e.Ref, e.Run)
		if err != nil {
			return progress, err
		}
		progress.Warning = joined(". ", progress.Warning, left.unresponsive(r.clock.Now()))
		return progress, nil
	}
	return progress, r.DeleteForeground(ctx, e.Run)
}

// describe names a run, for people that know of one.
func describe(run *tektonv1.PipelineRun) string {
	if IsOwn(run) {
		return "the PipelineRun"
	}
	return "PipelineRun " + run.Name
}

func notEnding(run *tektonv1.PipelineRun) string {
	text := fmt.Sprintf("PipelineRun %s/%s was cancelled and does not end", run.Namespace, run.Name)
	if run.Spec.ManagedBy != nil {
		return text + fmt.Sprintf(": its field spec.managedBy hands it to %q, so Tekton leaves it alone; "+
			"exclude the namespace from whatever sets that field", *run.Spec.ManagedBy)
	}
	return text + ": look at the log of Tekton's controller and at the TaskRuns of the run; if nothing of it runs any more, delete it"
}

func notGoing(run *tektonv1.PipelineRun) string {
	return fmt.Sprintf("PipelineRun %s/%s was deleted and does not go: look at its TaskRuns and finalizers (%s)",
		run.Namespace, run.Name, strings.Join(run.Finalizers, ", "))
}

// cancelledSince is from when a cancelled run has its grace.
func (r *Runs) cancelledSince(e Ending) time.Time {
	if cancelled := resources.CancelledAt(e.Run); cancelled.After(e.Since) {
		return cancelled
	}
	return e.Since
}

func (r *Runs) graceRemaining(e Ending) time.Duration {
	return r.cancelledSince(e).Add(e.Grace).Sub(r.clock.Now())
}

// overdue is for how long the run should have ended, or gone where it was deleted.
func (r *Runs) overdue(e Ending) time.Duration {
	since := r.cancelledSince(e)
	if !since.IsZero() {
		since = since.Add(e.Grace)
	}
	if deleted := e.Run.DeletionTimestamp; deleted != nil && deleted.After(since) {
		since = deleted.Time
	}
	if since.IsZero() {
		return 0
	}
	return r.clock.Since(since)
}

// backOff grows with the time that something is overdue: what did not end in an hour is not looked at every second.
func backOff(overdue time.Duration) time.Duration {
	const divisor, shortest, longest = 4, 2 * time.Second, 5 * time.Minute
	return min(max(overdue/divisor, shortest), longest)
}

// sooner of two times to look again, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

func joined(separator string, parts ...string) string {
	var some []string
	for _, part := range parts {
		if part != "" {
			some = append(some, part)
		}
	}
	return strings.Join(some, separator)
}

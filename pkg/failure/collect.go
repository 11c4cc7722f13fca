// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"context"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	"kubernaut.ai/workflowexecution/pkg/apierror"
)

// collectTime is how long a failure may take to be looked into, the log included.
const collectTime = 5 * time.Second

// Sources read what is left of a run, each with one request.
type Sources interface {
	TaskRuns(context.Context) ([]tektonv1.TaskRun, error)
	CustomRuns(context.Context) ([]tektonv1beta1.CustomRun, error)
	// Pods are those that exist, and those that are remembered. Of these, some may be outdated.
	Pods(context.Context) (pods []corev1.Pod, outdated sets.Set[types.UID], err error)
	// Log is the end of what a container has written.
	Log(ctx context.Context, namespace, pod, container string, lines int) (string, error)
}

// Collect completes the evidence by what the API server has, and by the last lines of the step that failed. What
// may not be read is a gap. The error is one that a repetition can mend; a log is never worth that.
func (e *Evidence) Collect(ctx context.Context, from Sources, lines int) error {
	ctx, cancel := context.WithTimeout(ctx, collectTime)
	defer cancel()
	group, each := errgroup.WithContext(ctx)
	answers := []answer{{what: KindTaskRuns}, {what: KindCustomRuns}, {what: KindPods}}
	group.Go(func() (err error) {
		e.TaskRuns, err = from.TaskRuns(each)
		return answers[0].permit(err)
	})
	group.Go(func() (err error) {
		e.CustomRuns, err = from.CustomRuns(each)
		return answers[1].permit(err)
	})
	group.Go(func() (err error) {
		e.Pods, e.Outdated, err = from.Pods(each)
		return answers[2].permit(err)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	for _, a := range answers {
		e.note(a.what, a.refused)
	}
	e.readLog(ctx, from, lines)
	return nil
}

// answer is what came of a request.
type answer struct {
	what    Kind
	refused error
}

// permit takes a missing permission for an answer: no repetition would mend it.
func (a *answer) permit(err error) error {
	if apierrors.IsForbidden(err) {
		a.refused = err
		return nil
	}
	return err
}

func (e *Evidence) note(what Kind, why error) {
	if why != nil {
		e.Gaps = append(e.Gaps, Gap{What: what, Why: why.Error()})
	}
}

func (e *Evidence) readLog(ctx context.Context, from Sources, lines int) {
	namespace, pod, container, ok := e.StepToRead()
	if !ok || lines == 0 {
		return
	}
	log, err := from.Log(ctx, namespace, pod, container, lines)
	if e.Log = log; !apierror.IsGone(err) {
		e.note(KindLog, err)
	}
}

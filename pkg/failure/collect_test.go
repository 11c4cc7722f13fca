// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonv1beta1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
)

// sources are those of a recorded case, of which each may fail.
type sources struct {
	recorded
	fails map[Kind]error
	// hangs is a kind that never answers.
	hangs Kind
	asked []Kind
	lines int
}

func (s *sources) ask(ctx context.Context, what Kind) error {
	if s.hangs == what {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.fails[what]
}

func (s *sources) TaskRuns(ctx context.Context) ([]tektonv1.TaskRun, error) {
	return s.recorded.TaskRuns, s.ask(ctx, KindTaskRuns)
}

func (s *sources) CustomRuns(ctx context.Context) ([]tektonv1beta1.CustomRun, error) {
	return nil, s.ask(ctx, KindCustomRuns)
}

func (s *sources) Pods(ctx context.Context) ([]corev1.Pod, sets.Set[types.UID], error) {
	return s.recorded.Pods, nil, s.ask(ctx, KindPods)
}

func (s *sources) Log(ctx context.Context, _, pod, container string, lines int) (string, error) {
	s.asked, s.lines = append(s.asked, KindLog), lines
	return s.Logs[pod+"/"+container], s.ask(ctx, KindLog)
}

func (s *sources) evidence() Evidence {
	e := s.recorded.evidence()
	e.TaskRuns, e.Pods, e.Log = nil, nil, ""
	return e
}

func TestCollect(t *testing.T) {
	s := &sources{recorded: load(t, "rbac-forbidden")}
	e := s.evidence()
	if err := e.Collect(t.Context(), s, 50); err != nil {
		t.Fatal(err)
	}
	got := explain(e)
	if got.FailedStepName != "main" || !strings.Contains(got.LogTail, "Error from server (Forbidden)") || s.lines != 50 || len(s.asked) != 1 {
		t.Errorf("%d lines of %d logs, %+v", s.lines, len(s.asked), got)
	}
}

// What may not be read is said, and degrades what is explained; it never makes it look safer.
func TestCollectWithGaps(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "things"}, "", errors.New("no"))
	for what, err := range map[Kind]error{
		KindTaskRuns: forbidden, KindCustomRuns: forbidden, KindPods: forbidden, KindLog: errors.New("connection refused"),
	} {
		t.Run(string(what), func(t *testing.T) {
			s := &sources{recorded: load(t, "step-exit-code"), fails: map[Kind]error{what: err}}
			e := s.evidence()
			if err := e.Collect(t.Context(), s, 50); err != nil {
				t.Fatal(err)
			}
			got := explain(e)
			if !strings.Contains(got.Message, "; "+string(what)+" could not be read: "+err.Error()) || !got.WasExecutionFailure {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestCollectAgainWhereARepetitionCanHelp(t *testing.T) {
	for _, what := range []Kind{KindTaskRuns, KindCustomRuns, KindPods} {
		s := &sources{recorded: load(t, "step-exit-code"), fails: map[Kind]error{what: apierrors.NewServiceUnavailable("restarting")}}
		e := s.evidence()
		if err := e.Collect(t.Context(), s, 50); !apierrors.IsServiceUnavailable(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A log that is gone with its pod is no gap, and none is asked for where there is nothing to learn.
func TestCollectNoLog(t *testing.T) {
	gone := apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, "a")
	for name, test := range map[string]struct {
		of    string
		fails map[Kind]error
		lines int
		asked int
	}{
		"whose pod is gone":      {"step-exit-code", map[Kind]error{KindLog: gone}, 50, 1},
		"that nobody wants":      {"step-exit-code", nil, 0, 0},
		"of an image not pulled": {"image-pull", nil, 50, 0},
		"of a task without pod":  {"missing-serviceaccount", nil, 50, 0},
		"of a refused run":       {"missing-param", nil, 50, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sources{recorded: load(t, test.of), fails: test.fails}
			s.Logs = nil
			e := s.evidence()
			if err := e.Collect(t.Context(), s, test.lines); err != nil {
				t.Fatal(err)
			}
			if got := explain(e); len(s.asked) != test.asked || got.LogTail != "" || strings.Contains(got.Message, "could not be read") {
				t.Errorf("%d logs were asked for: %+v", len(s.asked), got)
			}
		})
	}
}

// What never started has no log: that it cannot be read is nothing to tell anybody.
func TestNoLogOfAStepThatNeverStarted(t *testing.T) {
	cancelled := taskRun("first", "TaskRunCancelled", 9, invented("main", "TaskRunCancelled", noon))
	for name, test := range map[string]struct {
		pod  corev1.Pod
		want bool
	}{
		"waits for a volume": {unready(podOf("first", waitingState("PodInitializing"))), false},
		"waits for a node":   {unready(podOf("first")), false},
		"worked":             {podOf("first", running), true},
		"has ended":          {podOf("first", terminated(255, "Error", markOfStart)), true},
	} {
		t.Run(name, func(t *testing.T) {
			e := evidenceOf("Cancelled", cancelled).with(test.pod)
			if _, _, _, got := e.StepToRead(); got != test.want {
				t.Errorf("its log is to be read: %t", got)
			}
		})
	}
}

// A log endpoint that never answers delays an explanation by five seconds, and no more.
func TestCollectDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sources{recorded: load(t, "step-exit-code"), hangs: KindLog}
		e, begin := s.evidence(), time.Now()
		if err := e.Collect(t.Context(), s, 50); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != collectTime {
			t.Errorf("It took %s", took)
		}
		if got := explain(e); !strings.Contains(got.Message, "pods/log could not be read") {
			t.Error(got.Message)
		}
	})
}

func TestTail(t *testing.T) {
	long := strings.Repeat("0123456789abcde\n", 1000)
	for name, test := range map[string]struct{ log, want string }{
		"nothing":                {"", ""},
		"as it is":               {"a\n\tb\n", "a\n\tb"},
		"whole lines":            {long, long[len(long)-maxTailBytes : len(long)-1]},
		"control characters":     {"\x1b[31mred\x1b[0m\r\x00", "[31mred[0m"},
		"broken UTF-8":           {"a\xffb", "a�b"},
		"one line that is large": {strings.Repeat("é", maxTailBytes), strings.Repeat("é", maxTailBytes/2)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tail(test.log); got != test.want {
				t.Errorf("tail() = %.60q (%d bytes), want %.60q", got, len(got), test.want)
			}
		})
	}
}

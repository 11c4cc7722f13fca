// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
	"kubernaut.ai/workflowexecution/test/observer"
)

const (
	raceReplicas   = 3
	raceExecutions = 200
	raceTargets    = 5
	raceNamespaces = 4
	// submitters create executions at once.
	submitters = 16
)

// Three replicas and two hundred executions, and nobody touches a target beside another one.
func TestRace(t *testing.T) {
	for _, row := range []struct {
		name  string
		flags []string
	}{
		{name: "as shipped", flags: nil},
		// Worse than reality: each replica believes that it is the only one.
		{name: "all lead", flags: []string{install.Alone}},
	} {
		t.Run(row.name, func(t *testing.T) {
			replace(t, raceReplicas, row.flags...)
			s := newStorm(t, raceExecutions, raceTargets, raceNamespaces)
			s.chase(t)
			s.submit(t)
			s.awaitEnd(t)
			s.expectSound(t)
			s.expectEachTargetTouched(t)
			if strays := s.Strays(); len(strays) > 0 {
				t.Errorf("pods that belong to no execution: %v", strays)
			}
		})
	}
}

// court is an observer that is asked for its verdict at the end of a test.
type court struct {
	*observer.Observer

	mu      sync.Mutex
	targets map[types.UID]string
}

// observe begins before anything of the test exists. However the test ends, there is a verdict.
func observe(t *testing.T) *court {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	o, err := observer.Start(ctx, world.Kube, install.ExecutionNamespace, install.SystemNamespace)
	must(t, err)
	c := &court{Observer: o, targets: map[types.UID]string{}}
	t.Cleanup(func() {
		defer o.Stop()
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		must(t, o.CatchUp(ctx))
		c.expectNoOverlap(t)
	})
	return c
}

// submit creates an execution whose target the court shall know from the test and not from labels.
func (c *court) submit(t *testing.T, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	t.Helper()
	created := submit(t, wfe)
	c.know(created)
	return created
}

func (c *court) know(wfe *v1alpha1.WorkflowExecution) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.targets[wfe.UID] = leaseName(wfe)
}

func (c *court) expectNoOverlap(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, overlap := range c.Overlaps(c.targets) {
		// Other tests work in the same namespace.
		if c.targets[overlap.First.Execution] != "" || c.targets[overlap.Second.Execution] != "" {
			t.Errorf("two executions could work on one target: %s", overlap)
		}
	}
}

func (c *court) catchUp(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, c.CatchUp(ctx))
}

// tenure is the time in which an execution held its target. There must have been exactly one.
func (c *court) tenure(t *testing.T, wfe *v1alpha1.WorkflowExecution) observer.Tenure {
	t.Helper()
	found := c.tenures(wfe)
	if len(found) != 1 {
		t.Fatalf("%s has held its target %d times: %v", wfe.Name, len(found), found)
	}
	return found[0]
}

func (c *court) tenures(wfe *v1alpha1.WorkflowExecution) []observer.Tenure {
	var found []observer.Tenure
	for _, tenure := range c.Tenures(leaseName(wfe)) {
		if tenure.Holder == identity(wfe) {
			found = append(found, tenure)
		}
	}
	return found
}

func identity(wfe *v1alpha1.WorkflowExecution) string {
	return targetlock.Holder{Namespace: wfe.Namespace, Name: wfe.Name, UID: wfe.UID}.String()
}

// repair is a workflow of a storm.
type repair struct {
	id      string
	image   string
	timeout time.Duration
	ends    v1alpha1.Phase
}

// storm is a set of executions that are created at once.
type storm struct {
	*court

	kinds      []repair
	repairs    map[string]repair
	planned    []*v1alpha1.WorkflowExecution
	namespaces []string
	chasers    *chasers
	restarted  bool // the API server was, while runs began

	// created are the executions as they were created, ended as they are when all is over.
	created, ended map[types.UID]*v1alpha1.WorkflowExecution
}

func newStorm(t *testing.T, executions, targets, namespaces int) *storm {
	t.Helper()
	s := &storm{repairs: map[string]repair{}, created: map[types.UID]*v1alpha1.WorkflowExecution{}}
	for range namespaces {
		s.namespaces = append(s.namespaces, newNamespace(t))
	}
	t.Cleanup(func() { s.cleanUp(t) })
	s.court = observe(t)
	s.kinds = pushRepairs(t)
	for i := range executions {
		namespace := s.namespaces[i%namespaces]
		r := s.kinds[(i/targets)%len(s.kinds)]
		s.repairs[r.id] = r
		target := fmt.Sprintf("%s/deployment/target-%d", s.namespaces[0], i%targets)
		s.planned = append(s.planned, r.execution(namespace, fmt.Sprintf("storm-%03d", i), target))
	}
	return s
}

// pushRepairs makes one workflow that succeeds, one that fails, and one that has to be cancelled and
// whose pod works on for a while then.
func pushRepairs(t *testing.T) []repair {
	t.Helper()
	push := func(name string, tasks []string, simulate map[string]string) string {
		image, _ := workflow{tasks: tasks, simulate: simulate}.push(t, bundle(t, name))
		return image
	}
	return []repair{
		{id: "restart", ends: v1alpha1.PhaseCompleted, image: push("restart", []string{"restart"}, map[string]string{
			cluster.AnnotationStepDuration: "500ms",
		})},
		{id: "scale", ends: v1alpha1.PhaseFailed, image: push("scale", []string{"prepare", "scale"}, map[string]string{
			cluster.AnnotationStepDuration: "300ms", cluster.AnnotationFailTask: "scale", cluster.AnnotationFailAfter: "800ms",
		})},
		{id: "drain", ends: v1alpha1.PhaseFailed, timeout: time.Second, image: push("drain", []string{"drain"}, map[string]string{
			cluster.AnnotationStepDuration: "5m", cluster.AnnotationDieAfter: "1500ms",
		})},
	}
}

func (r repair) execution(namespace, name, target string, options ...option) *v1alpha1.WorkflowExecution {
	options = append(options, withTarget(target), withWorkflow(r.id))
	if r.timeout > 0 {
		options = append(options, withTimeout(r.timeout))
	}
	return newExecution(namespace, name, r.image, options...)
}

func withWorkflow(id string) option {
	return func(wfe *v1alpha1.WorkflowExecution) { wfe.Spec.WorkflowRef.WorkflowID = id }
}

func (s *storm) submit(t *testing.T) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(submitters)
	for _, wfe := range s.planned {
		group.Go(func() error { return s.create(ctx, wfe) })
	}
	must(t, group.Wait())
}

func (s *storm) create(ctx context.Context, wfe *v1alpha1.WorkflowExecution) error {
	created, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Create(ctx, wfe, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	s.know(created)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.created[created.UID] = created
	return nil
}

func (s *storm) awaitEnd(t *testing.T) {
	t.Helper()
	var waiting []string
	err := poll(t, func(ctx context.Context) (bool, error) {
		present := map[types.UID]*v1alpha1.WorkflowExecution{}
		waiting = nil
		for _, namespace := range s.namespaces {
			list, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(namespace).List(ctx, metav1.ListOptions{})
			if err != nil {
				return false, nil //nolint:nilerr // the API server may be away for a moment
			}
			for i := range list.Items {
				wfe := &list.Items[i]
				present[wfe.UID] = wfe
				if !wfe.Status.IsTerminal() {
					waiting = append(waiting, wfe.Name+": "+describe(wfe))
				}
			}
		}
		s.ended = present
		return len(waiting) == 0 && s.isQuiet(), nil
	})
	if err != nil {
		t.Fatalf("%d of %d executions have not ended, %v; %d are there", len(waiting), len(s.created), waiting[:min(len(waiting), 5)], len(s.ended))
	}
}

const (
	generations     = 2
	generationOf    = "test/generation"
	echoOf          = "test/echo"
	rivalsPerTarget = 2
)

// chasers react to the end of a run at once: an echo, with the same workflow, which must not run, and
// two rivals with workflows of their own come for its target. For some generations others come after
// these.
type chasers struct {
	storm *storm
	done  map[types.UID]bool
}

func (c *chasers) follows(wfe *v1alpha1.WorkflowExecution) bool {
	return (wfe.Status.Phase == v1alpha1.PhaseCompleted || wfe.Status.Phase == v1alpha1.PhaseFailed) && generation(wfe) < generations
}

func generation(wfe *v1alpha1.WorkflowExecution) int {
	number, _ := strconv.Atoi(wfe.Annotations[generationOf])
	return number
}

// chase begins before the first execution exists.
func (s *storm) chase(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	client := world.Executions.KubernautV1alpha1().WorkflowExecutions(metav1.NamespaceAll)
	now, err := client.List(ctx, metav1.ListOptions{})
	must(t, err)
	// The API server ends watches as it likes.
	watcher, err := watchtools.NewRetryWatcher(now.ResourceVersion, &cache.ListWatch{
		WatchFunc: func(options metav1.ListOptions) (watch.Interface, error) { return client.Watch(ctx, options) },
	})
	must(t, err)
	s.chasers = &chasers{storm: s, done: map[types.UID]bool{}}
	ended := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		watcher.Stop()
		<-ended
	})
	go func() {
		defer close(ended)
		for event := range watcher.ResultChan() {
			if wfe, ok := event.Object.(*v1alpha1.WorkflowExecution); ok && s.isOurs(wfe) && s.chasers.follows(wfe) {
				if err := s.chasers.follow(ctx, wfe); err != nil && ctx.Err() == nil {
					t.Errorf("nobody comes after %s: %v", wfe.Name, err)
				}
			}
		}
	}()
}

func (s *storm) isOurs(wfe *v1alpha1.WorkflowExecution) bool {
	return slices.Contains(s.namespaces, wfe.Namespace)
}

func (c *chasers) follow(ctx context.Context, wfe *v1alpha1.WorkflowExecution) error {
	if c.isDone(wfe.UID) {
		return nil
	}
	if err := c.storm.create(ctx, c.echo(wfe)); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for i := range rivalsPerTarget {
		group.Go(func() error { return c.storm.create(ctx, c.rival(wfe, i)) })
	}
	err := group.Wait()
	c.storm.mu.Lock()
	defer c.storm.mu.Unlock()
	c.done[wfe.UID] = true
	return err
}

func (c *chasers) isDone(uid types.UID) bool {
	c.storm.mu.Lock()
	defer c.storm.mu.Unlock()
	return c.done[uid]
}

func (c *chasers) echo(wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	echo := newExecution(wfe.Namespace, "echo-"+string(wfe.UID)[:8], wfe.Spec.WorkflowRef.ContainerImage)
	echo.Annotations = map[string]string{generationOf: strconv.Itoa(generations), echoOf: wfe.Name}
	echo.Spec = *wfe.Spec.DeepCopy()
	return echo
}

func (c *chasers) rival(wfe *v1alpha1.WorkflowExecution, i int) *v1alpha1.WorkflowExecution {
	next := generation(wfe) + 1
	r := c.storm.kinds[(next+i)%len(c.storm.kinds)]
	name := fmt.Sprintf("chase-%d-%s-%d", next, string(wfe.UID)[:8], i)
	r.id = name
	c.storm.mu.Lock()
	c.storm.repairs[name] = r
	c.storm.mu.Unlock()
	namespace := c.storm.namespaces[(next+i)%len(c.storm.namespaces)]
	return r.execution(namespace, name, wfe.Spec.TargetResource, func(rival *v1alpha1.WorkflowExecution) {
		rival.Annotations = map[string]string{generationOf: strconv.Itoa(next)}
	})
}

// isQuiet tells whether nothing more will be created.
func (s *storm) isQuiet() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ended) != len(s.created) {
		return false
	}
	for uid, wfe := range s.ended {
		if s.chasers != nil && s.chasers.follows(wfe) && !s.chasers.done[uid] {
			return false
		}
	}
	return true
}

// expectSound checks what has to hold for each execution of a storm that is over, whatever disturbed
// it.
func (s *storm) expectSound(t *testing.T) {
	t.Helper()
	s.catchUp(t)
	counts := map[string]int{}
	for _, wfe := range s.ended {
		counts[kind(wfe)]++
		if wfe.Status.Phase == v1alpha1.PhaseSkipped {
			s.expectTrueReason(t, wfe)
		} else {
			s.expectRan(t, wfe)
		}
		if of := wfe.Annotations[echoOf]; of != "" && wfe.Status.Phase != v1alpha1.PhaseSkipped {
			t.Errorf("%s has run right after %s, with the same workflow: %s", wfe.Name, of, outcome(wfe))
		}
		if holder := holderOf(t, wfe); holder != "" {
			t.Errorf("the target of %s is still held by %s", wfe.Name, holder)
		}
	}
	t.Logf("outcomes: %v", counts)
}

// kind is the outcome, without the names of workflows that only one execution has.
func kind(wfe *v1alpha1.WorkflowExecution) string {
	if wfe.Annotations[echoOf] != "" {
		_, ending, _ := strings.Cut(outcome(wfe), " ")
		return "echo " + ending
	}
	if generation(wfe) > 0 {
		_, ending, _ := strings.Cut(outcome(wfe), " ")
		return "chaser " + ending
	}
	return outcome(wfe)
}

func outcome(wfe *v1alpha1.WorkflowExecution) string {
	text := wfe.Spec.WorkflowRef.WorkflowID + " " + string(wfe.Status.Phase)
	if skip := wfe.Status.SkipDetails; skip != nil {
		return text + " " + string(skip.Reason)
	}
	if failure := wfe.Status.FailureDetails; failure != nil {
		return text + " " + string(failure.Reason)
	}
	return text
}

func (s *storm) expectRan(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	s.expectPhase(t, wfe)
	runs := runsOf(t, wfe)
	if len(runs) != 1 || wfe.Status.PipelineRunRef == nil || runs[0].UID != wfe.Status.PipelineRunRef.UID {
		t.Errorf("%s has %d PipelineRuns, and the reference %v", wfe.Name, len(runs), wfe.Status.PipelineRunRef)
	}
	held := s.tenures(wfe)
	for _, span := range s.Spans(wfe.UID) {
		if len(held) == 0 || span.From < held[0].From || span.Until > held[len(held)-1].Until {
			t.Errorf("%s worked without its target: %s; it had the target %v", wfe.Name, span, held)
		}
	}
}

// expectTrueReason checks a skip against what is known of the execution that it names.
func (s *storm) expectTrueReason(t *testing.T, wfe *v1alpha1.WorkflowExecution) {
	t.Helper()
	if runs := runsOf(t, wfe); len(runs) != 0 || wfe.Status.PipelineRunRef != nil {
		t.Errorf("%s was skipped, and has %d PipelineRuns", wfe.Name, len(runs))
	}
	switch skip := wfe.Status.SkipDetails; skip.Reason {
	case v1alpha1.SkipResourceBusy:
		s.expectTrueHolder(t, wfe, skip)
	case v1alpha1.SkipRecentlyRemediated:
		earlier := s.earlier(t, wfe, skip)
		if earlier == nil {
			return
		}
		if skip.CooldownRemaining == nil || skip.CooldownRemaining.Duration <= 0 {
			t.Errorf("%s is to wait, but not for how long: %v", wfe.Name, skip.CooldownRemaining)
		}
		if failure := earlier.Status.FailureDetails; failure != nil && failure.WasExecutionFailure {
			t.Errorf("%s is to wait for %s, which ran and failed", wfe.Name, earlier.Name)
		}
	case v1alpha1.SkipPreviousExecutionFailed:
		earlier := s.earlier(t, wfe, skip)
		if earlier != nil && (earlier.Status.FailureDetails == nil || !earlier.Status.FailureDetails.WasExecutionFailure) {
			t.Errorf("%s is blocked by %s, which did not run and fail: %s", wfe.Name, earlier.Name, outcome(earlier))
		}
	case v1alpha1.SkipExhaustedRetries:
		t.Errorf("%s was skipped for retries, but none of its workflow failed before it ran", wfe.Name)
	}
}

// expectTrueHolder compares with the history of the Lease: the named one held the target at some time
// between the creation of the execution and its skip. Clocks are compared too, in their seconds.
func (s *storm) expectTrueHolder(t *testing.T, wfe *v1alpha1.WorkflowExecution, skip *v1alpha1.SkipDetails) {
	t.Helper()
	if skip.ConflictingWorkflow == nil {
		t.Errorf("%s was skipped as busy, and nobody is named", wfe.Name)
		return
	}
	holder := s.named(skip.ConflictingWorkflow.Namespace, skip.ConflictingWorkflow.Name)
	if holder == nil || leaseName(holder) != leaseName(wfe) || holder.Spec.WorkflowRef.WorkflowID != skip.ConflictingWorkflow.WorkflowID {
		t.Errorf("%s was skipped for one that does not fit: %+v", wfe.Name, skip.ConflictingWorkflow)
		return
	}
	born, decided := revision(t, s.created[wfe.UID]), revision(t, wfe)
	held := s.tenures(holder)
	if len(held) == 0 || held[0].From > decided || held[len(held)-1].Until <= born {
		t.Errorf("%s was skipped in the revisions %d to %d, but %s held the target %v", wfe.Name, born, decided, holder.Name, held)
	}
	const resolution = 2 * time.Second
	from := holder.Status.GetCondition(v1alpha1.ConditionLockAcquired).LastTransitionTime.Inner
	until := holder.Status.GetCondition(v1alpha1.ConditionSucceeded).LastTransitionTime.Inner
	if at := skip.SkippedAt.Time; at.Before(from.Add(-resolution)) || at.After(until.Add(resolution)) {
		t.Errorf("%s was skipped at %s, but %s held the target from %s until %s", wfe.Name, at, holder.Name, from, until)
	}
	if started := skip.ConflictingWorkflow.StartedAt; started.Before(&metav1.Time{Time: from.Add(-resolution)}) || started.After(from.Add(resolution)) {
		t.Errorf("%s says that %s took the target at %s; it was %s", wfe.Name, holder.Name, started, from)
	}
}

// earlier is the execution whose end keeps another one from running, as its skip has it.
func (s *storm) earlier(t *testing.T, wfe *v1alpha1.WorkflowExecution, skip *v1alpha1.SkipDetails) *v1alpha1.WorkflowExecution {
	t.Helper()
	recent := skip.RecentRemediation
	if recent == nil {
		t.Errorf("%s was skipped (%s), and no earlier execution is named", wfe.Name, skip.Reason)
		return nil
	}
	earlier := s.named(recent.Namespace, recent.Name)
	switch {
	case earlier == nil || leaseName(earlier) != leaseName(wfe) || earlier.Status.PipelineRunRef == nil,
		recent.WorkflowID != wfe.Spec.WorkflowRef.WorkflowID || earlier.Spec.WorkflowRef.WorkflowID != recent.WorkflowID,
		earlier.Status.Phase != recent.Outcome,
		earlier.Status.CompletionTime == nil || earlier.Status.CompletionTime.After(skip.SkippedAt.Time):
		t.Errorf("%s was skipped (%s) for one that does not fit: %+v", wfe.Name, skip.Reason, recent)
		return nil
	}
	return earlier
}

func (s *storm) named(namespace, name string) *v1alpha1.WorkflowExecution {
	for _, wfe := range s.ended {
		if wfe.Namespace == namespace && wfe.Name == name {
			return wfe
		}
	}
	return nil
}

// expectEachTargetTouched finds a test in which nothing happens. On a busy machine an execution may run out of time
// before its pod begins.
func (s *storm) expectEachTargetTouched(t *testing.T) {
	t.Helper()
	touched, late := map[string]int{}, map[string]bool{}
	for _, wfe := range s.ended {
		lease, details := leaseName(wfe), wfe.Status.FailureDetails
		touched[lease] += len(s.Spans(wfe.UID))
		late[lease] = late[lease] || details != nil && details.Reason == v1alpha1.FailureDeadlineExceeded
	}
	for lease, pods := range touched {
		if pods == 0 && !late[lease] {
			t.Errorf("nothing ran on the target of %s", lease)
		}
	}
	t.Logf("pods by target: %v", touched)
}

// cleanUp leaves nothing that would keep other tests from being alone.
func (s *storm) cleanUp(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	for _, namespace := range s.namespaces {
		client := world.Executions.KubernautV1alpha1().WorkflowExecutions(namespace)
		must(t, client.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
	}
	for _, namespace := range s.namespaces {
		client := world.Executions.KubernautV1alpha1().WorkflowExecutions(namespace)
		err := pollUntil(ctx, func(ctx context.Context) (bool, error) {
			list, err := client.List(ctx, metav1.ListOptions{Limit: 1})
			return err == nil && len(list.Items) == 0, err
		})
		if err != nil {
			t.Errorf("executions in %s do not go: %v", namespace, err)
		}
		must(t, world.Kube.CoreV1().Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{}))
	}
	must(t, s.awaitNoRuns(ctx))
}

func revision(t *testing.T, object metav1.Object) uint64 {
	t.Helper()
	number, err := strconv.ParseUint(object.GetResourceVersion(), 10, 64)
	must(t, err)
	if number == 0 || number == math.MaxUint64 {
		t.Fatalf("%s has no revision", object.GetName())
	}
	return number
}

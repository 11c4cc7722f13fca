// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"errors"
	"net/http"
	"testing"
	"time"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgotesting "k8s.io/client-go/testing"
	rtesting "knative.dev/pkg/reconciler/testing"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	given "kubernaut.ai/workflowexecution/pkg/reconciler/testing"
)

var pipelineRuns = schema.GroupResource{Group: "tekton.dev", Resource: "pipelineruns"}

func alreadyExists(resource string) error {
	return apierrors.NewAlreadyExists(schema.GroupResource{Resource: resource}, "it")
}

// newRun is the run of the execution as it is sent to be created, in all its details.
func newRun() runtime.Object {
	param := func(name, value string) tektonv1.Param {
		return tektonv1.Param{Name: name, Value: *tektonv1.NewStructuredValues(value)}
	}
	return &tektonv1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "kubernaut-workflows", Name: "fix-bd45276987",
			Labels: map[string]string{
				"kubernaut.ai/workflow-execution": "uid-fix",
				"kubernaut.ai/target":             "6403dd4a8637c388e319cb66a03b071d234d6f81",
				"app.kubernetes.io/managed-by":    "workflowexecution-controller",
			},
			Annotations: map[string]string{
				"kubernaut.ai/execution-namespace":               "payments",
				"kubernaut.ai/execution-name":                    "fix",
				"kubernaut.ai/execution-uid":                     "uid-fix",
				"kubernaut.ai/workflow-id":                       "restart",
				"kubernaut.ai/workflow-version":                  "1.2.0",
				"kubernaut.ai/target-resource":                   "payment/deployments.apps/api",
				"kubernaut.ai/correlation-id":                    "rr-1",
				"kubernaut.ai/settings":                          `{"timeout":"30m0s","finallyTimeout":"5m0s","cancelGrace":"1m0s","logTailLines":50}`,
				"cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
				"karpenter.sh/do-not-disrupt":                    "true",
			},
		},
		Spec: tektonv1.PipelineRunSpec{
			Status: "PipelineRunPending",
			PipelineRef: &tektonv1.PipelineRef{ResolverRef: tektonv1.ResolverRef{
				Resolver: "bundles",
				Params: tektonv1.Params{
					param("bundle", "registry.example/workflows/restart:1.2.0"), param("name", "workflow"), param("kind", "pipeline"),
					param("serviceAccount", "kubernaut-workflow-runner"),
				},
			}},
			Params:          tektonv1.Params{param("TARGET_RESOURCE", "payment/Deployment/api")},
			Timeouts:        &tektonv1.TimeoutFields{Pipeline: &metav1.Duration{Duration: 35 * time.Minute}},
			TaskRunTemplate: tektonv1.PipelineTaskRunTemplate{ServiceAccountName: "kubernaut-workflow-runner"},
		},
	}
}

func TestCreate(t *testing.T) {
	lease := given.LockLease(execution(), time.Minute)
	run(t, rtesting.TableTest{{
		// An earlier reconcile could not create the run: the lock is stored, it is not taken again.
		Name:              "the run is created late",
		Objects:           []runtime.Object{execution(given.Locked, given.Retrying("down")), lease},
		WantCreates:       []runtime.Object{newRun()},
		WantStatusUpdates: status(execution(given.RunCreated)),
		WantEvents:        []string{runCreated},
	}, {
		// The controller crashed after it created the run.
		Name:              "the run exists and is ours",
		Objects:           []runtime.Object{execution(), given.Run(execution()), lease},
		WantCreates:       []runtime.Object{newRun()},
		WantStatusUpdates: status(execution(given.RunCreated)),
		WantEvents:        []string{lockAcquired, runCreated},
	}, {
		// The reference is stored already, only this copy does not have it.
		Name:          "the run exists and the copy is old",
		Objects:       []runtime.Object{execution(given.Locked, given.Retrying("down")), given.Run(execution()), lease},
		WantCreates:   []runtime.Object{newRun()},
		OtherTestData: given.With(given.Live(execution(given.Started(time.Minute)))),
	}, {
		// Not adopted, not touched, and the target is freed.
		Name:        "the run exists and is foreign",
		Objects:     []runtime.Object{execution(given.Locked), given.Run(execution(), given.Foreign), lease},
		WantCreates: []runtime.Object{newRun()},
		WantUpdates: updates(given.LockLease(execution(), time.Minute, given.Fenced),
			free(failedUnstartedNow(v1alpha1.FailureConfigurationError, foreign))),
		WantStatusUpdates: status(execution(given.Locked, given.FailedUnstarted(v1alpha1.FailureConfigurationError, foreign),
			given.Failing(1, time.Minute))),
		WantEvents: []string{lockReleased, failed(v1alpha1.FailureConfigurationError, foreign)},
	}, {
		// It vanished before it could be read. That is no refusal.
		Name:              "the run exists no more",
		Objects:           []runtime.Object{execution(given.Locked), lease},
		WithReactors:      []clientgotesting.ReactionFunc{given.Refuse("create", "pipelineruns", alreadyExists("pipelineruns"))},
		WantErr:           true,
		WantCreates:       []runtime.Object{newRun()},
		WantStatusUpdates: status(execution(given.Locked, given.Retrying("Failed to create the PipelineRun: "+vanished))),
		WantEvents:        []string{internalError("failed to create PipelineRun: " + vanished)},
	}, {
		// The execution was deleted and created again: the earlier one's run has another name.
		Name: "the run of an earlier execution of that name exists",
		Objects: []runtime.Object{
			execution(given.Locked), given.Run(execution(given.WithUID("earlier"))), lease,
		},
		WantCreates:       []runtime.Object{newRun()},
		WantStatusUpdates: status(execution(given.RunCreated)),
		WantEvents:        []string{runCreated},
	}})
}

const vanished = `failed to read PipelineRun kubernaut-workflows/fix-bd45276987: ` +
	`pipelineruns.tekton.dev "fix-bd45276987" not found`

const foreign = "PipelineRun kubernaut-workflows/fix-bd45276987 exists and was not created by this execution; it was left alone"

func TestCreateRefused(t *testing.T) {
	refusedWith := func(name string, err error, reason v1alpha1.FailureReason) rtesting.TableRow {
		message := "Failed to create the PipelineRun: " + err.Error()
		return rtesting.TableRow{
			Name:              name,
			Objects:           []runtime.Object{execution(given.Locked), given.LockLease(execution(), time.Minute)},
			WithReactors:      []clientgotesting.ReactionFunc{given.Refuse("create", "pipelineruns", err)},
			WantCreates:       []runtime.Object{newRun()},
			WantUpdates:       updates(given.LockLease(execution(), time.Minute, given.Fenced), free(failedUnstartedNow(reason, message))),
			WantStatusUpdates: status(execution(given.Locked, given.FailedUnstarted(reason, message), given.Failing(1, time.Minute))),
			WantEvents:        []string{lockReleased, failed(reason, message)},
			PostConditions: []func(*testing.T, *rtesting.TableRow){given.InOrder(
				"create pipelineruns", "update leases", "update leases", "update workflowexecutions/status")},
		}
	}
	run(t, rtesting.TableTest{
		refusedWith("400", apierrors.NewBadRequest("admission webhook denied the request"), v1alpha1.FailureConfigurationError),
		refusedWith("413", apierrors.NewRequestEntityTooLargeError("too large"), v1alpha1.FailureConfigurationError),
		refusedWith("422", apierrors.NewInvalid(schema.GroupKind{Kind: "PipelineRun"}, "fix", nil), v1alpha1.FailureConfigurationError),
	})
}

func TestCreateRetried(t *testing.T) {
	retriedAfter := func(name string, err error) rtesting.TableRow {
		return rtesting.TableRow{
			Name:         name,
			Objects:      []runtime.Object{execution(given.LockedFor(time.Minute)), given.LockLease(execution(), time.Minute)},
			WithReactors: []clientgotesting.ReactionFunc{given.Refuse("create", "pipelineruns", err)},
			WantErr:      true,
			WantCreates:  []runtime.Object{newRun()},
			WantStatusUpdates: status(execution(given.Locked,
				given.Retrying("Failed to create the PipelineRun: "+err.Error()))),
			WantEvents: []string{internalError("failed to create PipelineRun: " + err.Error())},
		}
	}
	run(t, rtesting.TableTest{
		retriedAfter("403", apierrors.NewForbidden(pipelineRuns, "fix", errors.New("no"))),
		retriedAfter("403 of a quota", quotaExceeded()),
		retriedAfter("404 of the namespace", apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "kubernaut-workflows")),
		retriedAfter("404 of the API", given.NotServed(pipelineRuns, "")),
		retriedAfter("405 of a definition that is being deleted", apierrors.NewMethodNotSupported(pipelineRuns, "create")),
		retriedAfter("401", apierrors.NewUnauthorized("expired")),
		retriedAfter("408", apierrors.NewGenericServerResponse(
			http.StatusRequestTimeout, "post", pipelineRuns, "fix", "", 0, true)),
		retriedAfter("409", apierrors.NewConflict(pipelineRuns, "fix", errors.New("busy"))),
		retriedAfter("429", apierrors.NewTooManyRequests("slow down", 1)),
		retriedAfter("500", apierrors.NewInternalError(errors.New("webhook down"))),
		retriedAfter("503", apierrors.NewServiceUnavailable("starting")),
		retriedAfter("504", apierrors.NewTimeoutError("slow", 1)),
		retriedAfter("no answer", errors.New("connection refused")),
	})
}

func TestCreateGivenUp(t *testing.T) {
	down := []clientgotesting.ReactionFunc{rtesting.InduceFailure("create", "pipelineruns")}
	const first = "Failed to create the PipelineRun: inducing failure for create pipelineruns"
	const message = first + tried
	late := execution(given.LockedFor(6*time.Minute), given.Retrying(first))
	lease := given.LockLease(execution(), 6*time.Minute)
	run(t, rtesting.TableTest{{
		// Fenced before it is freed: a creation that was held up must find a lock that says no.
		Name:    "past the pending deadline",
		Objects: []runtime.Object{late, lease}, WithReactors: down,
		WantCreates: []runtime.Object{newRun()},
		WantUpdates: updates(given.LockLease(execution(), 6*time.Minute, given.Fenced),
			free(failedUnstartedNow(v1alpha1.FailureUnknown, message))),
		WantStatusUpdates: status(execution(given.Locked, given.FailedUnstarted(v1alpha1.FailureUnknown, message), given.Failing(1, time.Minute))),
		WantEvents:        []string{lockReleased, failed(v1alpha1.FailureUnknown, message)},
	}, {
		// One of the attempts went through although its answer was lost.
		Name:    "past the pending deadline, but the run exists",
		Objects: []runtime.Object{late, given.Run(execution()), lease}, WithReactors: down,
		WantCreates:       []runtime.Object{newRun()},
		WantStatusUpdates: status(execution(given.RunCreated)),
		WantEvents:        []string{runCreated},
	}, {
		// Nobody knows whether the run exists, so the lock stays.
		Name:    "past the pending deadline, and the API server is down",
		Objects: []runtime.Object{late, lease}, WithReactors: append(down, rtesting.InduceFailure("get", "pipelineruns")),
		WantErr: true, WantCreates: []runtime.Object{newRun()},
		WantEvents: []string{internalError("failed to read PipelineRun kubernaut-workflows/fix-bd45276987: " +
			"inducing failure for get pipelineruns")},
	}, {
		// A quota that our own run has filled refuses before it finds that the run exists.
		Name:              "refused, but the run exists",
		Objects:           []runtime.Object{execution(given.Locked, given.Retrying("down")), given.Run(execution()), lease},
		WithReactors:      []clientgotesting.ReactionFunc{given.Refuse("create", "pipelineruns", quotaExceeded())},
		WantCreates:       []runtime.Object{newRun()},
		WantStatusUpdates: status(execution(given.RunCreated)),
		WantEvents:        []string{runCreated},
	}, {
		// The same on an old copy, while the run works: the lock must stay.
		Name: "refused, but the run works and the copy is old",
		Objects: []runtime.Object{
			execution(given.Locked, given.Retrying("down")), given.Run(execution(), given.Running(time.Minute)), lease,
		},
		WithReactors:  []clientgotesting.ReactionFunc{given.Refuse("create", "pipelineruns", quotaExceeded())},
		WantCreates:   []runtime.Object{newRun()},
		OtherTestData: given.With(given.Live(execution(given.Started(time.Minute)))),
	}, {
		// The run has gone meanwhile, with pods that may still run: only the live copy knows of it.
		Name:          "refused on an old copy, after the run was deleted",
		Objects:       []runtime.Object{execution(given.Locked, given.Retrying("down")), lease},
		WithReactors:  []clientgotesting.ReactionFunc{given.Refuse("create", "pipelineruns", quotaExceeded())},
		WantCreates:   []runtime.Object{newRun()},
		OtherTestData: given.With(given.Live(execution(given.Started(time.Minute)))),
	}, {
		// No request is made, so there is no refusal by the API server either.
		Name: "the configuration does not allow the timeout any more, and the run works",
		Objects: []runtime.Object{
			execution(given.Locked, given.Retrying("down"), timeout(time.Hour)),
			given.Run(execution(), given.Running(time.Minute)), lease,
		},
		OtherTestData: given.With(given.Live(execution(given.Started(time.Minute))),
			given.Configured(func(c *config.WorkflowExecution) { c.MaxTimeout = time.Minute })),
	}})
}

// tried ends the message of what was tried up to the pending deadline.
const tried = ". It was tried for 5m0s (pending-deadline)"

// TestCreateGivenUpFor: what an execution ends with is what kept its run from being created last.
func TestCreateGivenUpFor(t *testing.T) {
	givenUp := func(name string, err error, reason v1alpha1.FailureReason, hint string, more ...clientgotesting.ReactionFunc) rtesting.TableRow {
		message := "Failed to create the PipelineRun: " + err.Error() + hint + tried
		return rtesting.TableRow{
			Name: name,
			Objects: []runtime.Object{
				execution(given.LockedFor(6*time.Minute), given.Retrying("something else")), given.LockLease(execution(), 6*time.Minute),
			},
			WithReactors: append(more, given.Refuse("create", "pipelineruns", err)),
			WantCreates:  []runtime.Object{newRun()},
			WantUpdates: updates(given.LockLease(execution(), 6*time.Minute, given.Fenced),
				free(failedUnstartedNow(reason, message))),
			WantStatusUpdates: status(execution(given.Locked, given.FailedUnstarted(reason, message), given.Failing(1, time.Minute))),
			WantEvents:        []string{lockReleased, failed(reason, message)},
		}
	}
	forbidden := apierrors.NewForbidden(pipelineRuns, "fix", errors.New("no"))
	notServed := given.NotServed(pipelineRuns, "")
	run(t, rtesting.TableTest{
		givenUp("missing rights", forbidden, v1alpha1.FailureForbidden, ""),
		// Whether the run exists cannot be told; without the lock nobody starts it.
		givenUp("missing rights to look as well", forbidden, v1alpha1.FailureForbidden, "", given.Refuse("get", "pipelineruns", forbidden)),
		givenUp("a full quota", quotaExceeded(), v1alpha1.FailureResourceExhausted, ""),
		givenUp("a namespace that is gone", apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "kubernaut-workflows"),
			v1alpha1.FailureConfigurationError, ""),
		givenUp("an API that is not served", notServed, v1alpha1.FailureConfigurationError,
			"; is Tekton installed, and does it serve tekton.dev/v1?", given.Refuse("get", "pipelineruns", notServed)),
		givenUp("an expired token", apierrors.NewUnauthorized("expired"), v1alpha1.FailureForbidden, ""),
		givenUp("a webhook that is away", apierrors.NewInternalError(errors.New("webhook down")), v1alpha1.FailureUnknown, ""),
	})
}

// TestRetriesWriteOnce: each write would bring another attempt at once.
func TestRetriesWriteOnce(t *testing.T) {
	retrying := execution(given.LockedFor(time.Minute), given.Retrying("Failed to create the PipelineRun: no leader"))
	lease := given.LockLease(execution(), time.Minute)
	run(t, rtesting.TableTest{{
		Name:         "of a creation",
		Objects:      []runtime.Object{retrying, lease},
		WithReactors: []clientgotesting.ReactionFunc{given.Refuse("create", "pipelineruns", quotaExceeded())},
		WantErr:      true,
		WantCreates:  []runtime.Object{newRun()},
		WantEvents:   []string{internalError("failed to create PipelineRun: " + quotaExceeded().Error())},
	}, {
		Name: "of a start",
		Objects: []runtime.Object{
			execution(given.RunCreated, given.StartRetrying("a policy refuses it")), given.Run(execution()), lease,
		},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("patch", "pipelineruns")},
		WantErr:      true,
		WantPatches:  patches(startPatch()),
		WantEvents:   []string{internalError("failed to start PipelineRun kubernaut-workflows/fix-bd45276987: inducing failure for patch pipelineruns")},
	}})
}

func quotaExceeded() error {
	return apierrors.NewForbidden(pipelineRuns, "fix", errors.New("exceeded quota: runs, requested: count/pipelineruns.tekton.dev=1, used: 5, limited: 5"))
}

func timeout(d time.Duration) given.ExecutionOption {
	return given.WithSpec(func(spec *v1alpha1.WorkflowExecutionSpec) {
		spec.ExecutionConfig = &v1alpha1.ExecutionConfig{Timeout: &metav1.Duration{Duration: d}}
	})
}

func TestStatusNotWritten(t *testing.T) {
	run(t, rtesting.TableTest{{
		// The next reconcile finds lock and run by their names and marks.
		Name:              "the reference cannot be stored",
		Objects:           []runtime.Object{execution()},
		WithReactors:      []clientgotesting.ReactionFunc{rtesting.InduceFailure("update", "workflowexecutions")},
		WantErr:           true,
		WantCreates:       []runtime.Object{newLease(execution()), newRun()},
		WantStatusUpdates: status(execution(given.RunCreated)),
		WantEvents: []string{
			lockAcquired, runCreated,
			`Warning UpdateFailed Failed to update status for "fix": inducing failure for update workflowexecutions`,
		},
	}, {
		// Knative writes the whole status over what it finds then.
		Name:              "the reference meets a conflict",
		Objects:           []runtime.Object{execution()},
		WithReactors:      []clientgotesting.ReactionFunc{conflictOnce("update", "workflowexecutions")},
		WantCreates:       []runtime.Object{newLease(execution()), newRun()},
		WantStatusUpdates: append(status(execution(given.RunCreated)), update(execution(given.RunCreated))),
		WantEvents:        []string{lockAcquired, runCreated},
	}, {
		Name:              "the success cannot be stored",
		Objects:           []runtime.Object{running(), succeeded(), given.LockLease(execution(), time.Minute)},
		WithReactors:      []clientgotesting.ReactionFunc{rtesting.InduceFailure("update", "workflowexecutions")},
		WantErr:           true,
		WantUpdates:       updates(free(succeededNow())),
		WantStatusUpdates: status(endedWell(given.NextIn(5*time.Minute), given.Released)),
		WantEvents: []string{
			lockReleased, completed,
			`Warning UpdateFailed Failed to update status for "fix": inducing failure for update workflowexecutions`,
		},
	}, {
		// Its finalizer has to be there before anything else is.
		Name:         "the finalizer cannot be stored",
		Objects:      []runtime.Object{execution(given.WithoutFinalizer)},
		WithReactors: []clientgotesting.ReactionFunc{rtesting.InduceFailure("patch", "workflowexecutions")},
		WantErr:      true,
		WantPatches:  patches(patch("fix", `{"metadata":{"finalizers":["kubernaut.ai/workflowexecution"],"resourceVersion":""}}`)),
		WantEvents: []string{
			`Warning FinalizerUpdateFailed Failed to update finalizers for "fix": inducing failure for patch workflowexecutions`,
		},
	}})
}

func conflictOnce(verb, resource string) clientgotesting.ReactionFunc {
	met := false
	return func(action clientgotesting.Action) (bool, runtime.Object, error) {
		if met || !action.Matches(verb, resource) {
			return false, nil, nil
		}
		met = true
		return true, nil, apierrors.NewConflict(schema.GroupResource{Resource: resource}, "fix", errors.New("modified"))
	}
}

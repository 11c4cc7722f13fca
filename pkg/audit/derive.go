// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"strings"
	"time"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/redact"
)

// clearMethodDeletion is how a block ends whose execution is deleted.
const clearMethodDeletion = "Deletion"

// Components that can fail.
const (
	componentEngine     = "tekton"
	componentController = Controller
)

// TypesOf are the events that there are of an execution by now, in their order.
func TypesOf(wfe *v1alpha1.WorkflowExecution) []Type {
	var all []Type
	if wfe.Status.HasStarted() {
		all = append(all, WorkflowStarted)
	}
	switch wfe.Status.Phase {
	case v1alpha1.PhaseCompleted:
		all = append(all, WorkflowCompleted)
	case v1alpha1.PhaseFailed:
		all = append(all, WorkflowFailed)
	case v1alpha1.PhaseSkipped:
		all = append(all, WorkflowSkipped)
	case v1alpha1.PhasePending, v1alpha1.PhaseRunning:
	}
	if wfe.Status.BlockClearance != nil || endsBlockByDeletion(wfe) {
		all = append(all, BlockCleared)
	}
	return all
}

// endsBlockByDeletion says so whether or not the ledger still knew of the block: after a crash nobody
// can tell who lifted it.
func endsBlockByDeletion(wfe *v1alpha1.WorkflowExecution) bool {
	return wfe.DeletionTimestamp != nil && wfe.Status.Blocks()
}

// ID of an execution's event of a type.
func ID(execution types.UID, t Type) uuid.UUID {
	space, err := uuid.Parse(string(execution))
	if err != nil {
		// No API server gives such a UID.
		space = uuid.NewSHA1(uuid.NameSpaceOID, []byte(execution))
	}
	return uuid.NewSHA1(space, []byte(t))
}

// EventsOf derives the events of some types, all of which TypesOf has named, from what is stored of an
// execution.
func EventsOf(wfe *v1alpha1.WorkflowExecution, some []Type) []Event {
	if len(some) == 0 {
		return nil
	}
	d := derivation{wfe: wfe, redactor: redact.Values(wfe.Spec.Parameters)}
	// Long parameters take long to search for secrets, and are the same in each event.
	d.common = d.asked()
	events := make([]Event, 0, len(some))
	for _, t := range some {
		events = append(events, d.event(t))
	}
	return events
}

type derivation struct {
	wfe      *v1alpha1.WorkflowExecution
	redactor *redact.Redactor
	common   Data
}

func (d derivation) event(t Type) Event {
	e := Event{
		Version: Version, ID: ID(d.wfe.UID, t), Type: t, Category: Category,
		Action:    string(t[strings.LastIndexByte(string(t), '.')+1:]),
		ActorType: ActorService, ActorID: Controller,
		ResourceType: ResourceType, ResourceID: d.wfe.Name, Namespace: d.wfe.Namespace,
		CorrelationID: d.text(d.wfe.Spec.RemediationRequestRef.Name),
		Outcome:       OutcomeSuccess, Severity: SeverityInfo, Data: d.common,
	}
	e.Data.EventType = t
	switch t {
	case WorkflowStarted:
		e.Outcome = OutcomePending
		d.started(&e)
	case WorkflowCompleted:
		d.ended(&e)
	case WorkflowFailed:
		e.Outcome, e.Severity = OutcomeFailure, SeverityError
		d.ended(&e)
		d.failed(&e.Data)
	case WorkflowSkipped:
		d.ended(&e)
		d.skipped(&e.Data)
	case BlockCleared:
		d.cleared(&e)
	}
	return e
}

// asked is what the orchestrator asked for.
func (d derivation) asked() Data {
	spec := d.wfe.Spec
	return Data{
		WorkflowID: spec.WorkflowRef.WorkflowID, Version: d.text(spec.WorkflowRef.Version),
		TargetResource: spec.TargetResource, Phase: string(d.wfe.Status.Phase), ExecutionName: d.wfe.Name,
		ContainerImage: spec.WorkflowRef.ContainerImage, ContainerDigest: spec.WorkflowRef.ContainerDigest,
		Parameters: d.parameters(), Confidence: spec.Confidence, Rationale: d.text(spec.Rationale),
	}
}

func (d derivation) parameters() map[string]string {
	params := redact.Parameters(d.wfe.Spec.Parameters)
	for name, value := range params {
		params[name] = storable(value)
	}
	return params
}

func (d derivation) started(e *Event) {
	e.Data.Phase = string(v1alpha1.PhaseRunning)
	e.Timestamp = utc(d.wfe.Status.StartTime)
	e.Data.StartedAt, e.Data.PipelineRunName = new(e.Timestamp), d.run()
}

// run is the name of the PipelineRun, if there is one.
func (d derivation) run() string {
	if ref := d.wfe.Status.PipelineRunRef; ref != nil {
		return ref.Name
	}
	return ""
}

func (d derivation) ended(e *Event) {
	status := d.wfe.Status
	e.Timestamp = utc(status.CompletionTime)
	e.Data.CompletedAt, e.Data.PipelineRunName = new(e.Timestamp), d.run()
	if at := status.ReleasedTime; at != nil {
		e.Data.ReleasedAt = new(utc(at))
	}
	if status.HasStarted() {
		began := utc(status.StartTime)
		took := max(0, e.Timestamp.Sub(began))
		e.Data.StartedAt, e.Data.Duration, e.DurationMS = &began, took.String(), new(took.Milliseconds())
	}
}

func (d derivation) failed(data *Data) {
	failure := d.wfe.Status.FailureDetails
	if failure == nil {
		return
	}
	data.FailureReason, data.FailureMessage = string(failure.Reason), d.text(failure.Message)
	data.FailedTaskName = storable(failure.FailedTaskName)
	component := componentEngine
	if !d.wfe.Status.HasStarted() {
		component = componentController
	}
	data.ErrorDetails = &ErrorDetails{
		Message: data.FailureMessage, Code: data.FailureReason, Component: component, RetryPossible: !failure.RequiresManualReview,
	}
}

func (d derivation) skipped(data *Data) {
	skip := d.wfe.Status.SkipDetails
	if skip == nil {
		return
	}
	data.SkipReason, data.SkipMessage = string(skip.Reason), d.text(skip.Message)
	if by := skip.ConflictingWorkflow; by != nil {
		data.ConflictingExecution = by.Namespace + "/" + by.Name
	} else if by := skip.RecentRemediation; by != nil {
		data.ConflictingExecution = by.Namespace + "/" + by.Name
	}
}

func (d derivation) cleared(e *Event) {
	d.failed(&e.Data)
	// That a person had to look is what has just come to its end.
	e.Data.ErrorDetails = nil
	clearance := d.wfe.Status.BlockClearance
	if clearance == nil {
		clearance = &v1alpha1.BlockClearance{ClearedBy: Controller, ClearMethod: clearMethodDeletion}
		if at := d.wfe.DeletionTimestamp; at != nil {
			clearance.ClearedAt = *at
		}
	} else {
		e.ActorType, e.ActorID = ActorUser, storable(clearance.ClearedBy)
	}
	e.Timestamp = utc(&clearance.ClearedAt)
	e.Data.ClearedAt, e.Data.ClearedBy = new(e.Timestamp), storable(clearance.ClearedBy)
	e.Data.ClearReason, e.Data.ClearMethod = d.text(clearance.ClearReason), storable(clearance.ClearMethod)
}

func (d derivation) text(s string) string {
	return storable(d.redactor.Text(s))
}

// storable replaces the one character that PostgreSQL can store neither as text nor in JSON.
func storable(s string) string {
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}

func utc(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

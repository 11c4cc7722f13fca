// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// findings are the violations of one event.
type findings []error

func (f *findings) check(ok bool, format string, arguments ...any) {
	if !ok {
		*f = append(*f, fmt.Errorf(format, arguments...))
	}
}

func (f *findings) equal(name, got, want string) {
	f.check(got == want, "%s is %q, not %q", name, got, want)
}

func (f *findings) oneOf(name, got string, want ...string) {
	f.check(slices.Contains(want, got), "%s is %q, none of %v", name, got, want)
}

func (f *findings) present(fields map[string]string) {
	for name, value := range fields {
		f.check(value != "", "%s is missing", name)
	}
}

func (f *findings) absent(fields map[string]string) {
	for name, value := range fields {
		f.check(value == "", "%s is %q, and should not be there", name, value)
	}
}

func (f *findings) time(name, text string) time.Time {
	t, err := moment(name, text)
	f.check(err == nil, "%v", err)
	return t
}

// rules of each type of event, beyond those of all.
var rules = map[string]func(*findings, Event){
	"workflowexecution.workflow.started":   started,
	"workflowexecution.workflow.completed": completed,
	"workflowexecution.workflow.failed":    failed,
	"workflowexecution.workflow.skipped":   skipped,
	"workflowexecution.block.cleared":      cleared,
}

// Check finds what is wrong with an event.
func Check(e Event) error {
	var f findings
	rule, known := rules[e.Type]
	f.check(known, "event_type is %q", e.Type)
	envelope(&f, e)
	data(&f, e.Data)
	duration(&f, e)
	if known {
		rule(&f, e)
	}
	return errors.Join(f...)
}

func envelope(f *findings, e Event) {
	f.equal("version", e.Version, "1.0")
	f.equal("event_category", e.Category, "workflowexecution")
	f.equal("event_action", e.Action, e.Type[strings.LastIndex(e.Type, ".")+1:])
	f.oneOf("event_outcome", e.Outcome, "success", "failure", "pending")
	f.equal("resource_type", e.ResourceType, "WorkflowExecution")
	f.equal("resource_id", e.ResourceID, e.Data.ExecutionName)
	f.equal("event_data.event_type", e.Data.EventType, e.Type)
	f.oneOf("severity", e.Severity, "info", "error")
	f.oneOf("actor_type", e.ActorType, "service", "user")
	f.check(e.ActorType != "service" || e.ActorID == controller, "the service that acts is %q", e.ActorID)
	f.time("event_timestamp", e.Timestamp)
	f.present(map[string]string{
		"actor_id": e.ActorID, "resource_id": e.ResourceID, "correlation_id": e.CorrelationID, "namespace": e.Namespace,
	})
	id, err := uuid.Parse(e.ID)
	f.check(err == nil && id.Version() == 5 && id.Variant() == uuid.RFC4122 && id.String() == e.ID,
		"event_id %q is no UUID of version 5", e.ID)
}

const controller = "workflowexecution-controller"

var digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func data(f *findings, d EventData) {
	f.present(map[string]string{
		"workflow_id": d.WorkflowID, "workflow_version": d.WorkflowVersion, "target_resource": d.TargetResource,
		"phase": d.Phase, "container_image": d.ContainerImage, "execution_name": d.ExecutionName,
	})
	f.check(d.ContainerDigest == "" || digest.MatchString(d.ContainerDigest), "container_digest is %q", d.ContainerDigest)
	f.check(d.Confidence == nil || *d.Confidence >= 0 && *d.Confidence <= 1, "confidence is not between 0 and 1")
	parts := strings.Split(d.TargetResource, "/")
	f.check(len(parts) >= 2 && !slices.Contains(parts, ""), "target_resource is %q", d.TargetResource)
	for name, text := range map[string]string{
		"started_at": d.StartedAt, "completed_at": d.CompletedAt, "released_at": d.ReleasedAt, "cleared_at": d.ClearedAt,
	} {
		if text != "" {
			f.time(name, text)
		}
	}
	release(f, d)
}

// release is never told before the end that it follows.
func release(f *findings, d EventData) {
	if d.ReleasedAt == "" {
		return
	}
	f.check(d.CompletedAt != "", "there is a released_at without a completed_at")
	if d.CompletedAt != "" {
		after := f.time("released_at", d.ReleasedAt).Sub(f.time("completed_at", d.CompletedAt))
		f.check(after >= 0, "released_at is before completed_at")
	}
}

// duration is there exactly if an execution has both started and ended.
func duration(f *findings, e Event) {
	if e.Data.StartedAt == "" || e.Data.CompletedAt == "" {
		f.check(e.DurationMS == nil, "there is a duration_ms without a start or an end")
		f.absent(map[string]string{"duration": e.Data.Duration})
		return
	}
	took := f.time("completed_at", e.Data.CompletedAt).Sub(f.time("started_at", e.Data.StartedAt))
	f.check(took >= 0, "completed_at is before started_at")
	f.check(e.DurationMS != nil && *e.DurationMS == took.Milliseconds(), "duration_ms is not that from started_at to completed_at")
	said, err := time.ParseDuration(e.Data.Duration)
	f.check(err == nil && said == took, "duration %q is not that from started_at to completed_at", e.Data.Duration)
}

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/apis"
)

// ClearMethodStatusPatch is the ClearMethod of a block that was lifted by a request in the status.
const ClearMethodStatusPatch = "StatusPatch"

// MaxClearanceReason is the longest reason of a clearance, in characters.
const MaxClearanceReason = 4096

const (
	clearanceField = "blockClearance"
	requestField   = "blockClearanceRequest"
)

// Blocks tells whether the execution keeps its workflow from its target until a person clears that.
func (s *WorkflowExecutionStatus) Blocks() bool {
	return s.Phase == PhaseFailed && s.FailureDetails != nil && s.FailureDetails.RequiresManualReview && s.BlockClearance == nil
}

// AnswerClearanceRequest turns a request to lift the block, made by a write to the status that was
// old, into the clearance: by whom is the authenticated user, at the time. It refuses a request
// without a reason, one on an execution that blocks nothing, one that comes with other changes, and
// every clearance that was written by hand. Without a new request it changes nothing.
func (s *WorkflowExecutionStatus) AnswerClearanceRequest(old *WorkflowExecutionStatus, by string, at metav1.Time) *apis.FieldError {
	if !equality.Semantic.DeepEqual(s.BlockClearance, old.BlockClearance) {
		return handWritten(s.BlockClearance)
	}
	request := s.BlockClearanceRequest
	// A stored request is from a time without webhook. Whoever writes the status now did not make it.
	if request == nil || equality.Semantic.DeepEqual(request, old.BlockClearanceRequest) {
		return nil
	}
	if err := request.validate(old); err != nil {
		return err
	}
	if !s.differsInClearanceOnly(old) {
		return apis.ErrGeneric("no other field of the status may change together with "+requestField, apis.CurrentField)
	}
	s.BlockClearanceRequest = nil
	s.BlockClearance = &BlockClearance{
		ClearedAt: at, ClearedBy: by, ClearReason: request.Reason, ClearMethod: ClearMethodStatusPatch,
	}
	return nil
}

// validate judges by what is stored, which the request cannot change.
func (r *BlockClearanceRequest) validate(old *WorkflowExecutionStatus) *apis.FieldError {
	reason := fmt.Sprintf("%q", r.Reason)
	if why := old.whyNothingToClear(); why != "" {
		return apis.ErrInvalidValue(reason, requestField+".reason", "there is nothing to clear: "+why)
	}
	if strings.TrimSpace(r.Reason) == "" {
		return apis.ErrInvalidValue(reason, requestField+".reason", "must say why the block may be lifted")
	}
	if n := utf8.RuneCountInString(r.Reason); n > MaxClearanceReason {
		return apis.ErrInvalidValue(fmt.Sprintf("%d characters", n), requestField+".reason",
			fmt.Sprintf("must be at most %d characters long", MaxClearanceReason))
	}
	return nil
}

func (s *WorkflowExecutionStatus) whyNothingToClear() string {
	switch c := s.BlockClearance; {
	case s.Blocks():
		return ""
	case c != nil:
		return fmt.Sprintf("%s cleared it at %s", c.ClearedBy, c.ClearedAt.UTC().Format(time.RFC3339))
	case s.Phase == PhaseFailed:
		return "the execution failed, but its failureDetails.requiresManualReview is not true"
	}
	return fmt.Sprintf("the phase of the execution is %q; only one that is Failed, with failureDetails.requiresManualReview true, blocks",
		s.Phase)
}

func (s *WorkflowExecutionStatus) differsInClearanceOnly(old *WorkflowExecutionStatus) bool {
	was, is := old.DeepCopy(), s.DeepCopy()
	was.BlockClearance, was.BlockClearanceRequest = nil, nil
	is.BlockClearance, is.BlockClearanceRequest = nil, nil
	return equality.Semantic.DeepEqual(was, is)
}

func handWritten(clearance *BlockClearance) *apis.FieldError {
	value, err := json.Marshal(clearance)
	if err != nil {
		value = []byte(err.Error())
	}
	return apis.ErrInvalidValue(string(value), clearanceField,
		"is written by the webhook and never changes; to lift a block, set "+requestField+" {reason}")
}

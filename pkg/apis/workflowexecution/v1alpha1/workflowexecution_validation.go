// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation"
	"knative.dev/pkg/apis"
)

// TargetResourceParameter is the parameter that tells every workflow its target.
const TargetResourceParameter = "TARGET_RESOURCE"

// MaxParameterBytes bounds keys and values of all parameters together (docs/design.md, "Limits").
const MaxParameterBytes = 256 * 1024

const (
	maxNameLength = 200
	maxParameters = 256
	minTimeout    = time.Second
)

var (
	parameterKey = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	workflowID   = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$`)
	bundleDigest = regexp.MustCompile(`^sha256:[a-f0-9]{64}$`)

	// resultReference is what Tekton refuses in the parameters of a PipelineRun: a substitution
	// expression of the form tasks.<task>.results.<result>, with an attribute or index at most.
	resultReference = regexp.MustCompile(
		`\$\((tasks|finally)\.[_a-zA-Z0-9-]*\.results\.[_a-zA-Z0-9-]*(\.[_a-zA-Z0-9-]*)?(\[([0-9]+|\*)\])?\)`)
)

// Validate reports everything that is wrong with the execution, each with the field, the value and
// what would be valid.
func (w *WorkflowExecution) Validate(ctx context.Context) *apis.FieldError {
	var errs *apis.FieldError
	if len(w.Name) > maxNameLength {
		errs = errs.Also(apis.ErrInvalidValue(w.Name, "metadata.name",
			fmt.Sprintf("must be at most %d characters long, so that its events can be named after it", maxNameLength)))
	}
	if apis.IsInUpdate(ctx) {
		original, ok := apis.GetBaseline(ctx).(*WorkflowExecution)
		if ok && !equality.Semantic.DeepEqual(original.Spec, w.Spec) {
			return errs.Also(&apis.FieldError{
				Message: "is immutable once created; create a new WorkflowExecution instead", Paths: []string{"spec"},
			})
		}
		return errs
	}
	return errs.Also(w.Spec.Validate(ctx).ViaField("spec"))
}

// Validate reports everything that is wrong with the spec.
func (s *WorkflowExecutionSpec) Validate(ctx context.Context) *apis.FieldError {
	var errs *apis.FieldError
	if s.RemediationRequestRef.Name == "" {
		errs = errs.Also(apis.ErrMissingField("remediationRequestRef.name"))
	}
	if _, err := ParseTarget(s.TargetResource); err != nil {
		errs = errs.Also(apis.ErrInvalidValue(s.TargetResource, "targetResource", err.Error()))
	}
	if s.Confidence != nil && (*s.Confidence < 0 || *s.Confidence > 1) {
		errs = errs.Also(apis.ErrOutOfBoundsValue(*s.Confidence, 0, 1, "confidence"))
	}
	return errs.Also(
		s.WorkflowRef.Validate(ctx).ViaField("workflowRef"),
		s.validateParameters().ViaField("parameters"),
		s.ExecutionConfig.Validate(ctx).ViaField("executionConfig"))
}

// Validate reports everything that is wrong with the reference.
func (r *WorkflowRef) Validate(context.Context) *apis.FieldError {
	var errs *apis.FieldError
	if r.WorkflowID == "" {
		errs = errs.Also(apis.ErrMissingField("workflowId"))
	} else if !workflowID.MatchString(r.WorkflowID) {
		errs = errs.Also(apis.ErrInvalidValue(r.WorkflowID, "workflowId",
			"must be letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"))
	}
	if r.Version == "" {
		errs = errs.Also(apis.ErrMissingField("version"))
	}
	return errs.Also(r.validateBundle())
}

func (r *WorkflowRef) validateBundle() *apis.FieldError {
	if r.ContainerImage == "" {
		return apis.ErrMissingField("containerImage")
	}
	ref, err := name.ParseReference(r.ContainerImage)
	if err != nil {
		return apis.ErrInvalidValue(r.ContainerImage, "containerImage", err.Error())
	}
	if r.ContainerDigest == "" {
		return nil
	}
	if !bundleDigest.MatchString(r.ContainerDigest) {
		return apis.ErrInvalidValue(r.ContainerDigest, "containerDigest", "must be sha256: and 64 lower-case hexadecimal digits")
	}
	if digest, ok := ref.(name.Digest); ok && digest.DigestStr() != r.ContainerDigest {
		return apis.ErrInvalidValue(r.ContainerDigest, "containerDigest",
			"differs from the digest "+digest.DigestStr()+" in containerImage; leave one of them out")
	}
	return nil
}

func (s *WorkflowExecutionSpec) validateParameters() *apis.FieldError {
	var errs *apis.FieldError
	if len(s.Parameters) > maxParameters {
		errs = errs.Also(apis.ErrOutOfBoundsValue(len(s.Parameters), 0, maxParameters, apis.CurrentField))
	}
	total := 0
	for key, value := range s.Parameters {
		total += len(key) + len(value)
		errs = errs.Also(s.validateParameter(key, value))
	}
	if total > MaxParameterBytes {
		errs = errs.Also(apis.ErrInvalidValue(strconv.Itoa(total)+" bytes", apis.CurrentField,
			fmt.Sprintf("keys and values together must be at most 256 KiB (%d bytes)", MaxParameterBytes)))
	}
	return errs
}

func (s *WorkflowExecutionSpec) validateParameter(key, value string) *apis.FieldError {
	switch {
	case !parameterKey.MatchString(key):
		return apis.ErrInvalidKeyName(key, apis.CurrentField,
			"must be UPPER_SNAKE_CASE: capital letters, digits and underscores, beginning with a letter")
	case key == TargetResourceParameter && value != s.TargetResource:
		return apis.ErrInvalidValue(value, apis.CurrentField,
			fmt.Sprintf("is set by the controller; leave it out or give it the value %q of spec.targetResource", s.TargetResource)).
			ViaKey(key)
	}
	if ref := resultReference.FindString(value); ref != "" {
		return apis.ErrInvalidValue(ref, apis.CurrentField,
			"Tekton refuses references to task results in the parameters of a run").ViaKey(key)
	}
	return nil
}

// Validate reports everything that is wrong with the overrides.
func (c *ExecutionConfig) Validate(context.Context) *apis.FieldError {
	if c == nil {
		return nil
	}
	var errs *apis.FieldError
	if c.Timeout != nil && c.Timeout.Duration < minTimeout {
		errs = errs.Also(apis.ErrInvalidValue(c.Timeout.Duration, "timeout", "must be at least "+minTimeout.String()))
	}
	if c.ServiceAccountName != "" {
		if msgs := validation.IsDNS1123Subdomain(c.ServiceAccountName); len(msgs) > 0 {
			errs = errs.Also(apis.ErrInvalidValue(c.ServiceAccountName, "serviceAccountName", msgs[0]))
		}
	}
	return errs
}

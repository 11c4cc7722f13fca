// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package names gives the children of a WorkflowExecution their names.
package names

import (
	"crypto/sha256"
	"encoding/hex"

	"knative.dev/pkg/kmeta"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

const uidDigits = 10

// PipelineRun is the name of the one PipelineRun of an execution. It is the same whenever it is
// asked for, at most 63 characters long, and differs between two executions that had the same name
// one after the other.
func PipelineRun(wfe *v1alpha1.WorkflowExecution) string {
	sum := sha256.Sum256([]byte(wfe.UID))
	return kmeta.ChildName(wfe.Name, "-"+hex.EncodeToString(sum[:])[:uidDigits])
}

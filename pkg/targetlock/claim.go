// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package targetlock keeps two executions from working on one target: one Lease per target, at the
// API server, with the execution that may touch the target as its holder.
package targetlock

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	leasePrefix = "target-"
	hashDigits  = 40
)

// Holder is the execution that holds a target.
type Holder struct {
	Namespace, Name string
	UID             types.UID
}

// String is the form in which a Lease names its holder.
func (h Holder) String() string {
	return h.Namespace + "/" + h.Name + "/" + string(h.UID)
}

// ParseHolder is the inverse of Holder.String.
func ParseHolder(identity string) (Holder, error) {
	parts := strings.Split(identity, "/")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return Holder{}, fmt.Errorf("holder identity %q is not namespace/name/uid", identity)
	}
	return Holder{Namespace: parts[0], Name: parts[1], UID: types.UID(parts[2])}, nil
}

// Claim is what an execution asks for when it wants its target to itself.
type Claim struct {
	// Target in canonical form (Resolver).
	Target string
	// Holder is the execution.
	Holder Holder
	// WorkflowID of the execution, for those it keeps waiting.
	WorkflowID string
	// RunNamespace is where the execution's PipelineRun lives.
	RunNamespace string
}

// LeaseName is the name of the Lease of a canonical target.
func LeaseName(target string) string {
	sum := sha256.Sum256([]byte(target))
	return leasePrefix + hex.EncodeToString(sum[:])[:hashDigits]
}

// Decision answers a claim. The zero Conflict means that the claim is held.
type Decision struct {
	// Conflict is the other holder, nil if the claim was granted.
	Conflict *Conflict
}

// Conflict is the execution that holds the target instead.
type Conflict struct {
	Holder     Holder
	WorkflowID string
	// RunNamespace is where the holder's PipelineRun lives.
	RunNamespace string
	// Since is when it took the target.
	Since time.Time
}

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package targetlock keeps two executions from running on one target, and a repair from being repeated
// blindly: one Lease per target, at the API server, with the execution that may touch the target as
// its holder and a ledger of how the workflows ended that have run there.
package targetlock

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

const leasePrefix = "target-"

// Holder is the execution that holds a target.
type Holder struct {
	Namespace, Name string
	UID             types.UID
}

// String is the form in which a Lease names its holder.
func (h Holder) String() string {
	return h.Namespace + "/" + h.Name + "/" + string(h.UID)
}

// MarshalText is String.
func (h Holder) MarshalText() ([]byte, error) {
	return []byte(h.String()), nil
}

// UnmarshalText is ParseHolder.
func (h *Holder) UnmarshalText(text []byte) (err error) {
	*h, err = ParseHolder(string(text))
	return err
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
	return LeaseNameOfHash(v1alpha1.TargetHash(target))
}

// LeaseNameOfHash is the name of the Lease of a target of which only the v1alpha1.TargetHash is known.
func LeaseNameOfHash(hash string) string {
	return leasePrefix + hash
}

// HashOfLease is the inverse of LeaseNameOfHash, false for a Lease that is no lock of ours.
func HashOfLease(name string) (string, bool) {
	hash, ok := strings.CutPrefix(name, leasePrefix)
	return hash, ok && len(hash) == v1alpha1.TargetHashDigits
}

// Conflict is the execution that holds the target instead.
type Conflict struct {
	// Holder is zero if the Lease was edited so that it names no execution; Identity tells what it says.
	Holder   Holder
	Identity string
	// Target in canonical form, empty if somebody has removed it.
	Target     string
	WorkflowID string
	// RunNamespace is where the holder's PipelineRun lives.
	RunNamespace string
	// Since is when it took the target.
	Since time.Time
	// Run is the PipelineRun that is on the target without any lock, as namespace/name: somebody has made it in the likeness
	// of the holder's. It is empty otherwise.
	Run string
}

// Claim of the conflicting execution on the target.
func (c Conflict) Claim() Claim {
	return Claim{Target: c.Target, Holder: c.Holder, WorkflowID: c.WorkflowID, RunNamespace: c.RunNamespace}
}

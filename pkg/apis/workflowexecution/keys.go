// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

// Labels of a PipelineRun. Tekton copies them to its TaskRuns and pods.
const (
	// ExecutionUIDLabel carries the UID of the execution that owns the object.
	ExecutionUIDLabel = GroupName + "/workflow-execution"
	// TargetHashLabel carries a hash of the canonical target.
	TargetHashLabel = GroupName + "/target"
	// ManagedByLabel and ManagedBy mark what this controller made.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of ManagedByLabel.
	ManagedBy = "workflowexecution-controller"
)

// Annotations of a PipelineRun: what does not fit a label, for people and for the controller.
const (
	ExecutionNamespaceAnnotation = GroupName + "/execution-namespace"
	ExecutionNameAnnotation      = GroupName + "/execution-name"
	ExecutionUIDAnnotation       = GroupName + "/execution-uid"
	WorkflowVersionAnnotation    = GroupName + "/workflow-version"
	CorrelationIDAnnotation      = GroupName + "/correlation-id"
	// SettingsAnnotation holds the settings the run started with.
	SettingsAnnotation = GroupName + "/settings"
	// CancelReasonAnnotation notes why this controller cancelled the run: a v1alpha1.FailureReason.
	CancelReasonAnnotation = GroupName + "/cancel-reason"
	// CancelledAtAnnotation notes when; in a status, when it was first seen that somebody else has cancelled the run.
	CancelledAtAnnotation = GroupName + "/cancelled-at"
)

// Annotations of a PipelineRun, which Tekton copies to its pods: autoscalers do not evict those that have them. A repair
// that is moved to another node in the middle is one that failed.
const (
	// SafeToEvictAnnotation is that of the cluster autoscaler.
	SafeToEvictAnnotation = "cluster-autoscaler.kubernetes.io/safe-to-evict"
	// DoNotDisruptAnnotation is that of Karpenter.
	DoNotDisruptAnnotation = "karpenter.sh/do-not-disrupt"
)

// Annotations of a PipelineRun and of the Lease of a target.
const (
	// TargetAnnotation is the canonical target.
	TargetAnnotation = GroupName + "/target-resource"
	// WorkflowIDAnnotation is the workflow of the run, or of the execution that holds the Lease.
	WorkflowIDAnnotation = GroupName + "/workflow-id"
)

// Labels and annotations of the Lease of a target.
const (
	// LockLabel and LockTarget select the Leases of targets:
	// kubectl get leases -n kubernaut-system -l kubernaut.ai/lock=target
	LockLabel = GroupName + "/lock"
	// LockTarget is the value of LockLabel.
	LockTarget = "target"
	// RunNamespaceAnnotation is where the holder's PipelineRun lives.
	RunNamespaceAnnotation = GroupName + "/run-namespace"
	// FencedAnnotation is set once the holder's run must not be started any more.
	FencedAnnotation = GroupName + "/fenced"
	// LedgerAnnotation holds what is remembered of the executions on the target. Without it nothing is.
	LedgerAnnotation = GroupName + "/ledger"
)

// Annotations in the status of a WorkflowExecution.
const (
	// CanonicalTargetAnnotation keeps which target was locked, so that the same lock is freed at the end,
	// whatever API discovery says by then.
	CanonicalTargetAnnotation = GroupName + "/canonical-target"
	// UnblockedAnnotation keeps a clearance from being carried out twice.
	UnblockedAnnotation = GroupName + "/unblocked"
)

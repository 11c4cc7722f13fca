// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/pod"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/configmap"
)

// WorkflowExecutionConfigName is the name of the ConfigMap that WorkflowExecution is read from.
const WorkflowExecutionConfigName = "config-workflowexecution"

const (
	pipelineNameKey           = "pipeline-name"
	defaultServiceAccountKey  = "default-service-account"
	allowedServiceAccountsKey = "allowed-service-accounts"
	allowedBundlesKey         = "allowed-bundles"
	defaultTimeoutKey         = "default-timeout"
	maxTimeoutKey             = "max-timeout"
	finallyTimeoutKey         = "finally-timeout"
	cancelGraceKey            = "cancel-grace"
	pendingDeadlineKey        = "pending-deadline"
	cooldownPeriodKey         = "cooldown-period"
	backoffBaseKey            = "backoff-base"
	backoffMaxKey             = "backoff-max"
	maxConsecutiveFailuresKey = "max-consecutive-failures"
	logTailLinesKey           = "log-tail-lines"
	podTemplateKey            = "pod-template"
)

// WorkflowExecution says how workflows are run, and when they are not.
type WorkflowExecution struct {
	// PipelineName is the name of the Pipeline that is taken out of a bundle.
	PipelineName string

	// DefaultServiceAccount is what a workflow runs as when its execution names no ServiceAccount.
	DefaultServiceAccount string

	// AllowedServiceAccounts are those an execution may name; see AllowsServiceAccount.
	AllowedServiceAccounts []string

	// AllowedBundles are patterns of the repositories a workflow may come from; see AllowsBundle.
	AllowedBundles []string

	// DefaultTimeout is the time a workflow has when its execution does not say.
	DefaultTimeout time.Duration

	// MaxTimeout is the longest time an execution may ask for.
	MaxTimeout time.Duration

	// FinallyTimeout is how long the finally tasks may run after the workflow's own time is up.
	FinallyTimeout time.Duration

	// CancelGrace is how long a cancelled run may still run its finally tasks when its execution is
	// deleted.
	CancelGrace time.Duration

	// PendingDeadline is how long the creation of a run is retried after server errors.
	PendingDeadline time.Duration

	// CooldownPeriod is how long a workflow is not repeated on a target after it completed there.
	CooldownPeriod time.Duration

	// BackoffBase is how long a workflow is not repeated on a target after its first failure before
	// anything ran; it doubles with each such failure in a row.
	BackoffBase time.Duration

	// BackoffMax limits that doubling.
	BackoffMax time.Duration

	// MaxConsecutiveFailures before anything ran block the workflow on its target.
	MaxConsecutiveFailures int

	// LogTailLines of a failed step's log are kept in the status; 0 keeps none.
	LogTailLines int

	// PodTemplate is what the pods of all runs have in common, nil if nothing.
	PodTemplate *pod.PodTemplate
}

// DefaultWorkflowExecution is the configuration of an empty ConfigMap.
func DefaultWorkflowExecution() *WorkflowExecution {
	return &WorkflowExecution{
		PipelineName:           "workflow",
		DefaultServiceAccount:  "kubernaut-workflow-runner",
		DefaultTimeout:         30 * time.Minute,
		MaxTimeout:             24 * time.Hour,
		FinallyTimeout:         5 * time.Minute,
		CancelGrace:            time.Minute,
		PendingDeadline:        5 * time.Minute,
		CooldownPeriod:         5 * time.Minute,
		BackoffBase:            time.Minute,
		BackoffMax:             10 * time.Minute,
		MaxConsecutiveFailures: 5,
		LogTailLines:           50,
	}
}

// NewWorkflowExecutionFromConfigMap reads the configuration out of its ConfigMap.
func NewWorkflowExecutionFromConfigMap(cm *corev1.ConfigMap) (*WorkflowExecution, error) {
	return NewWorkflowExecutionFromMap(cm.Data)
}

// NewWorkflowExecutionFromMap reads the configuration; what data leaves out keeps its default. An
// error names the key, its value and what would be valid.
func NewWorkflowExecutionFromMap(data map[string]string) (*WorkflowExecution, error) {
	c := DefaultWorkflowExecution()
	if err := parse(data, c.parsers()); err != nil {
		return nil, err
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// parsers holds for each key of the ConfigMap what reads it.
func (c *WorkflowExecution) parsers() map[string]configmap.ParseFunc {
	return map[string]configmap.ParseFunc{
		pipelineNameKey:           asName(pipelineNameKey, &c.PipelineName),
		defaultServiceAccountKey:  asName(defaultServiceAccountKey, &c.DefaultServiceAccount),
		allowedServiceAccountsKey: asList(allowedServiceAccountsKey, &c.AllowedServiceAccounts, checkName),
		allowedBundlesKey:         asList(allowedBundlesKey, &c.AllowedBundles, checkBundlePattern),
		defaultTimeoutKey:         asDuration(defaultTimeoutKey, &c.DefaultTimeout),
		maxTimeoutKey:             asDuration(maxTimeoutKey, &c.MaxTimeout),
		finallyTimeoutKey:         asDuration(finallyTimeoutKey, &c.FinallyTimeout),
		cancelGraceKey:            asDuration(cancelGraceKey, &c.CancelGrace),
		pendingDeadlineKey:        asDuration(pendingDeadlineKey, &c.PendingDeadline),
		cooldownPeriodKey:         asDuration(cooldownPeriodKey, &c.CooldownPeriod),
		backoffBaseKey:            asDuration(backoffBaseKey, &c.BackoffBase),
		backoffMaxKey:             asDuration(backoffMaxKey, &c.BackoffMax),
		maxConsecutiveFailuresKey: asInt(maxConsecutiveFailuresKey, &c.MaxConsecutiveFailures, 1, 1000),
		logTailLinesKey:           asInt(logTailLinesKey, &c.LogTailLines, 0, 1000),
		podTemplateKey:            asPodTemplate(podTemplateKey, &c.PodTemplate),
	}
}

// validate checks what only several values together can tell.
func (c *WorkflowExecution) validate() error {
	if err := notAbove(defaultTimeoutKey, c.DefaultTimeout, maxTimeoutKey, c.MaxTimeout); err != nil {
		return err
	}
	return notAbove(backoffBaseKey, c.BackoffBase, backoffMaxKey, c.BackoffMax)
}

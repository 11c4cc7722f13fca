// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// Settings are what an execution took from the configuration when its run was made. They are kept
// on the run, so that a later change of the configuration leaves it alone.
type Settings struct {
	// Timeout after which the run is cancelled.
	Timeout metav1.Duration `json:"timeout"`
	// FinallyTimeout is how long finally tasks may run after that.
	FinallyTimeout metav1.Duration `json:"finallyTimeout"`
	// CancelGrace is how long they may run when the execution is deleted.
	CancelGrace metav1.Duration `json:"cancelGrace"`
	// LogTailLines of a failed step that are kept.
	LogTailLines int `json:"logTailLines"`
}

// MakeSettings fixes the settings of an execution. It fails if the execution asks for what the
// configuration does not allow.
func MakeSettings(spec *v1alpha1.WorkflowExecutionSpec, cfg *config.WorkflowExecution) (Settings, error) {
	var requested *metav1.Duration
	if spec.ExecutionConfig != nil {
		requested = spec.ExecutionConfig.Timeout
	}
	timeout, err := cfg.Timeout(requested)
	if err != nil {
		return Settings{}, err
	}
	return settingsWith(timeout, cfg), nil
}

// ReplacedSettings are those of a run that has lost its own: the timeout that the execution asks for, which was allowed
// when the run was made, and the rest as it is configured now.
func ReplacedSettings(spec *v1alpha1.WorkflowExecutionSpec, cfg *config.WorkflowExecution) Settings {
	timeout := cfg.DefaultTimeout
	if spec.ExecutionConfig != nil && spec.ExecutionConfig.Timeout != nil {
		timeout = spec.ExecutionConfig.Timeout.Duration
	}
	return settingsWith(timeout, cfg)
}

func settingsWith(timeout time.Duration, cfg *config.WorkflowExecution) Settings {
	return Settings{
		Timeout:        metav1.Duration{Duration: timeout},
		FinallyTimeout: metav1.Duration{Duration: cfg.FinallyTimeout},
		CancelGrace:    metav1.Duration{Duration: cfg.CancelGrace},
		LogTailLines:   cfg.LogTailLines,
	}
}

// SettingsOf reads the settings a run started with.
func SettingsOf(run metav1.Object) (Settings, error) {
	var s Settings
	if err := json.Unmarshal([]byte(run.GetAnnotations()[workflowexecution.SettingsAnnotation]), &s); err != nil {
		return Settings{}, fmt.Errorf("annotation %s of PipelineRun %s/%s: %w",
			workflowexecution.SettingsAnnotation, run.GetNamespace(), run.GetName(), err)
	}
	if s.Timeout.Duration <= 0 {
		return Settings{}, fmt.Errorf("annotation %s of PipelineRun %s/%s: timeout %s must be positive",
			workflowexecution.SettingsAnnotation, run.GetNamespace(), run.GetName(), s.Timeout.Duration)
	}
	return s, nil
}

func (s Settings) encode() (string, error) {
	data, err := json.Marshal(s)
	return string(data), err
}

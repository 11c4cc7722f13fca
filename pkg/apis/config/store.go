// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"

	"knative.dev/pkg/configmap"
)

type configKey struct{}

// Config is a snapshot of all ConfigMaps. A nil field means that its ConfigMap has not been read.
type Config struct {
	WorkflowExecution *WorkflowExecution
	Audit             *Audit
}

// FromContext returns the snapshot that ToContext attached, or nil.
func FromContext(ctx context.Context) *Config {
	cfg, _ := ctx.Value(configKey{}).(*Config)
	return cfg
}

// FromContextOrDefaults returns the attached snapshot with defaults for whatever it lacks. It leaves
// the attached one as it is.
func FromContextOrDefaults(ctx context.Context) *Config {
	cfg := &Config{}
	if attached := FromContext(ctx); attached != nil {
		*cfg = *attached
	}
	if cfg.WorkflowExecution == nil {
		cfg.WorkflowExecution = DefaultWorkflowExecution()
	}
	if cfg.Audit == nil {
		cfg.Audit = DefaultAudit()
	}
	return cfg
}

// ToContext attaches a snapshot.
func ToContext(ctx context.Context, cfg *Config) context.Context {
	return context.WithValue(ctx, configKey{}, cfg)
}

// Store follows the ConfigMaps and keeps their last valid content.
// +k8s:deepcopy-gen=false
type Store struct {
	*configmap.UntypedStore
}

// NewStore makes a store that calls onAfterStore with the name and value of each ConfigMap it has
// accepted. A first content that is not valid ends the program; a later one is logged and ignored.
func NewStore(logger configmap.Logger, onAfterStore ...func(name string, value any)) *Store {
	return &Store{UntypedStore: configmap.NewUntypedStore("workflowexecution", logger, Constructors(), onAfterStore...)}
}

// Constructors of the typed values, by the name of their ConfigMap; the store uses them, and so does
// the webhook that refuses an invalid ConfigMap.
func Constructors() configmap.Constructors {
	return configmap.Constructors{
		WorkflowExecutionConfigName: NewWorkflowExecutionFromConfigMap,
		AuditConfigName:             NewAuditFromConfigMap,
	}
}

// ToContext attaches the current snapshot.
func (s *Store) ToContext(ctx context.Context) context.Context {
	return ToContext(ctx, s.Load())
}

// Load copies the current values, so that nobody changes those of another.
func (s *Store) Load() *Config {
	cfg := &Config{}
	if c, ok := s.UntypedLoad(WorkflowExecutionConfigName).(*WorkflowExecution); ok {
		cfg.WorkflowExecution = c.DeepCopy()
	}
	if c, ok := s.UntypedLoad(AuditConfigName).(*Audit); ok {
		cfg.Audit = c.DeepCopy()
	}
	return cfg
}

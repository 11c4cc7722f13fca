// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"sync/atomic"

	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/system"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
)

// settings are what config-workflowexecution says now. Unlike Knative's store they end no program: a
// webhook that does not start because of a ConfigMap could not let it be corrected either.
type settings struct {
	last   atomic.Pointer[config.WorkflowExecution]
	logger *zap.SugaredLogger
}

// followSettings has the defaults while the ConfigMap does not exist.
func followSettings(ctx context.Context, watcher configmap.DefaultingWatcher) *settings {
	s := &settings{logger: logging.FromContext(ctx).Named("config")}
	watcher.WatchWithDefault(corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: system.Namespace(), Name: config.WorkflowExecutionConfigName,
	}}, s.observe)
	return s
}

func (s *settings) observe(cm *corev1.ConfigMap) {
	read, err := config.NewWorkflowExecutionFromConfigMap(cm)
	if err != nil {
		s.logger.Warnw("ConfigMap "+cm.Name+" is not valid; what was valid before stays in force", "error", err)
		return
	}
	s.last.Store(read)
}

// current is the last valid content, or the defaults if there was none. It is not to be changed.
func (s *settings) current() *config.WorkflowExecution {
	if last := s.last.Load(); last != nil {
		return last
	}
	return config.DefaultWorkflowExecution()
}

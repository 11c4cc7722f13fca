// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/logging"
)

const (
	loggerKey      = "zap-logger-config"
	logLevelPrefix = "loglevel."
)

// NewLoggingFromConfigMap is Knative's constructor with errors that name the key and what is valid.
// It also refuses a logger that could not be built, for which Knative would silently take another.
func NewLoggingFromConfigMap(cm *corev1.ConfigMap) (*logging.Config, error) {
	for _, key := range sortedKeys(cm.Data) {
		if err := checkLogging(key, cm.Data[key]); err != nil {
			return nil, err
		}
	}
	return logging.NewConfigFromConfigMap(cm)
}

func checkLogging(key, value string) error {
	switch {
	case key == loggerKey && value != "":
		return checkLogger(value)
	case strings.HasPrefix(key, logLevelPrefix) && value != "":
		if _, err := zapcore.ParseLevel(value); err != nil {
			return fmt.Errorf("%s: %q is not valid: want debug, info, warn, error, dpanic, panic or fatal", key, value)
		}
	}
	return nil
}

func checkLogger(value string) error {
	var logger zap.Config
	if err := json.Unmarshal([]byte(value), &logger); err != nil {
		return fmt.Errorf("%s: %q is not valid: want the configuration of a zap logger as JSON: %w", loggerKey, value, err)
	}
	if e := logger.Encoding; e != "" && e != "json" && e != "console" {
		return fmt.Errorf("%s: encoding %q is not valid: want json or console", loggerKey, e)
	}
	return nil
}

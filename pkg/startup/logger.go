// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package startup

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	kubeclient "knative.dev/pkg/client/injection/kube/client"
	"knative.dev/pkg/injection/sharedmain"
	"knative.dev/pkg/logging"
	"knative.dev/pkg/logging/logkey"

	"kubernaut.ai/workflowexecution/pkg/version"
)

// setUpLogger makes the logger that config-logging describes, with what changes its level, and has the
// libraries use it too. Its first line says which build this is.
func setUpLogger(ctx context.Context, cfg *rest.Config, component string) (*zap.SugaredLogger, zap.AtomicLevel, error) {
	logger, level, err := describedLogger(ctx, cfg, component)
	if err != nil {
		return nil, level, fmt.Errorf("ConfigMap %s: %w", logging.ConfigMapName(), err)
	}
	lendToLibraries(logger)
	build := version.Get()
	logger.Infow("Starting", "version", build.Version, "commit", build.Commit, "goVersion", build.GoVersion)
	return logger, level, nil
}

// describedLogger has a client of its own: what Knative's injection makes clients with is to have the
// logger already.
func describedLogger(ctx context.Context, cfg *rest.Config, component string) (*zap.SugaredLogger, zap.AtomicLevel, error) {
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, zap.AtomicLevel{}, err
	}
	described, err := sharedmain.GetLoggingConfig(context.WithValue(ctx, kubeclient.Key{}, client))
	if err != nil {
		return nil, zap.AtomicLevel{}, err
	}
	return newLogger(described, component)
}

// newLogger does not use Knative's constructor, which writes a line about the commit before anybody
// can give the logger a name.
func newLogger(described *logging.Config, component string) (*zap.SugaredLogger, zap.AtomicLevel, error) {
	settings := defaultLogger()
	if described.LoggingConfig != "" {
		if err := json.Unmarshal([]byte(described.LoggingConfig), &settings); err != nil {
			return nil, zap.AtomicLevel{}, fmt.Errorf("zap-logger-config: %w", err)
		}
	}
	if level, own := described.LoggingLevel[component]; own {
		settings.Level = zap.NewAtomicLevelAt(level)
	}
	logger, err := settings.Build()
	if err != nil {
		return nil, zap.AtomicLevel{}, fmt.Errorf("zap-logger-config: %w", err)
	}
	logger = logger.Named(component)
	if pod := os.Getenv("POD_NAME"); pod != "" {
		logger = logger.With(zap.String(logkey.Pod, pod))
	}
	return logger.Sugar(), settings.Level, nil
}

// defaultLogger is what zap-logger-config is shipped as.
func defaultLogger() zap.Config {
	settings := zap.NewProductionConfig()
	settings.OutputPaths = []string{"stdout"}
	settings.EncoderConfig = zapcore.EncoderConfig{
		TimeKey: "timestamp", LevelKey: "severity", NameKey: "logger", CallerKey: "caller", MessageKey: "message", StacktraceKey: "stacktrace",
		EncodeLevel: zapcore.LowercaseLevelEncoder, EncodeTime: zapcore.RFC3339NanoTimeEncoder,
		EncodeDuration: zapcore.StringDurationEncoder, EncodeCaller: zapcore.ShortCallerEncoder,
	}
	return settings
}

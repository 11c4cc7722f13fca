// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package startup

import (
	"context"
	"log/slog"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"knative.dev/pkg/logging"
)

// lendToLibraries has one form of line in the log, whoever writes it: client-go uses klog, and the HTTP
// server of the standard library its log, when something is wrong.
func lendToLibraries(logger *zap.SugaredLogger) {
	klog.SetSlogLogger(forLibrary(logger, "klog"))
	slog.SetLogLoggerLevel(slog.LevelWarn)
	slog.SetDefault(forLibrary(logger, "log"))
	rest.SetDefaultWarningHandler(&logging.WarningHandler{Logger: logger})
}

func forLibrary(logger *zap.SugaredLogger, name string) *slog.Logger {
	named := logger.Named(name).Desugar()
	return slog.New(unalarmed{zapslog.NewHandler(named.Core(), zapslog.WithName(named.Name()), zapslog.WithCaller(true))})
}

// unalarmed knows that a call which was cancelled is no error: it is we who cancel, when we end.
// client-go's leader election, for one, does not.
type unalarmed struct{ slog.Handler }

// Handle implements slog.Handler.
func (u unalarmed) Handle(ctx context.Context, record slog.Record) error {
	if strings.HasSuffix(record.Message, context.Canceled.Error()) {
		record.Level = min(record.Level, slog.LevelInfo)
	}
	return u.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (u unalarmed) WithAttrs(attrs []slog.Attr) slog.Handler {
	return unalarmed{u.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (u unalarmed) WithGroup(name string) slog.Handler {
	return unalarmed{u.Handler.WithGroup(name)}
}

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package sinks makes the audit sink that config-audit asks for.
package sinks

import (
	"context"
	"fmt"

	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/utils/clock"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/audit"
	"kubernaut.ai/workflowexecution/pkg/audit/datastorage"
	"kubernaut.ai/workflowexecution/pkg/audit/postgres"
)

// Keys of the Secret that tells how to connect to PostgreSQL.
const (
	urlKey = "url"
	caKey  = "ca.crt"
)

// Options are what sinks are made of.
type Options struct {
	// Log is the sink of that name.
	Log audit.Sink
	// Secrets of the system namespace.
	Secrets corev1client.SecretInterface
	Clock   clock.PassiveClock
	Logger  *zap.SugaredLogger
}

// New makes the sink of a configuration. It connects to nothing yet, so it cannot fail.
func New(c *config.Audit, o Options) audit.Sink {
	switch c.Sink {
	case config.AuditSinkDataStorage:
		return datastorage.New(datastorage.Options{
			URL: c.DataStorageURL, TokenFile: c.DataStorageTokenFile, CAFile: c.DataStorageCAFile,
			Timeout: c.DataStorageTimeout, Clock: o.Clock,
		})
	case config.AuditSinkPostgres:
		return postgres.New(postgres.Options{
			Source: o.connection(c.PostgresSecret), Migrate: c.PostgresMigrate, Clock: o.Clock, Logger: o.Logger,
		})
	case config.AuditSinkLog:
	}
	return o.Log
}

// connection reads the Secret for each new connection: a watch would be open all the time for what is
// needed once a minute.
func (o Options) connection(name string) func(context.Context) (postgres.Connection, error) {
	return func(ctx context.Context) (postgres.Connection, error) {
		secret, err := o.Secrets.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return postgres.Connection{}, fmt.Errorf("failed to read how to connect to PostgreSQL: %w", err)
		}
		url := secret.Data[urlKey]
		if len(url) == 0 {
			return postgres.Connection{}, fmt.Errorf("the Secret %s/%s has no key %s: want one such as "+
				"postgres://writer:password@host:5432/audit?sslmode=verify-full", secret.Namespace, secret.Name, urlKey)
		}
		return postgres.Connection{URL: string(url), CA: secret.Data[caKey]}, nil
	}
}

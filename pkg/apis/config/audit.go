// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/configmap"
)

// AuditConfigName is the name of the ConfigMap that Audit is read from.
const AuditConfigName = "config-audit"

// AuditSink is where audit events go.
type AuditSink string

const (
	// AuditSinkLog is standard output, one line of JSON for each event.
	AuditSinkLog AuditSink = "log"
	// AuditSinkDataStorage is the platform's data storage service.
	AuditSinkDataStorage AuditSink = "datastorage"
	// AuditSinkPostgres is a PostgreSQL database.
	AuditSinkPostgres AuditSink = "postgres"
)

const (
	sinkKey                 = "sink"
	deletionWaitKey         = "deletion-wait"
	dataStorageURLKey       = "datastorage-url"
	dataStorageTimeoutKey   = "datastorage-timeout"
	dataStorageCAFileKey    = "datastorage-ca-file"
	dataStorageTokenFileKey = "datastorage-token-file"
	postgresSecretKey       = "postgres-secret"
	postgresMigrateKey      = "postgres-migrate"

	serviceAccountTokenFile = "/var/run/secrets/kubernetes.io/serviceaccount/token" //nolint:gosec // a path, no token
)

// Audit says where audit events go.
type Audit struct {
	Sink AuditSink

	// DeletionWait is how long a deleted execution waits for the sink before its events go to the log.
	DeletionWait time.Duration

	// DataStorageURL is what /api/v1/audit/events/batch follows.
	DataStorageURL string

	// DataStorageTimeout of one request.
	DataStorageTimeout time.Duration

	// DataStorageCAFile holds the certificates to trust, in PEM; empty means those of the system.
	DataStorageCAFile string

	// DataStorageTokenFile holds the bearer token.
	DataStorageTokenFile string

	// PostgresSecret in the system namespace tells how to connect.
	PostgresSecret string

	// PostgresMigrate has the controller bring the schema up to date.
	PostgresMigrate bool
}

// DefaultAudit is the configuration of an empty ConfigMap.
func DefaultAudit() *Audit {
	return &Audit{
		Sink:                 AuditSinkLog,
		DeletionWait:         5 * time.Minute,
		DataStorageTimeout:   10 * time.Second,
		DataStorageTokenFile: serviceAccountTokenFile,
		PostgresSecret:       "workflowexecution-audit-postgres",
		PostgresMigrate:      true,
	}
}

// NewAuditFromConfigMap reads the configuration out of its ConfigMap.
func NewAuditFromConfigMap(cm *corev1.ConfigMap) (*Audit, error) {
	return NewAuditFromMap(cm.Data)
}

// NewAuditFromMap reads the configuration; what data leaves out keeps its default. An error names the
// key, its value and what would be valid.
func NewAuditFromMap(data map[string]string) (*Audit, error) {
	c := DefaultAudit()
	if err := parse(data, c.parsers()); err != nil {
		return nil, err
	}
	if c.Sink == AuditSinkDataStorage && c.DataStorageURL == "" {
		return nil, fmt.Errorf("%s: %q is not valid: want the URL of the service, which the sink %q needs",
			dataStorageURLKey, c.DataStorageURL, c.Sink)
	}
	return c, nil
}

func (c *Audit) parsers() map[string]configmap.ParseFunc {
	return map[string]configmap.ParseFunc{
		sinkKey:                 c.asSink,
		deletionWaitKey:         asDuration(deletionWaitKey, &c.DeletionWait),
		dataStorageURLKey:       asURL(dataStorageURLKey, &c.DataStorageURL),
		dataStorageTimeoutKey:   asDuration(dataStorageTimeoutKey, &c.DataStorageTimeout),
		dataStorageCAFileKey:    asPath(dataStorageCAFileKey, &c.DataStorageCAFile),
		dataStorageTokenFileKey: asPath(dataStorageTokenFileKey, &c.DataStorageTokenFile),
		postgresSecretKey:       asName(postgresSecretKey, &c.PostgresSecret),
		postgresMigrateKey:      asBool(postgresMigrateKey, &c.PostgresMigrate),
	}
}

func (c *Audit) asSink(data map[string]string) error {
	raw, ok := data[sinkKey]
	if !ok {
		return nil
	}
	known := []string{string(AuditSinkLog), string(AuditSinkDataStorage), string(AuditSinkPostgres)}
	if !slices.Contains(known, raw) {
		return fmt.Errorf("%s: %q is not valid: want one of %s", sinkKey, raw, strings.Join(known, ", "))
	}
	c.Sink = AuditSink(raw)
	return nil
}

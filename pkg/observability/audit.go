// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package observability

import (
	"context"

	"go.opencensus.io/stats"
	"go.opencensus.io/stats/view"
	"go.opencensus.io/tag"
	"knative.dev/pkg/metrics"
)

// Audit are the metrics of the audit trail (docs/design.md, "Audit trail"). The exporter puts the name of the
// component before theirs.
type Audit struct {
	events, pending *stats.Int64Measure
	sink, result    tag.Key
}

// NewAudit declares the metrics.
func NewAudit() (*Audit, error) {
	a := &Audit{
		events:  stats.Int64("audit_events", "Audit events by what was done with them", stats.UnitDimensionless),
		pending: stats.Int64("audit_pending", "Executions with audit events that wait for the sink", stats.UnitDimensionless),
		sink:    tag.MustNewKey("sink"),
		result:  tag.MustNewKey("result"),
	}
	err := metrics.RegisterResourceView(
		&view.View{
			Name: "audit_events_total", Description: a.events.Description(), Measure: a.events,
			Aggregation: view.Sum(), TagKeys: []tag.Key{a.sink, a.result},
		},
		&view.View{
			Name: "audit_pending", Description: a.pending.Description(), Measure: a.pending, Aggregation: view.LastValue(),
		},
	)
	return a, err
}

// AuditEvents implements audit.Metrics.
func (a *Audit) AuditEvents(sink, result string, count int) {
	if count == 0 {
		return
	}
	ctx, err := tag.New(context.Background(), tag.Upsert(a.sink, sink), tag.Upsert(a.result, result))
	if err == nil {
		metrics.Record(ctx, a.events.M(int64(count)))
	}
}

// AuditPending implements audit.Metrics.
func (a *Audit) AuditPending(executions int) {
	metrics.Record(context.Background(), a.pending.M(int64(executions)))
}

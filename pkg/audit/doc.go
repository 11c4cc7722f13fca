// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package audit tells an auditor what became of every execution, and loses nothing
// (docs/design.md, "Audit trail"). The execution itself is the outbox: EventsOf derives its events from what is stored of
// it, a Recorder carries them to a Sink, and Note keeps in the status which of them the sink has
// acknowledged. What is not noted there is tried again, after whatever crash.
package audit

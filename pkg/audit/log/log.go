// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package log is the audit sink that needs nothing: one line of JSON for each event.
package log

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"kubernaut.ai/workflowexecution/pkg/audit"
)

// Sink writes events to a stream, such as standard output.
type Sink struct {
	mu     sync.Mutex
	stream io.Writer
	// torn is set when the last write may have ended amid a line.
	torn bool
}

var _ audit.Sink = (*Sink)(nil)

// New makes a sink. What it writes to may block; it writes to it once for each batch.
func New(stream io.Writer) *Sink {
	return &Sink{stream: stream}
}

// Name implements audit.Sink.
func (*Sink) Name() string { return "log" }

// Close implements audit.Sink.
func (*Sink) Close() {}

// Write implements audit.Sink. The events are stored once the stream has taken them; after an error all
// of them are written again, so that a line can be there twice, with the same event_id.
func (s *Sink) Write(_ context.Context, events []audit.Event) (audit.Receipt, error) {
	var lines bytes.Buffer
	var receipt audit.Receipt
	encoder := json.NewEncoder(&lines)
	encoder.SetEscapeHTML(false)
	for i := range events {
		if err := encoder.Encode(&events[i]); err != nil {
			return audit.Receipt{}, fmt.Errorf("failed to encode audit event %s: %w", events[i].ID, err)
		}
		receipt.Recorded = append(receipt.Recorded, events[i].ID)
	}
	if err := s.write(lines.Bytes()); err != nil {
		return audit.Receipt{}, fmt.Errorf("failed to write audit events to the log: %w", err)
	}
	return receipt, nil
}

func (s *Sink) write(lines []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.torn {
		lines = append([]byte("\n"), lines...)
	}
	_, err := s.stream.Write(lines)
	s.torn = err != nil
	return err
}

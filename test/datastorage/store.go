// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package datastorage

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/go-cmp/cmp"
)

// store has every event once.
type store struct {
	byID       map[string]Event
	order      []string
	repeats    int
	violations []string
}

func newStore() store { return store{byID: map[string]Event{}} }

func (s *store) events() []Event {
	events := make([]Event, 0, len(s.order))
	for _, id := range s.order {
		events = append(events, s.byID[id])
	}
	return events
}

// put stores all events of a batch, or none.
func (s *store) put(body []byte) error {
	batch, err := parse(body)
	if err != nil {
		return err
	}
	if err := s.contradictions(batch); err != nil {
		return err
	}
	for _, event := range batch {
		if _, known := s.byID[event.ID]; known {
			s.repeats++
			continue
		}
		s.byID[event.ID] = event
		s.order = append(s.order, event.ID)
	}
	return nil
}

func parse(body []byte) ([]Event, error) {
	var texts []json.RawMessage
	if err := json.Unmarshal(body, &texts); err != nil {
		return nil, fmt.Errorf("the batch is no array of JSON: %w", err)
	}
	if len(texts) == 0 {
		return nil, errors.New("the batch is empty")
	}
	var batch []Event
	var wrong []error
	for i, text := range texts {
		event, err := decode(text)
		if err := errors.Join(err, Check(event)); err != nil {
			wrong = append(wrong, fmt.Errorf("event %d, %s %s: %w", i, event.Type, event.ID, err))
		}
		batch = append(batch, event)
	}
	return batch, errors.Join(wrong...)
}

// contradictions are events that have come before, with another content.
func (s *store) contradictions(batch []Event) error {
	var wrong []error
	seen := map[string]Event{}
	for _, event := range batch {
		before, known := s.byID[event.ID]
		if !known {
			before, known = seen[event.ID]
		}
		if diff := cmp.Diff(before, event); known && diff != "" {
			wrong = append(wrong, fmt.Errorf("event %s has come before, and was another (-then, +now):\n%s", event.ID, diff))
		}
		seen[event.ID] = event
	}
	return errors.Join(wrong...)
}

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// reported is the line in which a local cluster says what runs in it.
var reported = regexp.MustCompile(`cluster is ready: Kubernetes (\S+), Tekton (\S+)`)

// event is one of those that "go test -json" writes.
type event struct {
	Action string
	Test   string
	Output string
}

// events reads what "go test -json" writes: it puts the tests' output into a log, counts the tests, and announces
// those that fail.
type events struct {
	log, out   io.Writer
	rest       []byte
	outcomes   map[string]string
	kubernetes string
	tekton     string
}

func newEvents(log, out io.Writer) *events {
	return &events{log: log, out: out, outcomes: map[string]string{}}
}

// Write takes a part of the stream, which need not end where a line ends.
func (e *events) Write(part []byte) (int, error) {
	e.rest = append(e.rest, part...)
	for {
		line, rest, whole := bytes.Cut(e.rest, []byte("\n"))
		if !whole {
			return len(part), nil
		}
		e.rest = rest
		if err := e.line(line); err != nil {
			return 0, err
		}
	}
}

func (e *events) line(line []byte) error {
	var next event
	if json.Unmarshal(line, &next) != nil {
		// What fails before the tests begin is reported as text.
		next = event{Action: "output", Output: string(line) + "\n"}
	}
	switch next.Action {
	case "output", "build-output":
		if found := reported.FindStringSubmatch(next.Output); found != nil {
			e.kubernetes, e.tekton = found[1], found[2]
		}
		_, err := io.WriteString(e.log, next.Output)
		return err
	case "pass", "fail", "skip":
		e.ended(next)
	}
	return nil
}

func (e *events) ended(test event) {
	if test.Test == "" {
		return
	}
	e.outcomes[test.Test] = test.Action
	if test.Action == "fail" {
		_, _ = fmt.Fprintf(e.out, "failed: %s\n", test.Test)
	}
}

// result counts each test once: one that has subtests only by these.
func (e *events) result() result {
	hasSubtests := map[string]bool{}
	for name := range e.outcomes {
		if last := strings.LastIndex(name, "/"); last > 0 {
			hasSubtests[name[:last]] = true
		}
	}
	r := result{kubernetes: e.kubernetes, tekton: e.tekton}
	for name, outcome := range e.outcomes {
		switch {
		case hasSubtests[name]:
		case outcome == "pass":
			r.passed++
		case outcome == "fail":
			r.failed++
		default:
			r.skipped++
		}
	}
	return r
}

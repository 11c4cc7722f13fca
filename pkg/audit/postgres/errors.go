// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"kubernaut.ai/workflowexecution/pkg/redact"
)

// Codes of PostgreSQL, see https://www.postgresql.org/docs/current/errcodes-appendix.html.
const (
	checkViolation    = "23514"
	undefinedTable    = "42P01"
	undefinedFunction = "42883"
	undefinedColumn   = "42703"
	invalidSchema     = "3F000"
)

// dataClasses are those of errors that a repetition does not mend: data exceptions, violations of
// constraints, and exceeded limits of the program.
var dataClasses = []string{"22", "23", "54"}

func code(err error) string {
	if refusal := (*pgconn.PgError)(nil); errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}

// isMissing is true if the schema is not there, or not all of it.
func isMissing(err error) bool {
	return slices.Contains([]string{undefinedTable, undefinedFunction, undefinedColumn, invalidSchema}, code(err))
}

// isWithoutPartition is true if no partition takes the row. What violates a constraint of ours has
// its name.
func isWithoutPartition(err error) bool {
	refusal := (*pgconn.PgError)(nil)
	return errors.As(err, &refusal) && refusal.Code == checkViolation && refusal.ConstraintName == ""
}

func isAboutData(err error) bool {
	sqlstate := code(err)
	return len(sqlstate) > 2 && slices.Contains(dataClasses, sqlstate[:2]) && !isWithoutPartition(err)
}

// reason of a refusal, without the detail, which repeats the row.
func reason(err error) string {
	if refusal := (*pgconn.PgError)(nil); errors.As(err, &refusal) {
		return redact.Text(fmt.Sprintf("PostgreSQL refused it: %s (SQLSTATE %s)", refusal.Message, refusal.Code))
	}
	return redact.Text(err.Error())
}

// secrets are those of the last connections that were tried.
type secrets struct {
	mu    sync.Mutex
	known []string
}

// maxSecrets is enough for a rotation that connections of before and after it take part in.
const maxSecrets = 8

func (s *secrets) learn(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if secret == "" || slices.Contains(s.known, secret) {
		return
	}
	s.known = append(s.known, secret)
	if excess := len(s.known) - maxSecrets; excess > 0 {
		s.known = slices.Delete(s.known, 0, excess)
	}
}

// conceal says what failed and why, without a secret.
func (s *secrets) conceal(task string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := err.Error()
	for _, secret := range s.known {
		text = strings.ReplaceAll(text, secret, redact.Mark)
	}
	// The attempts at several addresses stand on lines of their own.
	text = strings.Join(strings.Fields(text), " ")
	return &concealed{text: redact.Text("failed to " + task + ": " + text), cause: err}
}

// concealed does not give its cause away, but knows whether it is the one that is asked for.
type concealed struct {
	text  string
	cause error
}

func (e *concealed) Error() string { return e.text }

// Is serves errors.Is.
func (e *concealed) Is(target error) bool { return errors.Is(e.cause, target) }

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package postgres runs a real PostgreSQL server for tests, in a directory of its own, and ends it with
// the test.
package postgres

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

// Option changes how a server runs.
type Option func(*settings)

type settings struct {
	sync              bool
	certificate, key  []byte
	configurationLine []string
}

// WithoutSync does not wait for the disk: faster, and no proof of what survives a crash of the machine.
func WithoutSync() Option {
	return func(s *settings) { s.sync = false }
}

// WithTLS accepts TLS beside connections without it. Both are PEM.
func WithTLS(certificate, key []byte) Option {
	return func(s *settings) { s.certificate, s.key = certificate, key }
}

// WithSetting is a line of postgresql.conf, as in max_connections = 20.
func WithSetting(line string) Option {
	return func(s *settings) { s.configurationLine = append(s.configurationLine, line) }
}

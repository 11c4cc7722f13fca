// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// initialize makes the files of a new server, which trusts nobody without a password.
func (s *Server) initialize(ctx context.Context, settings *settings) error {
	if err := passable(s.dir, s.account); err != nil {
		return err
	}
	if err := give(s.dir, s.account); err != nil {
		return err
	}
	passwordFile := filepath.Join(s.dir, "password")
	if err := s.own(passwordFile, []byte(s.password)); err != nil {
		return err
	}
	defer os.Remove(passwordFile)
	cmd := exec.CommandContext(ctx, filepath.Join(s.programs, "initdb"), "--pgdata", s.data(), "--username", Superuser,
		"--pwfile", passwordFile, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.account}
	cmd.Dir = s.dir
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	return s.configure(settings)
}

func (s *Server) configure(settings *settings) error {
	lines := []string{
		"listen_addresses = '" + host + "'",
		fmt.Sprintf("port = %d", s.port),
		"unix_socket_directories = '" + s.dir + "'",
		"shared_buffers = 16MB",
		"max_connections = 60",
		"autovacuum = off",
	}
	if !settings.sync {
		lines = append(lines, "fsync = off")
	}
	if settings.certificate != nil {
		lines = append(lines, "ssl = on")
		for name, content := range map[string][]byte{"server.crt": settings.certificate, "server.key": settings.key} {
			if err := s.own(filepath.Join(s.data(), name), content); err != nil {
				return err
			}
		}
	}
	lines = append(lines, settings.configurationLine...)
	return s.own(filepath.Join(s.data(), "postgresql.auto.conf"), []byte(strings.Join(lines, "\n")+"\n"))
}

// own writes a file that only the account of the server can read.
func (s *Server) own(path string, content []byte) error {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	return give(path, s.account)
}

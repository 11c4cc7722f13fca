// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Ports below the range from which the system takes ports for outgoing connections: a client that calls a stopped
// server on a port of that range can be given this very port, talk to itself, and keep the server from coming back.
const (
	lowestPort       = 10000
	usualEphemeral   = 32768
	ephemeralFile    = "/proc/sys/net/ipv4/ip_local_port_range"
	attemptsPerPort  = 200
	leastUsableRange = 1000
)

// ports hands out free loopback ports. A lock file per port keeps clusters from choosing the same one in the time
// between choosing and listening; the locks last as long as the cluster, since its programs may be restarted.
type ports struct {
	dir   string
	mu    sync.Mutex
	locks []*os.File
}

func newPorts() (*ports, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("workflowexecution-ports-%d", os.Getuid()))
	return &ports{dir: dir}, os.MkdirAll(dir, 0o700)
}

// take returns a port that is free and that no other cluster has taken.
func (p *ports) take() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	top := lowestEphemeralPort()
	for range attemptsPerPort {
		port := lowestPort + rand.IntN(top-lowestPort) //nolint:gosec // a port is no secret
		lock, err := tryLock(filepath.Join(p.dir, strconv.Itoa(port)))
		if errors.Is(err, errLocked) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if !isFree(port) {
			_ = lock.Close()
			continue
		}
		p.locks = append(p.locks, lock)
		return port, nil
	}
	return 0, fmt.Errorf("found no free port between %d and %d", lowestPort, top)
}

func (p *ports) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, lock := range p.locks {
		_ = lock.Close()
	}
	p.locks = nil
}

// isFree asks on all addresses, because Knative's programs listen on all of them.
func isFree(port int) bool {
	for _, host := range []string{"127.0.0.1", ""} {
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return false
		}
		_ = listener.Close()
	}
	return true
}

func lowestEphemeralPort() int {
	content, err := os.ReadFile(ephemeralFile)
	if err != nil {
		return usualEphemeral
	}
	fields := strings.Fields(string(content))
	if len(fields) == 0 {
		return usualEphemeral
	}
	low, err := strconv.Atoi(fields[0])
	if err != nil || low < lowestPort+leastUsableRange {
		return usualEphemeral
	}
	return low
}

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports below those that the system gives to outgoing connections: a client of a server that is down
// could be given its very port.
const (
	lowestPort    = 10000
	ephemeralPort = 32768
	portAttempts  = 100
)

func freePort(ctx context.Context) (int, error) {
	for range portAttempts {
		port := lowestPort + rand.IntN(ephemeralPort-lowestPort) //nolint:gosec // a port is no secret
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("no free port on " + host)
}

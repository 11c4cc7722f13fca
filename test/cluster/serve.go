// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
)

// OnReady is called with a cluster that is ready, to install more into it. It returns when that is done.
type OnReady func(ctx context.Context, c *Cluster) error

// Serve starts a cluster, calls onReady unless it is nil, and keeps the cluster until the context ends, then stops
// it. It returns earlier when something fails, and the state folder stays in that case.
func Serve(ctx context.Context, o Options, onReady OnReady) error {
	c, err := Start(ctx, o)
	if err != nil {
		return err
	}
	if onReady != nil {
		err = onReady(ctx, c)
	}
	if err != nil && ctx.Err() == nil {
		c.KeepState()
		return errors.Join(fmt.Errorf("%w\n(logs: %s)", err, c.logs()), c.Stop())
	}
	<-ctx.Done()
	return c.Stop()
}

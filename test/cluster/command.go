// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const usage = `usage: %s [flags] <command>

  build                              make what the local cluster needs
  up                                 start a cluster that keeps running
  down                               stop it
  push <repository:tag> <file>...    push Tekton objects as a bundle to its registry

flags:
`

// Supervise is the command that "up" runs in the background, after flags.
const Supervise = "supervise"

// Command is the command line of a local cluster. Another main package can give it a hook that installs more.
type Command struct {
	// Name is what the command is called in its messages.
	Name string
	// Folder, in the cache folder, is for the state of the cluster of "up"; empty means "up".
	Folder string
	// Options of the cluster.
	Options Options
	// Outside is set where the cluster of "up" is on a machine of its own.
	Outside *Outside
	// OnReady is run when the cluster of "up" is ready.
	OnReady OnReady
	// Out receives everything that is said.
	Out io.Writer
}

// Run runs the command line until it is done or the context ends.
func (c Command) Run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	flags.SetOutput(c.Out)
	flags.Usage = func() {
		_, _ = fmt.Fprintf(c.Out, usage, c.Name)
		flags.PrintDefaults()
	}
	state := flags.String("state", "", "folder for the state of the cluster of up (default: a folder in the cache folder)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	cache, err := c.Options.CacheDir()
	if err != nil {
		return err
	}
	if *state == "" {
		*state = filepath.Join(cache, cmp.Or(c.Folder, "up"))
	}
	if *state, err = filepath.Abs(*state); err != nil {
		return err
	}
	return c.run(ctx, Detached{State: *state, Options: c.Options, OnReady: c.OnReady, Outside: c.Outside}, flags)
}

func (c Command) run(ctx context.Context, detached Detached, flags *flag.FlagSet) error {
	switch flags.Arg(0) {
	case "build":
		options := c.Options
		options.Progress = c.Out
		_, err := Build(ctx, options)
		return err
	case "up":
		return c.up(ctx, detached)
	case Supervise:
		return detached.Supervise(ctx)
	case "down":
		return c.down(ctx, detached)
	case "push":
		return c.push(ctx, detached, flags.Args()[1:])
	default:
		flags.Usage()
		return fmt.Errorf("unknown command %q", flags.Arg(0))
	}
}

func (c Command) up(ctx context.Context, detached Detached) error {
	state, running, err := detached.Running()
	if err != nil {
		return err
	}
	if running && state.Ready() {
		_, _ = fmt.Fprintln(c.Out, "the local cluster is already running")
	} else {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		if state, err = detached.Up(ctx, c.Out, self, "-state", detached.State, Supervise); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintf(c.Out, "\nexport KUBECONFIG=%s\n", state.Kubeconfig)
	return nil
}

func (c Command) down(ctx context.Context, detached Detached) error {
	found, err := detached.Down(ctx)
	if err != nil {
		return err
	}
	message := "the local cluster is stopped"
	if !found {
		message = "no local cluster is running"
	}
	_, _ = fmt.Fprintln(c.Out, message)
	return nil
}

func (c Command) push(ctx context.Context, detached Detached, args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("push needs a repository with a tag, and files")
	}
	state, running, err := detached.Running()
	if err != nil {
		return err
	}
	if !running || !state.Ready() {
		return fmt.Errorf("no local cluster is running")
	}
	var objects [][]byte
	for _, file := range args[1:] {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		objects = append(objects, content)
	}
	digest, err := PushBundle(ctx, state.Registry, args[0], objects...)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.Out, "%s/%s@%s\n", state.Registry, args[0], digest)
	return nil
}

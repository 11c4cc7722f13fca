// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"
)

func TestPinsNameEveryProgram(t *testing.T) {
	root, err := Options{}.root()
	if err != nil {
		t.Fatal(err)
	}
	pins, err := readPins(root)
	if err != nil {
		t.Fatal(err)
	}
	programs, artifacts := plan(withoutOnDemand(pins), "/cache")
	for _, name := range []string{
		etcd, apiServer, controllerManager, scheduler, "kubectl", tektonController, tektonResolvers, tektonWebhook, kwok,
	} {
		if programs.Path(name) == "" {
			t.Errorf("no pin of %s", name)
		}
	}
	for _, module := range pins {
		for _, program := range module.programs {
			if !strings.HasPrefix(program.version, "v") {
				t.Errorf("%s has version %q", program.name, program.version)
			}
		}
	}
	if programs.tektonConfig == "" {
		t.Error("no place for Tekton's manifests")
	}
	for _, a := range artifacts {
		if name := filepath.Base(a.target); slices.Contains(onDemand, name) {
			t.Errorf("%s is built for every cluster", name)
		}
	}
}

func TestToolFindsWhatIsBuiltOnDemand(t *testing.T) {
	// Without a Go command only what is there already can be found.
	t.Setenv("PATH", t.TempDir())
	o := Options{Cache: t.TempDir()}
	pins, cache, err := o.pinsAndCache()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ko", "tkn"} {
		if path, err := Tool(t.Context(), o, name); err == nil {
			t.Errorf("%s is in an empty cache: %s", name, path)
		}
		for _, module := range pins {
			for _, program := range module.programs {
				if program.name == name {
					writeProgram(t, programArtifact(module, program, cache).target)
				}
			}
		}
		path, err := Tool(t.Context(), o, name)
		if err != nil || filepath.Base(path) != name {
			t.Errorf("%s: path %q, error %v", name, path, err)
		}
	}
	if _, err := Tool(t.Context(), o, "docker"); err == nil || !strings.Contains(err.Error(), "kubectl") {
		t.Errorf("an unknown program: %v", err)
	}
}

func writeProgram(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestKeyFollowsWhatIsBuilt(t *testing.T) {
	base := buildKey([]byte("mod"), []byte("sum"), "flags")
	if again := buildKey([]byte("mod"), []byte("sum"), "flags"); again != base {
		t.Error("the key changes by itself")
	}
	for name, other := range map[string]string{
		"go.mod": buildKey([]byte("mod2"), []byte("sum"), "flags"),
		"go.sum": buildKey([]byte("mod"), []byte("sum2"), "flags"),
		"flags":  buildKey([]byte("mod"), []byte("sum"), "flags2"),
		"border": buildKey([]byte("mods"), []byte("um"), "flags"),
	} {
		if other == base {
			t.Errorf("%s does not change the key", name)
		}
	}
}

func TestLinkerFlagsGiveKubernetesItsVersion(t *testing.T) {
	flags := linkerFlags("v1.34.4")
	for _, want := range []string{"gitVersion=v1.34.4", "gitMajor=1", "gitMinor=34"} {
		if !strings.Contains(flags, want) {
			t.Errorf("%q lacks %s", flags, want)
		}
	}
	if flags := linkerFlags(""); flags != "-s -w" {
		t.Errorf("flags of another module: %q", flags)
	}
}

// Two builds at once, as two test packages do it: each thing is made once, and both find it.
func TestBuildsAtOnceMakeThingsOnce(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	var made atomic.Int32
	artifacts := []artifact{{
		title:  "thing v1",
		target: filepath.Join(cache, "bin", "thing"),
		make: func(_ context.Context, path string) error {
			made.Add(1)
			return os.WriteFile(path, []byte("whole"), 0o755)
		},
	}}
	var group errgroup.Group
	for range 4 {
		group.Go(func() error { return makeMissing(t.Context(), cache, artifacts, newProgress(&bytes.Buffer{})) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
	if len(missing(artifacts)) != 0 {
		t.Error("the thing is not there")
	}
}

func TestFailedBuildLeavesNothingThatLooksBuilt(t *testing.T) {
	cache := t.TempDir()
	broken := errors.New("broken")
	artifacts := []artifact{{
		title:  "thing v1",
		target: filepath.Join(cache, "thing"),
		make: func(_ context.Context, path string) error {
			return errors.Join(os.WriteFile(path, []byte("half"), 0o755), broken)
		},
	}}
	var out bytes.Buffer
	err := makeMissing(t.Context(), cache, artifacts, newProgress(&out))
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "thing v1") {
		t.Errorf("error: %v", err)
	}
	if len(missing(artifacts)) != 1 {
		t.Error("half a thing counts as built")
	}
}

func TestProgressOfABuildTellsWhatRemains(t *testing.T) {
	cache := t.TempDir()
	write := func(_ context.Context, path string) error { return os.WriteFile(path, nil, 0o755) }
	artifacts := []artifact{
		{title: "one v1", target: filepath.Join(cache, "one"), make: write},
		{title: "two v2", target: filepath.Join(cache, "two"), make: write},
	}
	var out bytes.Buffer
	if err := makeMissing(t.Context(), cache, artifacts, newProgress(&out)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"[1/2] one v1 ...", "remaining: two", "[2/2] two v2 done in", "nothing remains"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the progress lacks %q:\n%s", want, out.String())
		}
	}
}

// With everything built there is no need for a Go command.
func TestBuiltProgramsNeedNoGoCommand(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	programs, err := Build(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(programs.Path("kubectl")); err != nil {
		t.Error(err)
	}
}

func TestPortsAreTakenOnce(t *testing.T) {
	one, err := newPorts()
	if err != nil {
		t.Fatal(err)
	}
	defer one.release()
	port, err := one.take()
	if err != nil {
		t.Fatal(err)
	}
	if lock, err := tryLock(one.locks[0].Name()); err == nil {
		_ = lock.Close()
		t.Errorf("port %d can be taken twice", port)
	}
	if !isFree(port) {
		t.Errorf("port %d is not free", port)
	}
}

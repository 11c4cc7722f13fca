// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Programs is where the built programs lie.
type Programs struct {
	paths map[string]string
	// tektonConfig holds Tekton's own manifests, copied beside its programs so that a start needs no Go command.
	tektonConfig string
	// nodeImages holds the images of real nodes and of Tekton, and its manifests that name them.
	nodeImages string
}

// Path is the path of a built program, empty if there is none of that name.
func (p *Programs) Path(name string) string { return p.paths[name] }

// artifact is one thing that has to be made before a cluster can start.
type artifact struct {
	title  string
	target string
	// lane is shared by what is made one after the other: programs of one module have most of their packages in
	// common, and would compile them twice side by side. Lanes run side by side, so that one compiles while another
	// downloads or links.
	lane string
	// make writes the thing to a path beside the target, from where it is renamed when it is whole.
	make func(ctx context.Context, path string) error
}

// Build makes what a cluster needs and is not made yet. When everything is there it starts no other program and takes
// milliseconds.
func Build(ctx context.Context, o Options) (*Programs, error) {
	pins, cache, err := o.pinsAndCache()
	if err != nil {
		return nil, err
	}
	programs, artifacts := plan(withoutOnDemand(pins), cache)
	if len(missing(artifacts)) == 0 {
		return programs, nil
	}
	return programs, makeMissing(ctx, cache, artifacts, o.progress())
}

// Tool builds one program that third_party pins, if it is not built yet, and returns its path. It is for the programs
// that Build leaves out, ko for example.
func Tool(ctx context.Context, o Options, name string) (path string, err error) {
	pins, cache, err := o.pinsAndCache()
	if err != nil {
		return "", err
	}
	var names []string
	for _, module := range pins {
		for _, program := range module.programs {
			if program.name == name {
				tool := programArtifact(module, program, cache)
				if len(missing([]artifact{tool})) == 0 {
					return tool.target, nil
				}
				return tool.target, makeMissing(ctx, cache, []artifact{tool}, o.progress())
			}
			names = append(names, program.name)
		}
	}
	return "", fmt.Errorf("third_party pins no program %q, only %s", name, strings.Join(names, ", "))
}

func (o Options) pinsAndCache() (pins []pinned, cache string, err error) {
	root, err := o.root()
	if err != nil {
		return nil, "", err
	}
	if cache, err = o.CacheDir(); err != nil {
		return nil, "", err
	}
	pins, err = readPins(root)
	return pins, cache, err
}

// plan says what is needed and where it goes. Each pinned module has a folder named after its key, so an update of
// one leaves the programs of the others alone.
func plan(pins []pinned, cache string) (*Programs, []artifact) {
	programs := &Programs{paths: map[string]string{}}
	var artifacts []artifact
	for _, module := range pins {
		for _, program := range module.programs {
			built := programArtifact(module, program, cache)
			programs.paths[program.name] = built.target
			artifacts = append(artifacts, built)
		}
		if version, ok := module.requires[tektonModule]; ok {
			programs.tektonConfig = filepath.Join(module.folder(cache), "config")
			artifacts = append(artifacts, artifact{
				title:  "tekton-manifests " + version,
				target: programs.tektonConfig,
				lane:   module.dir,
				make: func(ctx context.Context, path string) error {
					return copyTektonConfig(ctx, module, path)
				},
			})
		}
	}
	return programs, artifacts
}

func programArtifact(module pinned, program pin, cache string) artifact {
	return artifact{
		title:  program.name + " " + program.version,
		target: filepath.Join(module.folder(cache), "bin", program.name),
		lane:   module.dir,
		make: func(ctx context.Context, path string) error {
			return goBuild(ctx, module, program.pkg, path)
		},
	}
}

// folder is where what is made of the module goes.
func (p pinned) folder(cache string) string {
	return filepath.Join(cache, filepath.Base(p.dir)+"-"+p.key)
}

func missing(artifacts []artifact) []artifact {
	var out []artifact
	for _, a := range artifacts {
		if _, err := os.Stat(a.target); errors.Is(err, fs.ErrNotExist) {
			out = append(out, a)
		}
	}
	return out
}

func makeMissing(ctx context.Context, cache string, artifacts []artifact, out *progress) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	unlock, err := lockFile(ctx, filepath.Join(cache, "build.lock"), func() {
		out.printf("another process is building the programs of the local cluster; waiting for it")
	})
	if err != nil {
		return fmt.Errorf("waiting for the build of another process: %w", err)
	}
	defer unlock()

	// Only now is it sure that nobody else makes them.
	todo := missing(artifacts)
	if len(todo) == 0 {
		return nil
	}
	out.printf("building the programs of the local cluster into %s (once; some minutes from scratch)", cache)
	started := time.Now()
	w := &works{all: todo, out: out}
	if err := w.makeAll(ctx); err != nil {
		return err
	}
	out.printf("built in %s", time.Since(started).Round(time.Second))
	return nil
}

func makeAtomically(ctx context.Context, a artifact) error {
	if err := os.MkdirAll(filepath.Dir(a.target), 0o755); err != nil {
		return err
	}
	// A build that was killed may have left something; the lock makes it ours.
	unfinished := a.target + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := a.make(ctx, unfinished); err != nil {
		return err
	}
	return os.Rename(unfinished, a.target)
}

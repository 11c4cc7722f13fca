// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestPinnedVersionIsTheOneItsNameSays(t *testing.T) {
	root, err := Options{}.root()
	if err != nil {
		t.Fatal(err)
	}
	for module, c := range map[string]choice{kubernetesModule: kubernetesChoice, tektonModule: tektonChoice} {
		if _, ok := c.folders[c.fallback]; !ok {
			t.Errorf("the default of %s, %s, is not pinned", c.variable, c.fallback)
		}
		for version, folder := range c.folders {
			pinned, err := readPinned(filepath.Join(root, "third_party", folder))
			if err != nil {
				t.Error(err)
			} else if !strings.HasPrefix(pinned.requires[module], "v"+version+".") {
				t.Errorf("%s pins %s %s instead of %s", folder, module, pinned.requires[module], version)
			}
		}
	}
}

// Whatever the pair, a cluster has the same programs.
func TestEveryVersionHasEveryProgram(t *testing.T) {
	root, err := Options{}.root()
	if err != nil {
		t.Fatal(err)
	}
	needed := []string{etcd, apiServer, controllerManager, scheduler, "kubectl", tektonController, tektonResolvers, tektonWebhook, kwok}
	for kubernetes := range kubernetesChoice.folders {
		for tekton := range tektonChoice.folders {
			t.Run(kubernetes+" with "+tekton, func(t *testing.T) {
				t.Setenv(EnvKubernetes, kubernetes)
				t.Setenv(EnvTekton, tekton)
				pins, err := readPins(root)
				if err != nil {
					t.Fatal(err)
				}
				programs, _ := plan(pins, "/cache")
				for _, name := range needed {
					if programs.Path(name) == "" {
						t.Errorf("no pin of %s", name)
					}
				}
			})
		}
	}
}

func TestUnknownVersionNamesTheValidOnes(t *testing.T) {
	for variable, valid := range map[string]string{EnvKubernetes: "1.33, 1.34, 1.35", EnvTekton: "1.15, 1.9"} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, "1.2")
			_, err := pinFolders()
			if err == nil {
				t.Fatal("it is accepted")
			}
			for _, word := range []string{variable, `"1.2"`, valid} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %s", err, word)
				}
			}
		})
	}
}

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

const bundlePatternForm = "want a registry host and the beginning of a repository, such as " +
	"ghcr.io/kubernaut/workflows or ghcr.io/*/workflows, without tag or digest; " +
	"* stands for any characters of one path element, in the host only as its first label"

var (
	hostPattern    = regexp.MustCompile(`^(\*\.)?[A-Za-z0-9][-A-Za-z0-9.]*(:[0-9]+)?$`)
	elementPattern = regexp.MustCompile(`^[-a-z0-9_.*]+$`)
)

// AllowsBundle tells whether workflows may be taken from the repository of an OCI reference; its tag
// and digest do not matter. A pattern of AllowedBundles allows the repository it names and all below
// it, by whole path elements: ghcr.io/a allows ghcr.io/a/x, but not ghcr.io/abc. An asterisk stands
// for any characters of one path element. Without patterns every repository is allowed.
func (c *WorkflowExecution) AllowsBundle(image string) bool {
	if len(c.AllowedBundles) == 0 {
		return true
	}
	repository, err := repositoryElements(image)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(c.AllowedBundles, func(pattern string) bool {
		return matches(patternElements(pattern), repository)
	})
}

// repositoryElements reads the reference as Tekton's bundle resolver does, so that what is judged
// here is what would be pulled.
func repositoryElements(image string) ([]string, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return nil, err
	}
	elements := strings.Split(ref.Context().Name(), "/")
	if slices.ContainsFunc(elements, isRelative) {
		return nil, fmt.Errorf("%q has an empty or relative path element", image)
	}
	elements[0] = strings.ToLower(elements[0])
	return elements, nil
}

// patternElements gives Docker Hub the host name that a parsed reference has.
func patternElements(pattern string) []string {
	elements := strings.Split(strings.TrimSuffix(pattern, "/"), "/")
	elements[0] = strings.ToLower(elements[0])
	if elements[0] == "docker.io" {
		elements[0] = name.DefaultRegistry
	}
	return elements
}

func matches(pattern, repository []string) bool {
	if len(pattern) > len(repository) {
		return false
	}
	for i, element := range pattern {
		if ok, err := path.Match(element, repository[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

func checkBundlePattern(pattern string) error {
	elements := patternElements(pattern)
	if err := errors.Join(checkHost(elements[0]), checkElements(elements[1:])); err != nil {
		return fmt.Errorf("%q is not valid: %w: %s", pattern, err, bundlePatternForm)
	}
	return nil
}

// checkHost wants a name that cannot be taken for the first element of a Docker Hub repository, and
// no asterisk at its end, since ghcr.io* would allow ghcr.io.example.org.
func checkHost(host string) error {
	if !hostPattern.MatchString(host) || !strings.ContainsAny(host, ".:") {
		return fmt.Errorf("%q is not a registry host", host)
	}
	return nil
}

func checkElements(elements []string) error {
	for _, element := range elements {
		if isRelative(element) || !elementPattern.MatchString(element) {
			return fmt.Errorf("%q is not a path element of a repository", element)
		}
	}
	return nil
}

// isRelative finds elements that a registry, or a proxy before it, may resolve to another path.
func isRelative(element string) bool {
	return element == "" || element == "." || element == ".."
}

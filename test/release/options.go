// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/mod/semver"
)

// The environment variables of "make release".
const (
	EnvVersion    = "VERSION"
	EnvRepository = "KO_DOCKER_REPO"
	EnvBaseImage  = "KO_DEFAULTBASEIMAGE"
	EnvPlatforms  = "PLATFORMS"
	EnvAllowDirty = "ALLOW_DIRTY"
)

// check names what is missing or wrong by the variables of "make release".
func (o Options) check() error {
	return errors.Join(checkVersion(o.Version), checkRepository(o.Repository))
}

// checkVersion wants a version that can be the value of a label and the tag of an image, which know no "+".
func checkVersion(version string) error {
	const valid = "a version with all three numbers, such as v1.2.3 or v1.2.3-rc.1"
	switch {
	case version == "":
		return fmt.Errorf("%s is not set: give it %s", EnvVersion, valid)
	case semver.Canonical(version) != version, len(version) > 63:
		return fmt.Errorf("%s is %q: give it %s", EnvVersion, version, valid)
	}
	return nil
}

func checkRepository(repository string) error {
	const valid = "the registry and the folder for the images, such as registry.example.com/kubernaut"
	if repository == "" {
		return fmt.Errorf("%s is not set: give it %s", EnvRepository, valid)
	}
	if _, err := name.NewRepository(repository); err != nil {
		return fmt.Errorf("%s is %q: give it %s", EnvRepository, repository, valid)
	}
	return nil
}

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/install"
)

// testUpgrade goes from the previous release to this one while executions run and others are created.
func testUpgrade(t *testing.T) {
	removeProduct(t, currentManifest())
	old := installPrevious(t)
	namespace := newNamespace(t)
	completes := submitRunning(t, execution(namespace, "upgrade-completes", pushGated(t, "upgrade-completes", 0)))
	fails := submitRunning(t, execution(namespace, "upgrade-fails", pushGated(t, "upgrade-fails", 3)))
	busy := execution(namespace, "upgrade-busy", completes.Spec.WorkflowRef.ContainerImage)
	busy.Spec.TargetResource = completes.Spec.TargetResource
	expectEnd(t, submit(t, busy), v1alpha1.PhaseSkipped)
	expectRunning(t, old)

	creations := startFlood(t, completes, fails)
	kubectl(t, "apply", "-f", currentManifest())
	awaitRollout(t)
	creations.expectSkipped(t, 20)
	expectRunning(t, currentManifest())

	open(t, completes)
	open(t, fails)
	expectEnd(t, completes, v1alpha1.PhaseCompleted)
	expectEnd(t, fails, v1alpha1.PhaseFailed)
	expectEnd(t, busy, v1alpha1.PhaseSkipped)
	expectOneRun(t, completes)
	expectOneRun(t, fails)
	after := submitRunning(t, execution(namespace, "upgrade-after", completes.Spec.WorkflowRef.ContainerImage))
	open(t, after)
	expectEnd(t, after, v1alpha1.PhaseCompleted)
}

// installPrevious installs the release before this one, from the file that its users have, and returns that file.
func installPrevious(t *testing.T) (manifest string) {
	t.Helper()
	folder := install.ReleaseFolder(previous.Version)
	if err := w.Cluster.LoadImages(t.Context(), install.ReleaseImages(folder)); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join("testdata", previous.Version, "workflowexecution.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	images := imagesIn(t, install.ReleaseManifest(folder))
	content = image.ReplaceAllFunc(content, func(reference []byte) []byte {
		return []byte("image: " + images[string(image.FindSubmatch(reference)[2])])
	})
	manifest = filepath.Join(t.TempDir(), "workflowexecution.yaml")
	if err := os.WriteFile(manifest, content, 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "apply", "-f", manifest)
	awaitRollout(t)
	return manifest
}

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"kubernaut.ai/workflowexecution/test/install"
)

// program is one of the product's, with the Deployment that runs it.
type program struct{ deployment, path string }

var programs = []program{
	{"workflowexecution-controller", "/ko-app/workflowexecution"},
	{"workflowexecution-webhook", "/ko-app/webhook"},
}

// currentManifest is the file of the release that is tested.
func currentManifest() string {
	return install.ReleaseManifest(install.ReleaseFolder(install.Current.Version))
}

// until polls until check says nothing, and fails the test with what it said last otherwise.
func until(t *testing.T, what string, patience time.Duration, check func(context.Context) string) {
	t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == "", nil
	})
	if err != nil {
		t.Fatalf("waiting for %s: %v: %s", what, err, last)
	}
}

// awaitRollout waits until both programs run as their Deployments say, and nothing of an earlier kind does.
func awaitRollout(t *testing.T) {
	t.Helper()
	if err := w.Cluster.AwaitDeployments(t.Context(), install.Deployments); err != nil {
		t.Fatal(err)
	}
}

// podsOf are the pods of a program that have not been told to end.
func podsOf(t *testing.T, p program) []corev1.Pod {
	t.Helper()
	deployment, err := w.Kube.AppsV1().Deployments(install.SystemNamespace).Get(t.Context(), p.deployment, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	list, err := w.Kube.CoreV1().Pods(install.SystemNamespace).List(t.Context(), metav1.ListOptions{
		LabelSelector: metav1.FormatLabelSelector(deployment.Spec.Selector),
	})
	if err != nil {
		t.Fatal(err)
	}
	var pods []corev1.Pod
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			pods = append(pods, pod)
		}
	}
	return pods
}

// imagesIn are the references by digest of a release, by the name of the image.
func imagesIn(t *testing.T, manifest string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	images := map[string]string{}
	for _, match := range image.FindAllStringSubmatch(string(content), -1) {
		images[match[2]] = match[1]
	}
	if len(images) != len(programs) {
		t.Fatalf("%s names the images %v", manifest, images)
	}
	return images
}

// image finds references such as registry.example.com/kubernaut/webhook:v1.2.3@sha256:..., and the name in them.
var image = regexp.MustCompile(`image: (\S+/([a-z]+):\S+@sha256:[0-9a-f]{64})`)

// expectRunning fails the test unless all pods of the product run the images of the manifest.
func expectRunning(t *testing.T, manifest string) {
	t.Helper()
	images := imagesIn(t, manifest)
	for _, p := range programs {
		want := images[filepath.Base(p.path)]
		_, digest, _ := strings.Cut(want, "@")
		pods := podsOf(t, p)
		if len(pods) != 2 {
			t.Errorf("%s has %d pods", p.deployment, len(pods))
		}
		for _, pod := range pods {
			container := pod.Status.ContainerStatuses[0]
			if pod.Spec.Containers[0].Image != want || !strings.HasSuffix(container.ImageID, digest) || !container.Ready {
				t.Errorf("%s is to run %s, and runs %s (ready: %v)", pod.Name, want, container.ImageID, container.Ready)
			}
		}
	}
}

// removeProduct removes a release as the README says.
func removeProduct(t *testing.T, manifest string) {
	t.Helper()
	kubectl(t, "delete", "workflowexecutions", "--all", "--all-namespaces", "--timeout=5m")
	kubectl(t, "delete", "-f", manifest, "--ignore-not-found", "--timeout=5m")
}

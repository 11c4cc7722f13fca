// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// An example's steps are run here as its ServiceAccount, with a real kubectl and a real API server, but beside the
// cluster: its simulated node runs nothing.
type example struct {
	folder, namespace string
	env               []string
	results           string
}

// newExample gives the example its rights, in the one namespace.
func newExample(t *testing.T, folder, namespace, target string, parameters ...string) *example {
	t.Helper()
	elsewhere := func(object *unstructured.Unstructured) bool {
		if object.GetKind() == "RoleBinding" {
			object.SetNamespace(namespace)
		}
		return true
	}
	rights := filepath.Join(world.Root, "examples", folder, "rbac.yaml")
	must(t, world.Cluster.ApplyWith(t.Context(), cluster.ApplyOptions{Change: elsewhere}, rights))
	kubeconfig, err := world.Cluster.ServiceAccountKubeconfig(t.Context(), install.ExecutionNamespace, folder)
	must(t, err)
	tools := filepath.Dir(world.Cluster.Program("kubectl"))
	return &example{folder: folder, namespace: namespace, results: t.TempDir(), env: append([]string{
		"PATH=" + tools + ":" + os.Getenv("PATH"), "KUBECONFIG=" + kubeconfig, "HOME=" + t.TempDir(), "TARGET_RESOURCE=" + target,
	}, parameters...)}
}

// run runs the step of one task and returns what it wrote.
func (e *example) run(t *testing.T, task string, env ...string) string {
	t.Helper()
	output, err := e.try(t, task, env...)
	if err != nil {
		t.Fatalf("%s of %s: %v\n%s", task, e.folder, err, output)
	}
	return output
}

func (e *example) try(t *testing.T, task string, env ...string) (string, error) {
	t.Helper()
	path := regexp.MustCompile(`\$\(results\.([a-z]+)\.path\)`)
	script := path.ReplaceAllString(e.script(t, task), e.results+"/$1")
	command := exec.CommandContext(t.Context(), "sh", "-c", script)
	command.Env = append(slices.Clone(e.env), env...)
	output, err := command.CombinedOutput()
	return string(output), err
}

func (e *example) script(t *testing.T, task string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(world.Root, "examples", e.folder, "pipeline.yaml"))
	must(t, err)
	var pipeline tektonv1.Pipeline
	must(t, yaml.UnmarshalStrict(data, &pipeline))
	for _, candidate := range slices.Concat(pipeline.Spec.Tasks, pipeline.Spec.Finally) {
		if candidate.Name == task {
			return candidate.TaskSpec.Steps[0].Script
		}
	}
	t.Fatalf("%s has no task %s", e.folder, task)
	return ""
}

// result is what a step has written, as the parameter by which a later task gets it.
func (e *example) result(t *testing.T, name string) string {
	t.Helper()
	value, err := os.ReadFile(filepath.Join(e.results, name))
	must(t, err)
	return strings.ToUpper(name) + "=" + string(value)
}

func TestExamplesAreAdmitted(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob(filepath.Join(world.Root, "examples", "*", "pipeline.yaml"))
	must(t, err)
	for _, file := range folders {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			t.Parallel()
			must(t, world.Cluster.DryRun(t.Context(), filepath.Dir(file)))
		})
	}
}

// newDeployment is one whose pods have been made and run.
func newDeployment(t *testing.T, namespace string, change func(*corev1.PodSpec)) {
	t.Helper()
	labels := map[string]string{"app": "api"}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "api"},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "proxy", Image: "example.com/proxy:v1"}, {
					Name: "api", Image: "example.com/api:v1",
					Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")}},
				}},
			}},
		},
	}
	if change != nil {
		change(&deployment.Spec.Template.Spec)
	}
	_, err := world.Kube.AppsV1().Deployments(namespace).Create(t.Context(), deployment, metav1.CreateOptions{})
	must(t, err)
	awaitReplicas(t, namespace)
}

// awaitReplicas waits until all pods of the Deployment are new and ready.
func awaitReplicas(t *testing.T, namespace string) {
	t.Helper()
	awaitGone(t, "a pod of "+namespace+"/api that is not ready", func(ctx context.Context) (bool, error) {
		deployment, err := world.Kube.AppsV1().Deployments(namespace).Get(ctx, "api", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		status, replicas := deployment.Status, *deployment.Spec.Replicas
		isCurrent := status.ObservedGeneration == deployment.Generation && status.UpdatedReplicas == replicas
		return !isCurrent || status.ReadyReplicas != replicas || status.Replicas != replicas, nil
	})
}

func pods(t *testing.T, namespace string) []corev1.Pod {
	t.Helper()
	list, err := world.Kube.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	must(t, err)
	return list.Items
}

func TestExampleRestartsADeployment(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	newDeployment(t, namespace, nil)
	before := pods(t, namespace)
	e := newExample(t, "restart-deployment", namespace, namespace+"/Deployment/api", "ROLLOUT_TIMEOUT=2m", "STATUS=Succeeded")
	for _, task := range []string{"check", "restart", "verify"} {
		e.run(t, task)
	}
	for _, pod := range pods(t, namespace) {
		if pod.DeletionTimestamp == nil && slices.ContainsFunc(before, func(old corev1.Pod) bool { return old.UID == pod.UID }) {
			t.Errorf("pod %s was not restarted", pod.Name)
		}
	}
	if report := e.run(t, "report"); !strings.Contains(report, "Running") {
		t.Errorf("the report does not show the pods: %s", report)
	}
	elsewhere := newExample(t, "restart-deployment", namespace, namespace+"/statefulset/api")
	if output, err := elsewhere.try(t, "check"); err == nil || !strings.Contains(output, "Forbidden") {
		t.Errorf("a target that is no Deployment was not refused: %s", output)
	}
}

func TestExampleRaisesAMemoryLimit(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	newDeployment(t, namespace, nil)
	e := newExample(t, "increase-memory", namespace, namespace+"/deployment.apps/api",
		"MEMORY_LIMIT=1024Mi", "MEMORY_MAXIMUM=2Gi", "ROLLOUT_TIMEOUT=2m", "SETTLE_SECONDS=1")
	if output, err := e.try(t, "check"); err == nil || !strings.Contains(output, "was OOM-killed when it last ended") {
		t.Fatalf("a Deployment without trouble was not refused: %s", output)
	}
	killForMemory(t, namespace)
	e.run(t, "check")
	expectLimit(t, namespace, "256Mi")
	found := []string{e.result(t, "container"), e.result(t, "index"), e.result(t, "before"), e.result(t, "after")}
	if want := []string{"CONTAINER=api", "INDEX=1", "BEFORE=256Mi", "AFTER=1Gi"}; !slices.Equal(found, want) {
		t.Fatalf("its results are %v, want %v", found, want)
	}
	e.run(t, "raise", found...)
	expectLimit(t, namespace, "1Gi")
	e.run(t, "verify")
	e.run(t, "restore", append(found, "STATUS=Succeeded")...)
	expectLimit(t, namespace, "1Gi")
	e.run(t, "restore", append(found, "STATUS=Failed")...)
	expectLimit(t, namespace, "256Mi")
	if output := e.run(t, "restore", append(found, "STATUS=Failed")...); !strings.Contains(output, "256Mi, which this workflow did not set") {
		t.Errorf("a limit of somebody else: %s", output)
	}
}

// killForMemory has the kubelet say of all pods that their container api was OOM-killed.
func killForMemory(t *testing.T, namespace string) {
	t.Helper()
	for _, pod := range pods(t, namespace) {
		i := slices.IndexFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.Name == "api" })
		pod.Status.ContainerStatuses[i].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137}
		_, err := world.Kube.CoreV1().Pods(namespace).UpdateStatus(t.Context(), &pod, metav1.UpdateOptions{})
		must(t, err)
	}
}

func expectLimit(t *testing.T, namespace, want string) {
	t.Helper()
	deployment, err := world.Kube.AppsV1().Deployments(namespace).Get(t.Context(), "api", metav1.GetOptions{})
	must(t, err)
	if got := deployment.Spec.Template.Spec.Containers[1].Resources.Limits.Memory().String(); got != want {
		t.Errorf("the memory limit is %s, want %s", got, want)
	}
}

func TestExampleDeletesEvictedPods(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	newDeployment(t, namespace, nil)
	evicted, failed := newFailedPod(t, namespace, "Evicted"), newFailedPod(t, namespace, "")
	e := newExample(t, "delete-evicted-pods", namespace, "namespace/"+namespace)
	if output := e.run(t, "delete"); !strings.Contains(output, "deleted 1 evicted pods of namespace "+namespace) {
		t.Error("it says", output)
	}
	var left []string
	for _, pod := range pods(t, namespace) {
		left = append(left, pod.Name)
	}
	if slices.Contains(left, evicted) || !slices.Contains(left, failed) || len(left) != 3 {
		t.Errorf("%v are left, want all but %s", left, evicted)
	}
}

// newFailedPod is on no node, so that nothing but this test says what becomes of it.
func newFailedPod(t *testing.T, namespace, reason string) string {
	t.Helper()
	client := world.Kube.CoreV1().Pods(namespace)
	pod, err := client.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "failed-"},
		Spec: corev1.PodSpec{
			SchedulerName: "nobody", TerminationGracePeriodSeconds: new(int64(0)),
			Containers: []corev1.Container{{Name: "main", Image: "example.com/main:v1"}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	pod.Status.Phase, pod.Status.Reason = corev1.PodFailed, reason
	_, err = client.UpdateStatus(t.Context(), pod, metav1.UpdateOptions{})
	must(t, err)
	return pod.Name
}

// TestExampleDrainsANode drains the only node that the pods of a Deployment can be on, as in a cluster of one node.
func TestExampleDrainsANode(t *testing.T) {
	t.Parallel()
	namespace, node := newNamespace(t), newNode(t)
	newDeployment(t, namespace, onlyOn(node))
	before := pods(t, namespace)
	e := newExample(t, "drain-node", namespace, "node/"+node, "DRAIN_TIMEOUT=1m", "PIPELINE_RUN=run-1")
	if output := e.run(t, "drain"); !strings.Contains(output, "evicting pod "+namespace+"/api-") {
		t.Error("it says", output)
	}
	awaitReplicas(t, namespace)
	for _, pod := range pods(t, namespace) {
		if slices.ContainsFunc(before, func(old corev1.Pod) bool { return old.UID == pod.UID }) {
			t.Errorf("pod %s was not evicted", pod.Name)
		}
	}
	expectCordon(t, node, false, "")

	patchNode(t, node, `{"spec":{"unschedulable":true},"metadata":{"annotations":{"kubernaut.ai/cordoned-by":"run-0"}}}`)
	e.run(t, "restore")
	expectCordon(t, node, false, "")

	patchNode(t, node, `{"spec":{"unschedulable":true}}`)
	e.run(t, "drain")
	e.run(t, "restore")
	expectCordon(t, node, true, "")
}

// newNode takes only pods that tolerate it, so that it changes nothing for other tests.
func newNode(t *testing.T) string {
	t.Helper()
	nodes := world.Kube.CoreV1().Nodes()
	simulated, err := nodes.Get(t.Context(), "simulated", metav1.GetOptions{})
	must(t, err)
	const name = "drained"
	_, err = nodes.Create(t.Context(), &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Annotations: simulated.Annotations, Labels: map[string]string{corev1.LabelHostname: name},
		},
		Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: "test", Value: name, Effect: corev1.TaintEffectNoSchedule}}},
	}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() { must(t, nodes.Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{})) })
	return name
}

func onlyOn(node string) func(*corev1.PodSpec) {
	return func(spec *corev1.PodSpec) {
		spec.NodeSelector = map[string]string{corev1.LabelHostname: node}
		spec.Tolerations = []corev1.Toleration{{Key: "test", Value: node, Effect: corev1.TaintEffectNoSchedule}}
	}
}

func patchNode(t *testing.T, node, patch string) {
	t.Helper()
	_, err := world.Kube.CoreV1().Nodes().Patch(t.Context(), node, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	must(t, err)
}

func expectCordon(t *testing.T, name string, cordoned bool, by string) {
	t.Helper()
	node, err := world.Kube.CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
	must(t, err)
	if got := node.Annotations["kubernaut.ai/cordoned-by"]; node.Spec.Unschedulable != cordoned || got != by {
		t.Errorf("cordoned is %t, by %q; want %t, by %q", node.Spec.Unschedulable, got, cordoned, by)
	}
}

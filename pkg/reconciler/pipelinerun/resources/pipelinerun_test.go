// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/pod"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/pkg/apis"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

const (
	executionUID = types.UID("0b5c5f0e-6f4c-4d0e-9d3e-0d8b5a3c6f11")
	digest       = "sha256:8a58fe6c34733939d0ce784d7ff70b64d66b8dcc806ae2c4a1ba88c3ef6f351a"
)

func execution(changes ...func(*v1alpha1.WorkflowExecution)) *v1alpha1.WorkflowExecution {
	wfe := &v1alpha1.WorkflowExecution{
		ObjectMeta: metav1.ObjectMeta{Namespace: "payment", Name: "fix-api", UID: executionUID},
		Spec: v1alpha1.WorkflowExecutionSpec{
			RemediationRequestRef: corev1.ObjectReference{Name: "rr-2026-03-01"},
			WorkflowRef: v1alpha1.WorkflowRef{
				WorkflowID: "restart-deployment", Version: "v1.2.0", ContainerImage: "ghcr.io/kubernaut/restart:v1.2.0",
			},
			TargetResource: "payment/Deployment/api",
		},
	}
	for _, change := range changes {
		change(wfe)
	}
	return wfe
}

// expectedRun is what MakePipelineRun has to make of execution(), written out.
func expectedRun(changes ...func(*tektonv1.PipelineRun)) *tektonv1.PipelineRun {
	run := &tektonv1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "kubernaut-workflows",
			Name:      "fix-api-5bcabf0ce7",
			Labels: map[string]string{
				"kubernaut.ai/workflow-execution": "0b5c5f0e-6f4c-4d0e-9d3e-0d8b5a3c6f11",
				"kubernaut.ai/target":             "6403dd4a8637c388e319cb66a03b071d234d6f81",
				"app.kubernetes.io/managed-by":    "workflowexecution-controller",
			},
			Annotations: map[string]string{
				"kubernaut.ai/execution-namespace": "payment",
				"kubernaut.ai/execution-name":      "fix-api",
				"kubernaut.ai/execution-uid":       "0b5c5f0e-6f4c-4d0e-9d3e-0d8b5a3c6f11",
				"kubernaut.ai/workflow-id":         "restart-deployment",
				"kubernaut.ai/workflow-version":    "v1.2.0",
				"kubernaut.ai/target-resource":     "payment/deployments.apps/api",
				"kubernaut.ai/correlation-id":      "rr-2026-03-01",
				"kubernaut.ai/settings":            `{"timeout":"30m0s","finallyTimeout":"5m0s","cancelGrace":"1m0s","logTailLines":50}`,
				// Autoscalers leave its pods alone.
				"cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
				"karpenter.sh/do-not-disrupt":                    "true",
			},
		},
		Spec: tektonv1.PipelineRunSpec{
			Status: "PipelineRunPending",
			PipelineRef: &tektonv1.PipelineRef{ResolverRef: tektonv1.ResolverRef{
				Resolver: "bundles",
				Params: tektonv1.Params{
					text("bundle", "ghcr.io/kubernaut/restart:v1.2.0"), text("name", "workflow"), text("kind", "pipeline"),
					text("serviceAccount", "kubernaut-workflow-runner"),
				},
			}},
			Params:          tektonv1.Params{text("TARGET_RESOURCE", "payment/Deployment/api")},
			Timeouts:        &tektonv1.TimeoutFields{Pipeline: &metav1.Duration{Duration: 35 * time.Minute}},
			TaskRunTemplate: tektonv1.PipelineTaskRunTemplate{ServiceAccountName: "kubernaut-workflow-runner"},
		},
	}
	for _, change := range changes {
		change(run)
	}
	return run
}

func text(name, value string) tektonv1.Param {
	return tektonv1.Param{Name: name, Value: tektonv1.ParamValue{Type: "string", StringVal: value}}
}

func TestMakePipelineRun(t *testing.T) {
	tests := map[string]struct {
		change func(*v1alpha1.WorkflowExecution)
		cfg    func(*config.WorkflowExecution)
		want   func(*tektonv1.PipelineRun)
	}{
		"the least": {},
		"parameters, sorted and unchanged": {
			change: func(w *v1alpha1.WorkflowExecution) {
				w.Spec.Parameters = map[string]string{"REPLICAS": "3", "ARGS": `["a", "$(b)"]`, "EMPTY": "", "TARGET_RESOURCE": "payment/Deployment/api"}
			},
			want: func(r *tektonv1.PipelineRun) {
				r.Spec.Params = tektonv1.Params{
					text("ARGS", `["a", "$(b)"]`), text("EMPTY", ""), text("REPLICAS", "3"), text("TARGET_RESOURCE", "payment/Deployment/api"),
				}
			},
		},
		"a pinned bundle": {
			change: func(w *v1alpha1.WorkflowExecution) { w.Spec.WorkflowRef.ContainerDigest = digest },
			want: func(r *tektonv1.PipelineRun) {
				r.Spec.PipelineRef.Params[0] = text("bundle", "ghcr.io/kubernaut/restart@"+digest)
			},
		},
		"its own timeout and service account": {
			change: func(w *v1alpha1.WorkflowExecution) {
				w.Spec.ExecutionConfig = &v1alpha1.ExecutionConfig{
					Timeout: &metav1.Duration{Duration: 90 * time.Second}, ServiceAccountName: "careful",
				}
			},
			want: func(r *tektonv1.PipelineRun) {
				r.Annotations["kubernaut.ai/settings"] = `{"timeout":"1m30s","finallyTimeout":"5m0s","cancelGrace":"1m0s","logTailLines":50}`
				r.Spec.Timeouts.Pipeline.Duration = 90*time.Second + 5*time.Minute
				r.Spec.PipelineRef.Params[3] = text("serviceAccount", "careful")
				r.Spec.TaskRunTemplate.ServiceAccountName = "careful"
			},
		},
		"a template for its pods": {
			cfg: func(c *config.WorkflowExecution) {
				c.PodTemplate = &pod.PodTemplate{
					Tolerations:      []corev1.Toleration{{Key: "repair", Operator: "Exists"}},
					ImagePullSecrets: []corev1.LocalObjectReference{{Name: "workflow-images"}},
				}
			},
			want: func(r *tektonv1.PipelineRun) {
				r.Spec.TaskRunTemplate.PodTemplate = &pod.PodTemplate{
					Tolerations:      []corev1.Toleration{{Key: "repair", Operator: "Exists"}},
					ImagePullSecrets: []corev1.LocalObjectReference{{Name: "workflow-images"}},
				}
			},
		},
		"another configuration": {
			cfg: func(c *config.WorkflowExecution) {
				c.PipelineName, c.DefaultServiceAccount, c.FinallyTimeout = "main", "other", time.Minute
			},
			want: func(r *tektonv1.PipelineRun) {
				r.Annotations["kubernaut.ai/settings"] = `{"timeout":"30m0s","finallyTimeout":"1m0s","cancelGrace":"1m0s","logTailLines":50}`
				r.Spec.PipelineRef.Params[1] = text("name", "main")
				r.Spec.Timeouts.Pipeline.Duration = 31 * time.Minute
				r.Spec.PipelineRef.Params[3] = text("serviceAccount", "other")
				r.Spec.TaskRunTemplate.ServiceAccountName = "other"
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			wfe, cfg, want := execution(), config.DefaultWorkflowExecution(), expectedRun()
			if tc.change != nil {
				tc.change(wfe)
			}
			if tc.cfg != nil {
				tc.cfg(cfg)
			}
			if tc.want != nil {
				tc.want(want)
			}
			before := wfe.DeepCopy()
			got, err := MakePipelineRun(wfe, "payment/deployments.apps/api", "kubernaut-workflows", cfg)
			if err != nil {
				t.Fatal("MakePipelineRun() =", err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error("(-want, +got):", diff)
			}
			if diff := cmp.Diff(before, wfe); diff != "" {
				t.Error("it changes the execution:", diff)
			}
			checkTektonAccepts(t, got)
		})
	}
}

// checkTektonAccepts sends the run through JSON, defaults and validation as Tekton's webhook does.
func checkTektonAccepts(t *testing.T, run *tektonv1.PipelineRun) {
	t.Helper()
	data, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	var received tektonv1.PipelineRun
	if err := json.Unmarshal(data, &received); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(run.Spec.Params, received.Spec.Params); diff != "" {
		t.Error("parameters do not arrive as they were sent:", diff)
	}
	ctx := apis.WithinCreate(t.Context())
	received.SetDefaults(ctx)
	if err := received.Validate(ctx); err != nil {
		t.Error("Tekton refuses the run:", err)
	}
}

func TestMakePipelineRunOfNamesThatAreHard(t *testing.T) {
	for _, name := range []string{
		strings.Repeat("a", 200), strings.Repeat("a.", 99) + "a", strings.Repeat("a-", 99) + "a", "1", "a.b.c",
		strings.Repeat("a", 20) + "." + strings.Repeat("b", 100),
	} {
		t.Run(name, func(t *testing.T) {
			run, err := MakePipelineRun(execution(func(w *v1alpha1.WorkflowExecution) { w.Name = name }),
				"node/a", "kubernaut-workflows", config.DefaultWorkflowExecution())
			if err != nil {
				t.Fatal(err)
			}
			checkTektonAccepts(t, run)
			if run.Annotations[workflowexecution.ExecutionNameAnnotation] != name {
				t.Error("the annotation does not hold the full name")
			}
		})
	}
}

func TestMakePipelineRunRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*v1alpha1.WorkflowExecution)
		want   string
	}{
		"a timeout beyond the maximum": {
			func(w *v1alpha1.WorkflowExecution) {
				w.Spec.ExecutionConfig = &v1alpha1.ExecutionConfig{Timeout: &metav1.Duration{Duration: 48 * time.Hour}}
			},
			"max-timeout",
		},
		"a bundle that cannot be pinned": {
			func(w *v1alpha1.WorkflowExecution) {
				w.Spec.WorkflowRef.ContainerImage, w.Spec.WorkflowRef.ContainerDigest = "ghcr.io/A:b", digest
			},
			`spec.workflowRef.containerImage "ghcr.io/A:b"`,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			run, err := MakePipelineRun(execution(tc.change), "t", "ns", config.DefaultWorkflowExecution())
			if run != nil || err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("MakePipelineRun() = %v, %v, want an error with %s", run, err, tc.want)
			}
		})
	}
}

func TestBundleReference(t *testing.T) {
	tests := []struct{ image, digest, want string }{
		{image: "ghcr.io/a/b:v1", want: "ghcr.io/a/b:v1"},
		{image: "busybox", want: "busybox"},
		{image: "ghcr.io/a/b:v1", digest: digest, want: "ghcr.io/a/b@" + digest},
		{image: "ghcr.io/a/b", digest: digest, want: "ghcr.io/a/b@" + digest},
		{image: "localhost:5000/workflow:v1", digest: digest, want: "localhost:5000/workflow@" + digest},
		{image: "localhost:5000/workflow", digest: digest, want: "localhost:5000/workflow@" + digest},
		{image: "10.88.0.1:5000/a/b/c:v1", digest: digest, want: "10.88.0.1:5000/a/b/c@" + digest},
		{image: "ghcr.io/a/b@" + digest, digest: digest, want: "ghcr.io/a/b@" + digest},
		{image: "ghcr.io/a/b:v1@" + digest, digest: digest, want: "ghcr.io/a/b@" + digest},
		// Docker Hub's short names stand for long ones, which Tekton's resolver understands as well.
		{image: "busybox:1.36", digest: digest, want: "index.docker.io/library/busybox@" + digest},
		{image: "kubernaut/restart:v1", digest: digest, want: "index.docker.io/kubernaut/restart@" + digest},
		{image: "docker.io/kubernaut/restart", digest: digest, want: "index.docker.io/kubernaut/restart@" + digest},
	}
	for _, tc := range tests {
		t.Run(tc.image, func(t *testing.T) {
			got, err := BundleReference(v1alpha1.WorkflowRef{ContainerImage: tc.image, ContainerDigest: tc.digest})
			if err != nil || got != tc.want {
				t.Errorf("BundleReference() = %q, %v, want %q", got, err, tc.want)
			}
		})
	}
}

func TestSettingsComeBack(t *testing.T) {
	want := Settings{
		Timeout: metav1.Duration{Duration: 90 * time.Second}, FinallyTimeout: metav1.Duration{Duration: 5 * time.Minute},
		CancelGrace: metav1.Duration{Duration: time.Minute}, LogTailLines: 50,
	}
	run, err := MakePipelineRun(execution(func(w *v1alpha1.WorkflowExecution) {
		w.Spec.ExecutionConfig = &v1alpha1.ExecutionConfig{Timeout: &metav1.Duration{Duration: 90 * time.Second}}
	}), "t", "ns", config.DefaultWorkflowExecution())
	if err != nil {
		t.Fatal(err)
	}
	got, err := SettingsOf(run)
	if err != nil || got != want {
		t.Errorf("SettingsOf() = %+v, %v, want %+v", got, err, want)
	}
}

func TestSettingsThatSomebodyBroke(t *testing.T) {
	for name, annotations := range map[string]map[string]string{
		"removed": nil, "cut": {"kubernaut.ai/settings": `{"timeout":"1`}, "of another kind": {"kubernaut.ai/settings": `{"timeout":5}`},
	} {
		t.Run(name, func(t *testing.T) {
			run := &metav1.ObjectMeta{Namespace: "ns", Name: "run", Annotations: annotations}
			_, err := SettingsOf(run)
			if err == nil || !strings.HasPrefix(err.Error(), "annotation kubernaut.ai/settings of PipelineRun ns/run: ") {
				t.Error("SettingsOf() =", err)
			}
		})
	}
}

func TestBelongsTo(t *testing.T) {
	uid := map[string]string{"kubernaut.ai/workflow-execution": "u"}
	mark := map[string]string{"kubernaut.ai/execution-uid": "u"}
	tests := map[string]struct {
		labels, annotations map[string]string
		want                bool
	}{
		"made by us": {labels: uid, annotations: mark, want: true},
		// Tekton copies labels to children, and people copy manifests: one mark alone proves nothing.
		"only the label":      {labels: uid},
		"only the annotation": {annotations: mark},
		"neither":             {},
		"of another execution": {
			labels: map[string]string{"kubernaut.ai/workflow-execution": "v"}, annotations: map[string]string{"kubernaut.ai/execution-uid": "v"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := BelongsTo(&metav1.ObjectMeta{Labels: tc.labels, Annotations: tc.annotations}, "u"); got != tc.want {
				t.Error("BelongsTo() =", got)
			}
		})
	}
	if got := SelectChildren("u"); got != "kubernaut.ai/workflow-execution=u" {
		t.Error("SelectChildren() =", got)
	}
}

func TestTargetHashIsALabel(t *testing.T) {
	// Two targets, two hashes; and a target of any length fits.
	run := func(target string) string {
		made, err := MakePipelineRun(execution(), target, "ns", config.DefaultWorkflowExecution())
		if err != nil {
			t.Fatal(err)
		}
		return made.Labels[workflowexecution.TargetHashLabel]
	}
	a, b := run("payment/deployments.apps/api"), run("payment/deployments.apps/"+strings.Repeat("b", 253))
	if a == b || len(a) != 40 || len(b) != 40 {
		t.Errorf("hashes %q and %q", a, b)
	}
}

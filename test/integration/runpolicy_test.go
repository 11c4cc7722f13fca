// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	tektonclientset "github.com/tektoncd/pipeline/pkg/client/clientset/versioned"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/install"
)

const (
	runPolicy        = "workflowexecution-pipelineruns"
	controllerUser   = "system:serviceaccount:" + install.SystemNamespace + ":workflowexecution-controller"
	tektonUser       = "system:serviceaccount:tekton-pipelines:tekton-pipelines-controller"
	insteadOfTheRun  = "create a WorkflowExecution"
	nobodysRuns      = "example.com/nobody"
	administrator    = ""
	someUIDOfAnOwner = types.UID("5f1d9a34-9c1b-4c7e-8d39-3a1f0f5b2f10")
)

// tektonAs is a client of that user, or of the administrator that the tests are.
func tektonAs(t *testing.T, user string) tektonclientset.Interface {
	t.Helper()
	if user == administrator {
		return world.Tekton
	}
	cfg := rest.CopyConfig(world.Cluster.Config())
	cfg.Impersonate.UserName = user
	client, err := tektonclientset.NewForConfig(cfg)
	must(t, err)
	return client
}

// namespaceOfRuns is one in which alice, the controller and Tekton may do everything with PipelineRuns, and which the
// controller that works does not look at.
func namespaceOfRuns(t *testing.T) string {
	t.Helper()
	namespace := newNamespace(t)
	_, err := world.Kube.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "runs"},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{"tekton.dev"}, Resources: []string{"pipelineruns", "pipelineruns/status"}, Verbs: []string{"*"},
		}},
	}, metav1.CreateOptions{})
	must(t, err)
	var subjects []rbacv1.Subject
	for _, user := range []string{"alice", controllerUser, tektonUser} {
		subjects = append(subjects, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user})
	}
	_, err = world.Kube.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "runs"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "runs"},
		Subjects:   subjects,
	}, metav1.CreateOptions{})
	must(t, err)
	return namespace
}

// newRun is a run that Tekton leaves alone.
func newRun(namespace, name string, changes ...func(*tektonv1.PipelineRun)) *tektonv1.PipelineRun {
	run := &tektonv1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: tektonv1.PipelineRunSpec{
			ManagedBy:    new(nobodysRuns),
			Status:       tektonv1.PipelineRunSpecStatusPending,
			PipelineSpec: &tektonv1.PipelineSpec{Tasks: []tektonv1.PipelineTask{pipelineTask("repair")}},
		},
	}
	for _, change := range changes {
		change(run)
	}
	return run
}

// likeOurs has what the controller puts on a run.
func likeOurs(run *tektonv1.PipelineRun) {
	run.Labels = map[string]string{
		workflowexecution.ExecutionUIDLabel: string(someUIDOfAnOwner), workflowexecution.TargetHashLabel: "0123456789",
	}
	run.Annotations = map[string]string{
		workflowexecution.ExecutionNamespaceAnnotation: "payment", workflowexecution.ExecutionNameAnnotation: "fix-api",
		workflowexecution.ExecutionUIDAnnotation: string(someUIDOfAnOwner), workflowexecution.TargetAnnotation: "payment/deployments.apps/api",
	}
}

func withStatus(status tektonv1.PipelineRunSpecStatus) func(*tektonv1.PipelineRun) {
	return func(run *tektonv1.PipelineRun) { run.Spec.Status = status }
}

func withoutLabel(key string) func(*tektonv1.PipelineRun) {
	return func(run *tektonv1.PipelineRun) { delete(run.Labels, key) }
}

func ownedBy(apiVersion, kind string, controls bool) func(*tektonv1.PipelineRun) {
	return func(run *tektonv1.PipelineRun) {
		run.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: apiVersion, Kind: kind, Name: "parent", UID: someUIDOfAnOwner, Controller: new(controls),
		}}
	}
}

func createRun(t *testing.T, user string, run *tektonv1.PipelineRun, options metav1.CreateOptions) error {
	t.Helper()
	_, err := tektonAs(t, user).TektonV1().PipelineRuns(run.Namespace).Create(t.Context(), run, options)
	return err
}

// expectJudgement wants the policy to have refused it, with what its message has to say, or nobody.
func expectJudgement(t *testing.T, allowed bool, err error, words ...string) {
	t.Helper()
	if !allowed {
		expectRefusal(t, err, append(words, runPolicy, controllerUser, insteadOfTheRun)...)
		return
	}
	must(t, err)
}

func TestOnlyTheControllerCreatesRunsOfExecutions(t *testing.T) {
	t.Parallel()
	namespace := namespaceOfRuns(t)
	for name, row := range map[string]struct {
		user    string
		run     []func(*tektonv1.PipelineRun)
		allowed bool
	}{
		"the controller":                  {controllerUser, []func(*tektonv1.PipelineRun){likeOurs}, true},
		"an administrator":                {administrator, []func(*tektonv1.PipelineRun){likeOurs}, false},
		"somebody with all rights":        {"alice", []func(*tektonv1.PipelineRun){likeOurs}, false},
		"with the target only":            {"alice", []func(*tektonv1.PipelineRun){likeOurs, withoutLabel(workflowexecution.ExecutionUIDLabel)}, false},
		"with the execution only":         {"alice", []func(*tektonv1.PipelineRun){likeOurs, withoutLabel(workflowexecution.TargetHashLabel)}, false},
		"in the likeness of a child":      {"alice", []func(*tektonv1.PipelineRun){likeOurs, ownedBy("tekton.dev/v1", "PipelineRun", true)}, false},
		"Tekton, a child of a run":        {tektonUser, []func(*tektonv1.PipelineRun){likeOurs, ownedBy("tekton.dev/v1", "PipelineRun", true)}, true},
		"Tekton, a child of a custom run": {tektonUser, []func(*tektonv1.PipelineRun){likeOurs, ownedBy("tekton.dev/v1beta1", "CustomRun", true)}, true},
		"Tekton, nobody's child":          {tektonUser, []func(*tektonv1.PipelineRun){likeOurs}, false},
		"Tekton, owned only":              {tektonUser, []func(*tektonv1.PipelineRun){likeOurs, ownedBy("tekton.dev/v1", "PipelineRun", false)}, false},
		"Tekton, another kind's":          {tektonUser, []func(*tektonv1.PipelineRun){likeOurs, ownedBy("batch/v1", "CronJob", true)}, false},
		"Tekton, another group's":         {tektonUser, []func(*tektonv1.PipelineRun){likeOurs, ownedBy("example.com/v1", "PipelineRun", true)}, false},
		"a foreign run":                   {"alice", nil, true},
		"a foreign run with annotations":  {"alice", []func(*tektonv1.PipelineRun){likeOurs, func(run *tektonv1.PipelineRun) { run.Labels = nil }}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := createRun(t, row.user, newRun(namespace, "run", row.run...), metav1.CreateOptions{DryRun: dryRun})
			expectJudgement(t, row.allowed, err, "metadata.labels", tektonUser)
		})
	}
	t.Run("in an older version", func(t *testing.T) {
		t.Parallel()
		body, err := json.Marshal(map[string]any{
			"apiVersion": "tekton.dev/v1beta1", "kind": "PipelineRun", "metadata": newRun(namespace, "run", likeOurs).ObjectMeta,
			"spec": map[string]any{"pipelineRef": map[string]any{"name": "workflow"}},
		})
		must(t, err)
		err = tektonAs(t, "alice").TektonV1beta1().RESTClient().Post().Namespace(namespace).Resource("pipelineruns").
			Param("dryRun", metav1.DryRunAll).Body(body).Do(t.Context()).Error()
		expectJudgement(t, false, err, `"alice"`)
	})
}

func TestOnlyTheControllerChangesRunsOfExecutions(t *testing.T) {
	t.Parallel()
	namespace := namespaceOfRuns(t)
	for _, run := range []*tektonv1.PipelineRun{
		newRun(namespace, "pending", likeOurs), newRun(namespace, "started", likeOurs, withStatus("")),
		newRun(namespace, "cancelled", likeOurs, withStatus(tektonv1.PipelineRunSpecStatusCancelledRunFinally)),
	} {
		must(t, createRun(t, controllerUser, run, metav1.CreateOptions{}))
	}
	must(t, createRun(t, "alice", newRun(namespace, "foreign"), metav1.CreateOptions{}))
	const (
		start, setBack = `{"spec":{"status":null}}`, `{"spec":{"status":"PipelineRunPending"}}`
		hide           = `{"metadata":{"labels":{"kubernaut.ai/workflow-execution":null}}}`
		adopt          = `{"metadata":{"labels":{"kubernaut.ai/workflow-execution":"5f1d9a34-9c1b-4c7e-8d39-3a1f0f5b2f10"}}}`
	)
	for name, row := range map[string]struct {
		user, run, patch string
		allowed          bool
		word             string
	}{
		"the controller starts":           {user: controllerUser, run: "pending", patch: start, allowed: true},
		"Tekton starts":                   {user: tektonUser, run: "pending", patch: start, allowed: true},
		"somebody starts":                 {user: "alice", run: "pending", patch: start, word: "spec.status"},
		"an administrator starts":         {user: administrator, run: "pending", patch: start, word: "spec.status"},
		"somebody starts, with nothing":   {user: "alice", run: "pending", patch: `{"spec":{"status":""}}`, word: "spec.status"},
		"somebody pauses":                 {user: "alice", run: "started", patch: setBack, word: `"PipelineRunPending"`},
		"somebody takes an end back":      {user: "alice", run: "cancelled", patch: start, word: "spec.status"},
		"somebody cancels a pending run":  {user: "alice", run: "pending", patch: `{"spec":{"status":"Cancelled"}}`, allowed: true},
		"somebody cancels":                {user: "alice", run: "started", patch: `{"spec":{"status":"Cancelled"}}`, allowed: true},
		"somebody cancels with finally":   {user: "alice", run: "started", patch: `{"spec":{"status":"CancelledRunFinally"}}`, allowed: true},
		"somebody stops":                  {user: "alice", run: "started", patch: `{"spec":{"status":"StoppedRunFinally"}}`, allowed: true},
		"an administrator cancels harder": {user: administrator, run: "cancelled", patch: `{"spec":{"status":"Cancelled"}}`, allowed: true},
		"somebody hides a run":            {user: "alice", run: "started", patch: hide, word: "the labels"},
		"an administrator hides a run":    {user: administrator, run: "started", patch: hide, word: "the labels"},
		"Tekton hides a run":              {user: tektonUser, run: "started", patch: hide, word: tektonUser},
		"the controller hides a run":      {user: controllerUser, run: "started", patch: hide, allowed: true},
		"somebody removes all labels":     {user: "alice", run: "started", patch: `{"metadata":{"labels":null}}`, word: "the labels"},
		"another target's hash":           {user: "alice", run: "started", patch: `{"metadata":{"labels":{"kubernaut.ai/target":"1"}}}`, word: "the labels"},
		"another target":                  {user: "alice", run: "started", patch: `{"metadata":{"annotations":{"kubernaut.ai/target-resource":"a/b/c"}}}`, word: "annotations"},
		"another namespace":               {user: "alice", run: "started", patch: `{"metadata":{"annotations":{"kubernaut.ai/execution-namespace":"a"}}}`, word: "annotations"},
		"another name":                    {user: "alice", run: "started", patch: `{"metadata":{"annotations":{"kubernaut.ai/execution-name":null}}}`, word: "annotations"},
		"another UID":                     {user: "alice", run: "started", patch: `{"metadata":{"annotations":{"kubernaut.ai/execution-uid":"1"}}}`, word: "annotations"},
		"other metadata":                  {user: "alice", run: "started", patch: `{"metadata":{"labels":{"seen":"true"},"annotations":{"seen":"true"}}}`, allowed: true},
		"finalizers":                      {user: "alice", run: "started", patch: `{"metadata":{"finalizers":["example.com/keep"]}}`, allowed: true},
		"a foreign run is started":        {user: "alice", run: "foreign", patch: start, allowed: true},
		"a foreign run is labelled":       {user: "alice", run: "foreign", patch: `{"metadata":{"labels":{"seen":"true"}}}`, allowed: true},
		"a foreign run is made ours":      {user: "alice", run: "foreign", patch: adopt, word: "the labels"},
		"a workflow brings our labels":    {user: tektonUser, run: "foreign", patch: adopt, word: "the labels"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tektonAs(t, row.user).TektonV1().PipelineRuns(namespace).Patch(t.Context(), row.run, types.MergePatchType,
				[]byte(row.patch), metav1.PatchOptions{DryRun: dryRun})
			expectJudgement(t, row.allowed, err, row.word)
		})
	}
	t.Run("in an older version", func(t *testing.T) {
		_, err := tektonAs(t, "alice").TektonV1beta1().PipelineRuns(namespace).Patch(t.Context(), "pending", types.MergePatchType,
			[]byte(start), metav1.PatchOptions{DryRun: dryRun})
		expectJudgement(t, false, err, "spec.status")
	})
	t.Run("a status", func(t *testing.T) {
		_, err := tektonAs(t, "alice").TektonV1().PipelineRuns(namespace).Patch(t.Context(), "started", types.MergePatchType,
			[]byte(`{"status":{"startTime":"2026-01-02T03:04:05Z"}}`), metav1.PatchOptions{}, "status")
		must(t, err)
	})
	t.Run("a deletion", func(t *testing.T) {
		runs := tektonAs(t, "alice").TektonV1().PipelineRuns(namespace)
		must(t, runs.Delete(t.Context(), "started", metav1.DeleteOptions{}))
		awaitGone(t, "the run", func(ctx context.Context) (bool, error) {
			_, err := runs.Get(ctx, "started", metav1.GetOptions{})
			return found(err)
		})
	})
}

// The API server compares the expressions with the schemas of each version, and warns of what cannot be.
func TestPoliciesFitTheSchemas(t *testing.T) {
	t.Parallel()
	for _, name := range []string{runPolicy, "workflowexecution-clearance"} {
		awaitGone(t, "policy "+name+" without a check of its types", func(ctx context.Context) (bool, error) {
			policy, err := world.Kube.AdmissionregistrationV1().ValidatingAdmissionPolicies().Get(ctx, name, metav1.GetOptions{})
			if err != nil || policy.Status.TypeChecking == nil || policy.Status.ObservedGeneration != policy.Generation {
				return true, err
			}
			for _, warning := range policy.Status.TypeChecking.ExpressionWarnings {
				t.Errorf("%s: %s: %s", name, warning.FieldRef, warning.Warning)
			}
			return false, nil
		})
	}
}

// Tekton makes a PipelineRun of a pipeline in a pipeline, with the labels of its parent.
func TestTektonMakesChildrenOfRuns(t *testing.T) {
	allowAlphaFields(t)
	image, _ := workflow{tasks: []string{"prepare"}, change: func(spec *tektonv1.PipelineSpec) {
		spec.Tasks = append(spec.Tasks, tektonv1.PipelineTask{
			Name: "child", PipelineSpec: &tektonv1.PipelineSpec{Tasks: []tektonv1.PipelineTask{pipelineTask("repair")}},
		})
	}}.push(t, bundle(t))
	wfe := awaitPhase(t, submit(t, newExecution(newNamespace(t), "api", image)), v1alpha1.PhaseCompleted)
	runs := runsOf(t, wfe)
	expect(t, "number of runs with our labels", 2, len(runs))
	for _, run := range runs {
		if run.Name != wfe.Status.PipelineRunRef.Name && metav1.GetControllerOf(&run) == nil {
			t.Errorf("%s has no controller", run.Name)
		}
	}
}

// allowAlphaFields turns on what Tekton has pipelines in pipelines behind, until the test is over.
func allowAlphaFields(t *testing.T) {
	t.Helper()
	setFeature := func(ctx context.Context, value string) error {
		_, err := world.Kube.CoreV1().ConfigMaps("tekton-pipelines").Patch(ctx, "feature-flags", types.MergePatchType,
			[]byte(`{"data":{"enable-api-fields":"`+value+`"}}`), metav1.PatchOptions{})
		return err
	}
	before, err := world.Kube.CoreV1().ConfigMaps("tekton-pipelines").Get(t.Context(), "feature-flags", metav1.GetOptions{})
	must(t, err)
	t.Cleanup(func() {
		if err := setFeature(context.WithoutCancel(t.Context()), before.Data["enable-api-fields"]); err != nil {
			t.Error(err)
		}
	})
	must(t, setFeature(t.Context(), "alpha"))
	parent := newRun(newNamespace(t), "parent", func(run *tektonv1.PipelineRun) {
		run.Spec.PipelineSpec.Tasks = append(run.Spec.PipelineSpec.Tasks, tektonv1.PipelineTask{
			Name: "child", PipelineSpec: run.Spec.PipelineSpec.DeepCopy(),
		})
	})
	awaitGone(t, "the refusal of pipelines in pipelines", func(context.Context) (bool, error) {
		err := createRun(t, administrator, parent, metav1.CreateOptions{DryRun: dryRun})
		return err != nil, ignoreRefusal(err)
	})
}

func ignoreRefusal(err error) error {
	if apierrors.IsBadRequest(err) || apierrors.IsInvalid(err) {
		return nil
	}
	return err
}

// What the documentation has for an administrator who needs to get past the policy.
func TestRunPolicyIsNotInForceWithoutItsBinding(t *testing.T) {
	namespace := namespaceOfRuns(t)
	refused := func(context.Context) (bool, error) {
		err := createRun(t, administrator, newRun(namespace, "run", likeOurs), metav1.CreateOptions{DryRun: dryRun})
		if apierrors.IsForbidden(err) {
			return true, nil
		}
		return false, err
	}
	policyFile := filepath.Join(world.Root, "config", "602-pipelinerun-policy.yaml")
	bind := func(ctx context.Context) error { return world.Cluster.Apply(ctx, policyFile) }
	t.Cleanup(func() { must(t, bind(context.WithoutCancel(t.Context()))) })
	must(t, world.Kube.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Delete(t.Context(), runPolicy, metav1.DeleteOptions{}))
	awaitGone(t, "the refusal", refused)
	must(t, bind(t.Context()))
	awaitGone(t, "the permission", func(ctx context.Context) (bool, error) {
		is, err := refused(ctx)
		return !is, err
	})
}

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"strings"
	"testing"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/install"
)

// maxPendingWrites of an execution while its run cannot be created: its lock with the first failure, and what the audit
// trail and the end need. With a write for each attempt there were many more.
const maxPendingWrites = 5

// What may pass is tried again up to the pending deadline, with the target locked.
func TestRunThatCannotBeCreatedOrStarted(t *testing.T) {
	configure(t, "pending-deadline", "20s")
	image, _ := workflow{tasks: []string{"repair"}}.push(t, bundle(t))
	t.Run("a full quota that is freed", func(t *testing.T) {
		free := fillQuota(t)
		wfe := submit(t, newExecution(newNamespace(t), "api", image))
		retrying := awaitExecution(t, wfe, "a word about the quota", func(wfe *v1alpha1.WorkflowExecution) bool {
			created := wfe.Status.GetCondition(v1alpha1.ConditionPipelineRunCreated)
			return created.GetReason() == v1alpha1.ReasonRetrying && strings.Contains(created.GetMessage(), "exceeded quota")
		})
		expect(t, "lock", true, isLocked(t, retrying))
		free()
		awaitPhase(t, wfe, v1alpha1.PhaseCompleted)
	})
	t.Run("a full quota that stays", func(t *testing.T) {
		fillQuota(t)
		wfe := submit(t, newExecution(newNamespace(t), "api", image))
		writes := 0
		failed := awaitExecution(t, wfe, "a terminal phase", func(wfe *v1alpha1.WorkflowExecution) bool {
			writes++
			return wfe.Status.IsTerminal()
		})
		expectUnstarted(t, failed, v1alpha1.FailureResourceExhausted, "exceeded quota")
		if writes > maxPendingWrites {
			t.Errorf("the execution was written %d times while nothing happened, want at most %d", writes, maxPendingWrites)
		}
	})
	t.Run("a start that a policy refuses", func(t *testing.T) {
		refuseStarts(t, "unstartable")
		wfe := submit(t, newExecution(newNamespace(t), "api", image, withWorkflow("unstartable")))
		awaitExecution(t, wfe, "a word about the policy", func(wfe *v1alpha1.WorkflowExecution) bool {
			pending := wfe.Status.GetCondition(v1alpha1.ConditionPipelineRunSucceeded)
			return pending.GetReason() == v1alpha1.ReasonNotStarted && strings.Contains(pending.GetMessage(), "no starts today")
		})
		failed := awaitTerminal(t, wfe)
		expectUnstarted(t, failed, v1alpha1.FailureConfigurationError, "no starts today")
		awaitNoRun(t, failed)
	})
}

func expectUnstarted(t *testing.T, wfe *v1alpha1.WorkflowExecution, reason v1alpha1.FailureReason, words string) {
	t.Helper()
	expect(t, "phase", v1alpha1.PhaseFailed, wfe.Status.Phase)
	details := wfe.Status.FailureDetails
	expect(t, "reason", reason, details.Reason)
	expect(t, "whether anything was executed", false, details.WasExecutionFailure)
	if !strings.Contains(details.Message, words) || !strings.Contains(details.Message, "pending-deadline") {
		t.Errorf("The message does not say what was tried, and for how long: %s", details.Message)
	}
	awaitFree(t, wfe)
}

// fillQuota allows no further PipelineRun in the execution namespace, until the result is called.
func fillQuota(t *testing.T) (free func()) {
	t.Helper()
	const counted = corev1.ResourceName("count/pipelineruns.tekton.dev")
	quotas := world.Kube.CoreV1().ResourceQuotas(install.ExecutionNamespace)
	quota, err := quotas.Create(t.Context(), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "no-runs-"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{counted: resource.MustParse("0")}},
	}, metav1.CreateOptions{})
	must(t, err)
	free = func() { _ = quotas.Delete(context.WithoutCancel(t.Context()), quota.Name, metav1.DeleteOptions{}) }
	t.Cleanup(free)
	must(t, poll(t, func(ctx context.Context) (bool, error) {
		status, err := quotas.Get(ctx, quota.Name, metav1.GetOptions{})
		return err == nil && len(status.Status.Hard) > 0, err
	}))
	return free
}

// refuseStarts has the API server refuse to start the runs of one workflow, in the way of a policy: with 422.
func refuseStarts(t *testing.T, workflowID string) {
	t.Helper()
	admission := world.Kube.AdmissionregistrationV1()
	policy, err := admission.ValidatingAdmissionPolicies().Create(t.Context(), &admissionregistrationv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "no-starts-"},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionregistrationv1.MatchResources{ResourceRules: []admissionregistrationv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionregistrationv1.RuleWithOperations{
					Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Update},
					Rule: admissionregistrationv1.Rule{
						APIGroups: []string{pipeline.GroupName}, APIVersions: []string{"v1"}, Resources: []string{"pipelineruns"},
					},
				},
			}}},
			Validations: []admissionregistrationv1.Validation{{
				Expression: `object.metadata.?annotations["kubernaut.ai/workflow-id"].orValue("") != "` + workflowID + `" || has(object.spec.status)`,
				Message:    "no starts today",
			}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	binding, err := admission.ValidatingAdmissionPolicyBindings().Create(t.Context(), &admissionregistrationv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "no-starts-"},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: policy.Name, ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	ctx := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		_ = admission.ValidatingAdmissionPolicyBindings().Delete(ctx, binding.Name, metav1.DeleteOptions{})
		_ = admission.ValidatingAdmissionPolicies().Delete(ctx, policy.Name, metav1.DeleteOptions{})
	})
	awaitPolicy(t, workflowID)
}

// awaitPolicy waits until the API server goes by it: tried on a run that is never started.
func awaitPolicy(t *testing.T, workflowID string) {
	t.Helper()
	runs := world.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace)
	created, err := runs.Create(t.Context(), &tektonv1.PipelineRun{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: "policy-probe-", Annotations: map[string]string{workflowexecution.WorkflowIDAnnotation: workflowID},
		},
		Spec: tektonv1.PipelineRunSpec{
			Status:       tektonv1.PipelineRunSpecStatusPending,
			PipelineSpec: &tektonv1.PipelineSpec{Tasks: []tektonv1.PipelineTask{pipelineTask("probe")}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() { _ = runs.Delete(context.WithoutCancel(t.Context()), created.Name, metav1.DeleteOptions{}) })
	must(t, poll(t, func(ctx context.Context) (bool, error) {
		started, err := runs.Get(ctx, created.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		started.Spec.Status = ""
		_, err = runs.Update(ctx, started, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil && strings.Contains(err.Error(), "no starts today"), nil
	}))
}

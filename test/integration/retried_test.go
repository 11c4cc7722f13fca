// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"testing"
	"time"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

const (
	// webhookOutage counts from when the run was to be cancelled. By its end, tries that double their distance are so
	// far apart that the next one comes too late.
	webhookOutage = 24 * time.Second
	// promptly is how soon after it a run has to be cancelled.
	promptly = 10 * time.Second
)

// A webhook that is away when a run has to be cancelled must not leave the run to Tekton's timeout, which skips finally tasks.
func TestWebhookAwayWhenTheRunIsToBeCancelled(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		timeout time.Duration
		deleted bool
		reason  v1alpha1.FailureReason
	}{
		{name: "at the deadline", timeout: 15 * time.Second, reason: v1alpha1.FailureDeadlineExceeded},
		{name: "at the deletion", timeout: time.Hour, deleted: true, reason: v1alpha1.FailureCancelled},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			image, _ := workflow{finally: []string{"uncordon"}, simulate: map[string]string{
				cluster.ForTask(cluster.AnnotationStepDuration, "prepare"):  "5m",
				cluster.ForTask(cluster.AnnotationStepDuration, "uncordon"): "3s",
			}}.push(t, bundle(t))
			wfe := awaitPhase(t, submit(t, newExecution(newNamespace(t), "api", image, withTimeout(row.timeout))), v1alpha1.PhaseRunning)
			awaitStep(t, wfe)
			uncordoned := observeSuccess(t, wfe, "uncordon")
			back := takeWebhookAway(t, wfe)
			due := wfe.Status.StartTime.Add(row.timeout)
			if row.deleted {
				deleteExecution(t, wfe)
				due = time.Now()
			}
			outage := time.NewTimer(time.Until(due.Add(webhookOutage)))
			defer outage.Stop()
			<-outage.C
			expect(t, "status of the run's spec during the outage", "", runOf(t, wfe).Spec.Status)
			returned := back(t)

			awaitRun(func(run *tektonv1.PipelineRun) bool { return run.Spec.Status != "" })(t, wfe)
			if late := time.Since(returned); late > promptly {
				t.Errorf("The run was cancelled %s after the webhook was back, want at most %s", late, promptly)
			}
			run := runOf(t, wfe)
			expect[any](t, "status of the run's spec", tektonv1.PipelineRunSpecStatusCancelledRunFinally, string(run.Spec.Status))
			expect(t, "reason of the cancellation", string(row.reason), run.Annotations[workflowexecution.CancelReasonAnnotation])
			if !<-uncordoned {
				t.Error("The finally task did not run")
			}
		})
	}
}

// takeWebhookAway has the API server ask a webhook about updates of one run that nobody can reach, until the result is
// called, which tells when updates went through again.
func takeWebhookAway(t *testing.T, wfe *v1alpha1.WorkflowExecution) (back func(*testing.T) time.Time) {
	t.Helper()
	configurations := world.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	created, err := configurations.Create(t.Context(), &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "away-"},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name:                    "away.kubernaut.ai",
			ClientConfig:            admissionregistrationv1.WebhookClientConfig{URL: new("https://127.0.0.1:1/")},
			AdmissionReviewVersions: []string{"v1"},
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			ObjectSelector:          metav1.SetAsLabelSelector(map[string]string{workflowexecution.ExecutionUIDLabel: string(wfe.UID)}),
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Update},
				Rule: admissionregistrationv1.Rule{
					APIGroups: []string{pipeline.GroupName}, APIVersions: []string{"v1"}, Resources: []string{"pipelineruns"},
				},
			}},
		}},
	}, metav1.CreateOptions{})
	must(t, err)
	remove := func() error {
		return configurations.Delete(context.WithoutCancel(t.Context()), created.Name, metav1.DeleteOptions{})
	}
	t.Cleanup(func() { _ = remove() })
	run := runOf(t, wfe).Name
	awaitGone(t, "a webhook that answers", func(ctx context.Context) (bool, error) { return canUpdate(ctx, run), nil })
	return func(t *testing.T) time.Time {
		t.Helper()
		must(t, remove())
		awaitGone(t, "a webhook that does not answer", func(ctx context.Context) (bool, error) { return !canUpdate(ctx, run), nil })
		return time.Now()
	}
}

func canUpdate(ctx context.Context, run string) bool {
	_, err := world.Tekton.TektonV1().PipelineRuns(install.ExecutionNamespace).Patch(ctx, run, types.MergePatchType,
		[]byte(`{"metadata":{"annotations":{"test":"probe"}}}`), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
	return err == nil
}

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// claim says which lock the execution needs. It is false if the execution cannot run as written.
func (r *Reconciler) claim(ctx context.Context, wfe *v1alpha1.WorkflowExecution) (targetlock.Claim, bool, error) {
	if target := wfe.Status.Annotations[workflowexecution.CanonicalTargetAnnotation]; target != "" {
		return r.claimOf(wfe, target), true, nil
	}
	target, err := r.admit(ctx, wfe)
	claim := r.claimOf(wfe, target)
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		return claim, false, r.turnDown(ctx, wfe, claim, refused)
	}
	return claim, err == nil, err
}

func (r *Reconciler) claimOf(wfe *v1alpha1.WorkflowExecution, target string) targetlock.Claim {
	return targetlock.Claim{
		Target:       target,
		Holder:       targetlock.Holder{Namespace: wfe.Namespace, Name: wfe.Name, UID: wfe.UID},
		WorkflowID:   wfe.Spec.WorkflowRef.WorkflowID,
		RunNamespace: r.runNamespace,
	}
}

// turnDown ends an execution that may not run. Before the configuration changed it might, and a pass
// may have taken the lock and created the run, and stored neither.
func (r *Reconciler) turnDown(
	ctx context.Context, wfe *v1alpha1.WorkflowExecution, claim targetlock.Claim, refused *refusal,
) error {
	if wfe.DeletionTimestamp == nil {
		if err := r.isNew(ctx, wfe); err != nil {
			return err
		}
	}
	if claim.Target == "" {
		refuse(wfe, refused, r.clock.Now())
		return nil
	}
	return r.abandon(ctx, wfe, claim, nil, refused)
}

// refusal is an error that no retry can mend.
type refusal struct {
	reason  v1alpha1.FailureReason
	message string
}

func (r *refusal) Error() string { return r.message }

func misconfigured(format string, args ...any) error {
	return &refusal{reason: v1alpha1.FailureConfigurationError, message: fmt.Sprintf(format, args...)}
}

// admit resolves the target, and checks what the schema of the API cannot. The target comes with the
// error of a check that may have gone well before.
func (r *Reconciler) admit(ctx context.Context, wfe *v1alpha1.WorkflowExecution) (string, error) {
	if err := wfe.Validate(ctx); err != nil {
		return "", misconfigured("%s", err.Error())
	}
	target, err := v1alpha1.ParseTarget(wfe.Spec.TargetResource)
	if err != nil {
		return "", misconfigured("spec.targetResource: %s", err.Error())
	}
	canonical, err := r.targets.Canonical(target)
	if errors.Is(err, targetlock.ErrTarget) {
		return "", misconfigured("%s", err.Error())
	}
	if err != nil {
		return "", err
	}
	if err := allowed(wfe, config.FromContextOrDefaults(ctx).WorkflowExecution); err != nil {
		return canonical, misconfigured("%s", err.Error())
	}
	return canonical, nil
}

func allowed(wfe *v1alpha1.WorkflowExecution, cfg *config.WorkflowExecution) error {
	image := wfe.Spec.WorkflowRef.ContainerImage
	if !cfg.AllowsBundle(image) {
		return fmt.Errorf("spec.workflowRef.containerImage %q is not among allowed-bundles of %s: %v",
			image, config.WorkflowExecutionConfigName, cfg.AllowedBundles)
	}
	if account := resources.ServiceAccount(&wfe.Spec, cfg); !cfg.AllowsServiceAccount(account) {
		return fmt.Errorf("spec.executionConfig.serviceAccountName %q is not among allowed-service-accounts of %s: %v",
			account, config.WorkflowExecutionConfigName, cfg.AllowedServiceAccounts)
	}
	_, err := resources.MakeSettings(&wfe.Spec, cfg)
	return err
}

// refuse ends an execution of which nothing has run.
func refuse(wfe *v1alpha1.WorkflowExecution, refused *refusal, at time.Time) {
	wfe.Status.MarkRefused(withSummary(wfe, v1alpha1.FailureDetails{
		Reason: refused.reason, Message: refused.message, FailedAt: metav1.NewTime(at),
	}))
}

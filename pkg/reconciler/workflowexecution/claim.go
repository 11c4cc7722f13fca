// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"errors"
	"fmt"

	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// reconcileClaim finds out which lock the execution needs, and ends one that may not run as it is written.
func (r *Reconciler) reconcileClaim(ctx context.Context, s *state) (bool, reconciler.Event) {
	if target := s.wfe.Status.Annotations[workflowexecution.CanonicalTargetAnnotation]; target != "" {
		s.claim = r.claimOf(s.wfe, target)
		return false, nil
	}
	target, err := r.admit(ctx, s.wfe)
	s.claim = r.claimOf(s.wfe, target)
	if cause := (*failureCause)(nil); errors.As(err, &cause) {
		return true, r.endUnadmitted(ctx, s, cause)
	}
	return false, err
}

func (r *Reconciler) claimOf(wfe *v1alpha1.WorkflowExecution, target string) targetlock.Claim {
	return targetlock.Claim{
		Target:       target,
		Holder:       targetlock.Holder{Namespace: wfe.Namespace, Name: wfe.Name, UID: wfe.UID},
		WorkflowID:   wfe.Spec.WorkflowRef.WorkflowID,
		RunNamespace: r.runNamespace,
	}
}

// endUnadmitted ends an execution that may not run. Before the configuration changed it might, and a reconcile
// may have taken the lock and created the run, and stored neither.
func (r *Reconciler) endUnadmitted(ctx context.Context, s *state, cause *failureCause) error {
	if s.wfe.DeletionTimestamp == nil {
		if err := r.ensureFresh(ctx, s.wfe, hasLockOrOutcome); err != nil {
			return err
		}
	}
	if s.claim.Target == "" {
		return r.fail(ctx, s, cause)
	}
	return r.abandonUnstarted(ctx, s, cause)
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

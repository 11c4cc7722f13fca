// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package workflowexecution

import (
	"context"
	"errors"
	"fmt"
	"time"

	"knative.dev/pkg/reconciler"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/reconciler/pipelinerun/resources"
	"kubernaut.ai/workflowexecution/pkg/targetlock"
)

// reconcileClaim finds out which lock the execution needs, and ends one that may not run as it is written.
func (r *Reconciler) reconcileClaim(ctx context.Context, s *state) (bool, reconciler.Event) {
	target := s.wfe.Status.Annotations[workflowexecution.CanonicalTargetAnnotation]
	if target != "" && s.wfe.Status.GetCondition(v1alpha1.ConditionLockAcquired).IsTrue() {
		s.claim = r.claimOf(s.wfe, target)
		return false, nil
	}
	target, err := r.admit(ctx, s.wfe)
	s.claim = r.claimOf(s.wfe, target)
	if cause := (*failureCause)(nil); errors.As(err, &cause) {
		return true, r.endUnadmitted(ctx, s, cause)
	}
	if err != nil {
		return true, r.awaitDiscovery(ctx, s, err)
	}
	return false, nil
}

// discoveryInterval is the time between two questions to the API server that no watch replaces.
const discoveryInterval = 5 * time.Second

// awaitDiscovery has an execution looked at again whose target is undecided, up to the pending deadline. One that was
// deleted does not wait: a lock that it may have is freed like that of every dead holder.
func (r *Reconciler) awaitDiscovery(ctx context.Context, s *state, undecided error) reconciler.Event {
	s.wfe.Status.MarkTargetUndecided(undecided.Error())
	condition := s.wfe.Status.GetCondition(v1alpha1.ConditionLockAcquired)
	deadline := config.FromContextOrDefaults(ctx).WorkflowExecution.PendingDeadline
	remaining := deadline - r.clock.Since(condition.LastTransitionTime.Inner.Time)
	switch {
	case s.wfe.DeletionTimestamp != nil:
		return r.fail(ctx, s, &failureCause{reason: v1alpha1.FailureCancelled, message: cancelledMessage})
	case remaining <= 0:
		return r.endUnadmitted(ctx, s, misconfigured("%s; that was so for %s", condition.Message, deadline))
	}
	return r.after(min(remaining, discoveryInterval))
}

func (r *Reconciler) claimOf(wfe *v1alpha1.WorkflowExecution, target string) targetlock.Claim {
	return targetlock.Claim{
		Target:       target,
		Holder:       targetlock.Holder{Namespace: wfe.Namespace, Name: wfe.Name, UID: wfe.UID},
		WorkflowID:   wfe.Spec.WorkflowRef.WorkflowID,
		RunNamespace: r.refOf(wfe).Namespace,
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
	if err := r.locateRun(ctx, s); err != nil {
		return err
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

// readmit checks right before its run is created what an execution was admitted for: the status, which says that it
// was, may have been written by somebody else, and the configuration may allow less by now.
func (r *Reconciler) readmit(ctx context.Context, s *state) error {
	target, err := r.admit(ctx, s.wfe)
	if err == nil && target != s.claim.Target {
		cause := misconfigured("spec.targetResource %q is %s, and status.annotations say that %s was locked for it; create a new execution",
			s.wfe.Spec.TargetResource, target, s.claim.Target)
		cause.isForgotten = true
		return cause
	}
	return err
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

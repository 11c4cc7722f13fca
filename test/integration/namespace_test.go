// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

const (
	controllersRole = "workflowexecution-controller"
	runnersAccount  = "kubernaut-workflow-runner"
)

// Runs that are in flight when the execution namespace is configured anew are followed to their end where they are,
// and those of dead holders are ended there.
func TestExecutionNamespaceConfiguredAnew(t *testing.T) {
	slow, _ := workflow{simulate: map[string]string{cluster.AnnotationStepDuration: "20s"}}.push(t, bundle(t, "slow"))
	endless, _ := workflow{finally: []string{"uncordon"}, simulate: map[string]string{
		cluster.ForTask(cluster.AnnotationStepDuration, "prepare"): "10m",
	}}.push(t, bundle(t, "endless"))
	quick, _ := workflow{tasks: []string{"repair"}}.push(t, bundle(t, "quick"))
	namespace := newNamespace(t)
	inFlight := map[string]*v1alpha1.WorkflowExecution{}
	for _, wfe := range []*v1alpha1.WorkflowExecution{
		newExecution(namespace, "ends", slow),
		newExecution(namespace, "late", endless, withTimeout(45*time.Second)),
		newExecution(namespace, "deleted", endless),
		newExecution(namespace, "dead", endless),
	} {
		inFlight[wfe.Name] = awaitPhase(t, submit(t, wfe), v1alpha1.PhaseRunning)
	}
	for _, wfe := range inFlight {
		awaitStep(t, wfe)
	}

	anew := newNamespace(t)
	prepareExecutionNamespace(t, anew)
	giveBack := takeRights(t)
	replace(t, 1, install.Alone, "--execution-namespace="+anew)
	// Before the replica is replaced again, which has to become ready.
	t.Cleanup(giveBack)
	awaitExecution(t, inFlight["ends"], "a word about missing rights", func(wfe *v1alpha1.WorkflowExecution) bool {
		condition := wfe.Status.GetCondition(v1alpha1.ConditionPipelineRunSucceeded)
		return condition.GetReason() == v1alpha1.ReasonUnreachable && strings.Contains(condition.GetMessage(), "namespace "+install.ExecutionNamespace)
	})
	giveBack()

	deleteExecution(t, inFlight["deleted"])
	removeWithoutFinalizer(t, inFlight["dead"])
	expect(t, "outcome", "repair Completed", outcome(awaitTerminal(t, inFlight["ends"])))
	late := awaitTerminal(t, inFlight["late"])
	expect(t, "outcome", "repair Failed DeadlineExceeded", outcome(late))
	awaitNoExecution(t, inFlight["deleted"])
	for name, wfe := range inFlight {
		awaitFree(t, wfe)
		next := awaitTerminal(t, submit(t, newExecution(namespace, name+"-next", quick,
			withTarget(wfe.Spec.TargetResource), withWorkflow("other"))))
		expect(t, "outcome of the next one", "other Completed", outcome(next))
		expect(t, "namespace of its run", anew, next.Status.PipelineRunRef.Namespace)
	}
}

// prepareExecutionNamespace gives a namespace what config/ gives the shipped one.
func prepareExecutionNamespace(t *testing.T, namespace string) {
	t.Helper()
	role, err := world.Kube.RbacV1().Roles(install.ExecutionNamespace).Get(t.Context(), controllersRole, metav1.GetOptions{})
	must(t, err)
	binding, err := world.Kube.RbacV1().RoleBindings(install.ExecutionNamespace).Get(t.Context(), controllersRole, metav1.GetOptions{})
	must(t, err)
	_, err = world.Kube.RbacV1().Roles(namespace).Create(t.Context(),
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: role.Name}, Rules: role.Rules}, metav1.CreateOptions{})
	must(t, err)
	bind(t, namespace, binding)
	_, err = world.Kube.CoreV1().ServiceAccounts(namespace).Create(t.Context(),
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: runnersAccount}}, metav1.CreateOptions{})
	must(t, err)
}

func bind(t *testing.T, namespace string, binding *rbacv1.RoleBinding) {
	t.Helper()
	_, err := world.Kube.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: binding.Name, Labels: binding.Labels}, RoleRef: binding.RoleRef, Subjects: binding.Subjects,
	}, metav1.CreateOptions{})
	must(t, err)
}

// takeRights takes the rights in the shipped execution namespace from the controller, until the result is called.
func takeRights(t *testing.T) (giveBack func()) {
	t.Helper()
	bindings := world.Kube.RbacV1().RoleBindings(install.ExecutionNamespace)
	binding, err := bindings.Get(t.Context(), controllersRole, metav1.GetOptions{})
	must(t, err)
	must(t, bindings.Delete(t.Context(), controllersRole, metav1.DeleteOptions{}))
	taken := true
	giveBack = func() {
		if taken {
			taken = false
			bind(t, install.ExecutionNamespace, binding)
		}
	}
	t.Cleanup(giveBack)
	return giveBack
}

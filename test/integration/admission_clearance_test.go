// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

// blockingExecution has failed, and waits for a person.
func blockingExecution(t *testing.T, namespace, name string) *v1alpha1.WorkflowExecution {
	t.Helper()
	wfe := submit(t, newExecution(namespace, name, anyImage, withTarget(namespace+"/kindthatisnot/"+name)))
	awaitPhase(t, wfe, v1alpha1.PhaseFailed)
	// The controller is to have nothing left to write.
	awaitExecution(t, wfe, "a complete audit trail", isAudited)
	blocking, err := writeStatus(t, world.Executions, wfe, func(status *v1alpha1.WorkflowExecutionStatus) {
		status.FailureDetails.RequiresManualReview = true
	})
	must(t, err)
	return blocking
}

// writeStatus writes all of the status, in a race with the controller until it wins.
func writeStatus(
	t *testing.T, as versioned.Interface, wfe *v1alpha1.WorkflowExecution, change func(*v1alpha1.WorkflowExecutionStatus),
) (written *v1alpha1.WorkflowExecution, err error) {
	t.Helper()
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		now := stored(t, wfe)
		change(&now.Status)
		written, err = as.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).UpdateStatus(t.Context(), now, metav1.UpdateOptions{})
		return err
	})
	return written, err
}

// operator has the rights that the documentation gives to one, in the namespace.
func operator(t *testing.T, namespace, user string) versioned.Interface {
	t.Helper()
	_, err := world.Kube.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"kubernaut.ai"}, Resources: []string{"workflowexecutions"}, Verbs: []string{"get"}},
			{APIGroups: []string{"kubernaut.ai"}, Resources: []string{"workflowexecutions/status"}, Verbs: []string{"get", "patch"}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	_, err = world.Kube.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects: []rbacv1.Subject{
			{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user},
			{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: user},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	return clientOf(t, user)
}

func clientOf(t *testing.T, user string) versioned.Interface {
	t.Helper()
	cfg := rest.CopyConfig(world.Cluster.Config())
	cfg.Impersonate.UserName = user
	client, err := versioned.NewForConfig(cfg)
	must(t, err)
	return client
}

func patchStatus(
	t *testing.T, client versioned.Interface, wfe *v1alpha1.WorkflowExecution, status map[string]any, options metav1.PatchOptions,
) (*v1alpha1.WorkflowExecution, error) {
	t.Helper()
	patch, err := json.Marshal(map[string]any{"status": status})
	must(t, err)
	return client.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).
		Patch(t.Context(), wfe.Name, types.MergePatchType, patch, options, "status")
}

func asking(reason string) map[string]any {
	return map[string]any{"blockClearanceRequest": map[string]any{"reason": reason}}
}

func clearanceBy(user string) map[string]any {
	return map[string]any{"blockClearance": map[string]any{
		"clearedAt": "2026-01-02T03:04:05Z", "clearedBy": user, "clearReason": "made up", "clearMethod": "StatusPatch",
	}}
}

func stored(t *testing.T, wfe *v1alpha1.WorkflowExecution) *v1alpha1.WorkflowExecution {
	t.Helper()
	now, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Get(t.Context(), wfe.Name, metav1.GetOptions{})
	must(t, err)
	return now
}

// expectCleared wants the clearance, and nothing else to differ from before. It is for the answer to
// the request: what is stored the controller may have gone on with.
func expectCleared(t *testing.T, before, after *v1alpha1.WorkflowExecution, by, reason string, since time.Time) {
	t.Helper()
	clearance := after.Status.BlockClearance
	if clearance == nil {
		t.Fatal("there is no clearance")
	}
	if at := clearance.ClearedAt; at.Before(&metav1.Time{Time: since.Truncate(time.Second)}) || at.After(time.Now()) {
		t.Errorf("cleared at %s, which is not now", at)
	}
	want := before.Status.DeepCopy()
	want.BlockClearance = &v1alpha1.BlockClearance{
		ClearedAt: clearance.ClearedAt, ClearedBy: by, ClearReason: reason, ClearMethod: v1alpha1.ClearMethodStatusPatch,
	}
	expect(t, "status", *want, after.Status)
}

func TestRequestBecomesAClearanceInTheUsersName(t *testing.T) {
	t.Parallel()
	namespace, began := newNamespace(t), time.Now()
	alice := operator(t, namespace, "alice")
	blocking := blockingExecution(t, namespace, "api")

	tried, err := patchStatus(t, alice, blocking, asking("the pods are healthy"), metav1.PatchOptions{DryRun: dryRun})
	must(t, err)
	expectCleared(t, blocking, tried, "alice", "the pods are healthy", began)
	expect(t, "what a dry run leaves", blocking.Status, stored(t, blocking).Status)

	cleared, err := patchStatus(t, alice, blocking, asking("the pods are healthy"), metav1.PatchOptions{})
	must(t, err)
	expectCleared(t, blocking, cleared, "alice", "the pods are healthy", began)
	expect(t, "what is stored", cleared.Status.BlockClearance, stored(t, blocking).Status.BlockClearance)

	for _, again := range []map[string]any{asking("once more"), {"blockClearance": nil}, clearanceBy("alice")} {
		_, err = patchStatus(t, alice, blocking, again, metav1.PatchOptions{})
		expectRefusal(t, err, "status.blockClearance")
	}
	_, err = patchStatus(t, alice, blocking, asking("once more"), metav1.PatchOptions{})
	expectRefusal(t, err, "there is nothing to clear: alice cleared it at")
	expect(t, "what is stored", cleared.Status.BlockClearance, stored(t, blocking).Status.BlockClearance)
}

func TestServiceAccountsClearInTheirName(t *testing.T) {
	t.Parallel()
	namespace, began := newNamespace(t), time.Now()
	_, err := world.Kube.CoreV1().ServiceAccounts(namespace).Create(t.Context(), &corev1.ServiceAccount{
		ObjectMeta: metav1.ObjectMeta{Name: "night-watch"},
	}, metav1.CreateOptions{})
	must(t, err)
	operator(t, namespace, "night-watch")
	cfg, err := world.Cluster.ServiceAccountConfig(t.Context(), namespace, "night-watch")
	must(t, err)
	client, err := versioned.NewForConfig(cfg)
	must(t, err)
	blocking := blockingExecution(t, namespace, "api")
	cleared, err := patchStatus(t, client, blocking, asking("seen"), metav1.PatchOptions{})
	must(t, err)
	expectCleared(t, blocking, cleared, "system:serviceaccount:"+namespace+":night-watch", "seen", began)
}

// The command is the one of the documentation.
func TestBlockIsClearedWithKubectl(t *testing.T) {
	t.Parallel()
	namespace, began := newNamespace(t), time.Now()
	operator(t, namespace, "alice")
	blocking := blockingExecution(t, namespace, "api")
	kubectl := exec.CommandContext(t.Context(), world.Cluster.Program("kubectl"), "--kubeconfig", world.Cluster.Kubeconfig(), "--as=alice",
		"patch", "wfe", "api", "-n", namespace, "--subresource=status", "--type=merge",
		"-p", `{"status":{"blockClearanceRequest":{"reason":"pods are healthy, see ticket 4711"}}}`)
	if output, err := kubectl.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	clearance := stored(t, blocking).Status.BlockClearance
	if clearance == nil || clearance.ClearedAt.Before(&metav1.Time{Time: began.Truncate(time.Second)}) {
		t.Fatalf("clearance = %+v", clearance)
	}
	expect(t, "cleared by", "alice", clearance.ClearedBy)
	expect(t, "reason", "pods are healthy, see ticket 4711", clearance.ClearReason)
}

func TestClearanceIsRefused(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	alice := operator(t, namespace, "alice")
	blocking := blockingExecution(t, namespace, "api")
	image, _ := workflow{simulate: map[string]string{cluster.AnnotationStepDuration: "60s"}}.push(t, bundle(t))
	running := submit(t, newExecution(namespace, "running", image))
	awaitPhase(t, running, v1alpha1.PhaseRunning)
	quick, _ := workflow{}.push(t, strings.Replace(bundle(t), ":v1", ":quick", 1))
	completed := submit(t, newExecution(namespace, "completed", quick))
	awaitPhase(t, completed, v1alpha1.PhaseCompleted)
	harmless := submit(t, newExecution(namespace, "harmless", anyImage, withTarget(namespace+"/kindthatisnot/harmless")))
	awaitPhase(t, harmless, v1alpha1.PhaseFailed)

	with := asking("seen")
	with["consecutiveFailures"] = 7
	both := clearanceBy("alice")
	both["blockClearanceRequest"] = map[string]any{"reason": "seen"}
	for name, row := range map[string]struct {
		of     *v1alpha1.WorkflowExecution
		status map[string]any
		words  []string
	}{
		"no reason":           {blocking, asking(""), []string{`status.blockClearanceRequest.reason`, `""`, "must say why the block may be lifted"}},
		"blanks":              {blocking, asking(" \n\t"), []string{"status.blockClearanceRequest.reason", "must say why the block may be lifted"}},
		"endless reason":      {blocking, asking(strings.Repeat("x", 4097)), []string{"status.blockClearanceRequest.reason", "must be at most 4096 characters"}},
		"by hand":             {blocking, clearanceBy("alice"), []string{"status.blockClearance", "made up", "set blockClearanceRequest {reason}"}},
		"in another's name":   {blocking, clearanceBy("bob"), []string{"status.blockClearance", "bob", "set blockClearanceRequest {reason}"}},
		"by hand and asked":   {blocking, both, []string{"status.blockClearance", "set blockClearanceRequest {reason}"}},
		"with another change": {blocking, with, []string{"status", "no other field of the status may change"}},
		"running":             {running, asking("seen"), []string{"there is nothing to clear", `"Running"`, "only one that is Failed"}},
		"completed":           {completed, asking("seen"), []string{"there is nothing to clear", `"Completed"`, "only one that is Failed"}},
		"no review needed":    {harmless, asking("seen"), []string{"there is nothing to clear", "requiresManualReview is not true"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := stored(t, row.of).Status.BlockClearance
			_, err := patchStatus(t, alice, row.of, row.status, metav1.PatchOptions{})
			expectRefusal(t, err, append(row.words, "clearance.webhook.kubernaut.ai")...)
			after := stored(t, row.of).Status
			expect(t, "clearance", before, after.BlockClearance)
			if after.BlockClearanceRequest != nil {
				t.Error("the request was stored")
			}
		})
	}
	must(t, world.Executions.KubernautV1alpha1().WorkflowExecutions(namespace).Delete(t.Context(), running.Name, metav1.DeleteOptions{}))
}

// Without rights on the status nobody gets as far as the webhook.
func TestClearingNeedsTheRightToWriteTheStatus(t *testing.T) {
	t.Parallel()
	blocking := blockingExecution(t, newNamespace(t), "api")
	_, err := patchStatus(t, clientOf(t, "mallory"), blocking, asking("seen"), metav1.PatchOptions{})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "mallory") {
		t.Errorf("expected that mallory may not, got: %v", err)
	}
}

// The webhook is not asked about what the controller writes. The API server is.
func TestTheControllerForgesNoClearance(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	cfg, err := world.Cluster.ServiceAccountConfig(t.Context(), install.SystemNamespace, "workflowexecution-controller")
	must(t, err)
	controller, err := versioned.NewForConfig(cfg)
	must(t, err)
	blocking := blockingExecution(t, namespace, "api")
	_, err = patchStatus(t, controller, blocking, clearanceBy("alice"), metav1.PatchOptions{})
	expectRefusal(t, err, "workflowexecution-clearance", `status.blockClearance.clearedBy: "alice"`, "must be the user who makes the request")

	// A write of the whole status from before the clearance, as after a conflict, does not take it away.
	cleared, err := patchStatus(t, operator(t, namespace, "alice"), blocking, asking("seen"), metav1.PatchOptions{})
	must(t, err)
	_, err = writeStatus(t, controller, blocking, func(status *v1alpha1.WorkflowExecutionStatus) { *status = blocking.Status })
	expectRefusal(t, err, "a block clearance never changes")
	_, err = writeStatus(t, controller, blocking, func(status *v1alpha1.WorkflowExecutionStatus) { status.ConsecutiveFailures = 3 })
	must(t, err)
	expect(t, "clearance", cleared.Status.BlockClearance, stored(t, blocking).Status.BlockClearance)
}

// Whoever removes the webhook can clear by hand, but in the own name only.
func TestWithoutTheWebhookNobodyClearsInAnothersName(t *testing.T) {
	namespace := newNamespace(t)
	alice := operator(t, namespace, "alice")
	blocking := blockingExecution(t, namespace, "api")
	stopWebhook(t)
	for _, status := range []map[string]any{asking("seen"), clearanceBy("alice"), clearanceBy("bob")} {
		_, err := patchStatus(t, alice, blocking, status, metav1.PatchOptions{})
		expectOutage(t, err, "clearance.webhook.kubernaut.ai")
	}
	// Who leaves clearances alone needs no webhook.
	_, err := patchStatus(t, alice, blocking, map[string]any{"consecutiveFailures": 2}, metav1.PatchOptions{})
	must(t, err)

	unregisterWebhook(t)
	_, err = patchStatus(t, alice, blocking, clearanceBy("bob"), metav1.PatchOptions{})
	expectRefusal(t, err, "workflowexecution-clearance", `"bob" must be the user who makes the request, "alice"`)
	_, err = patchStatus(t, alice, blocking, clearanceBy("alice"), metav1.PatchOptions{})
	must(t, err)
}

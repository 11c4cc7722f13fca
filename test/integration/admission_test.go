// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution"
	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
	"kubernaut.ai/workflowexecution/pkg/client/clientset/versioned"
	"kubernaut.ai/workflowexecution/pkg/webhook"
	"kubernaut.ai/workflowexecution/test/cluster"
	"kubernaut.ai/workflowexecution/test/install"
)

const anyImage = "example.com/workflows/any:v1"

var dryRun = []string{metav1.DryRunAll}

// expectRefusal wants an error that is no outage and says all the words.
func expectRefusal(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Error("accepted")
		return
	}
	if !apierrors.IsBadRequest(err) && !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) {
		t.Errorf("expected a refusal, got: %v", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the message does not say %q: %s", word, shortened(err))
		}
	}
}

func TestAdmittedExecutionsHaveTheFinalizer(t *testing.T) {
	t.Parallel()
	client := world.Executions.KubernautV1alpha1().WorkflowExecutions(newNamespace(t))
	wfe := newExecution("", "api", anyImage, withTarget("default/deployment/api"))
	tried, err := client.Create(t.Context(), wfe, metav1.CreateOptions{DryRun: dryRun})
	must(t, err)
	expect(t, "finalizers", []string{workflowexecution.FinalizerName}, tried.Finalizers)
	expect(t, "spec", wfe.Spec, tried.Spec)
	if _, err := client.Get(t.Context(), wfe.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("a dry run left something behind: %v", err)
	}

	wfe.Finalizers = []string{"example.com/mine"}
	tried, err = client.Create(t.Context(), wfe, metav1.CreateOptions{DryRun: dryRun})
	must(t, err)
	expect(t, "finalizers", []string{"example.com/mine", workflowexecution.FinalizerName}, tried.Finalizers)
}

// Whoever submits an execution reads what the API server warns of, and there is nothing to warn of.
func TestSubmittersAreNotWarned(t *testing.T) {
	t.Parallel()
	cfg, warnings := world.Cluster.Config(), &warnings{}
	cfg.WarningHandler = warnings
	client, err := versioned.NewForConfig(cfg)
	must(t, err)
	wfe := newExecution(newNamespace(t), "api", anyImage)
	_, err = client.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Create(t.Context(), wfe, metav1.CreateOptions{})
	must(t, err)
	expect(t, "warnings", nil, warnings.texts)

	wfe.Name, wfe.Finalizers = "other", []string{"without-a-path"}
	_, err = client.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Create(t.Context(), wfe, metav1.CreateOptions{DryRun: dryRun})
	must(t, err)
	if len(warnings.texts) == 0 {
		t.Error("no warning is seen where the API server warns")
	}
}

// warnings of the API server.
type warnings struct{ texts []string }

// HandleWarningHeader implements rest.WarningHandler.
func (w *warnings) HandleWarningHeader(_ int, _, text string) {
	w.texts = append(w.texts, text)
}

func TestReferencesToResultsAreRefused(t *testing.T) {
	t.Parallel()
	wfe := newExecution(newNamespace(t), "api", anyImage, withParameters(map[string]string{"REPORT": "x $(tasks.look.results.report)"}))
	_, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Create(t.Context(), wfe, metav1.CreateOptions{})
	expectRefusal(t, err, "validation.webhook.kubernaut.ai", "spec.parameters[REPORT]", "$(tasks.look.results.report)", "Tekton refuses references to task results")
}

func TestEverythingThatIsWrongIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	wfe := newExecution(newNamespace(t), "api", "example.com/A", withParameters(map[string]string{"REPORT": "$(tasks.a.results.b)"}))
	_, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace).Create(t.Context(), wfe, metav1.CreateOptions{})
	expectRefusal(t, err, "spec.parameters[REPORT]", "spec.workflowRef.containerImage", "example.com/A")
}

func TestSpecNeverChanges(t *testing.T) {
	t.Parallel()
	wfe := submit(t, newExecution(newNamespace(t), "api", anyImage))
	client := world.Executions.KubernautV1alpha1().WorkflowExecutions(wfe.Namespace)
	_, err := client.Patch(t.Context(), wfe.Name, types.MergePatchType, []byte(`{"spec":{"rationale":"another"}}`), metav1.PatchOptions{})
	expectRefusal(t, err, "spec", "is immutable once created; create a new WorkflowExecution instead")
	patched, err := client.Patch(t.Context(), wfe.Name, types.MergePatchType, []byte(`{"metadata":{"labels":{"seen":"true"}}}`), metav1.PatchOptions{})
	must(t, err)
	expect(t, "spec", wfe.Spec, patched.Spec)
}

func TestInvalidConfigMapsAreRefused(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ configMap, key, value, rule string }{
		"ours":           {"config-workflowexecution", "cooldown-period", "soon", "want a duration such as 90s, 5m or 1h30m"},
		"unknown key":    {"config-workflowexecution", "coolddown-period", "5m", "want one of allowed-bundles"},
		"logging":        {"config-logging", "loglevel.workflowexecution", "loud", "want debug, info, warn"},
		"logger":         {"config-logging", "zap-logger-config", "level: info", "want the configuration of a zap logger as JSON"},
		"observability":  {"config-observability", "profiling.enable", "perhaps", "want true or false"},
		"backend":        {"config-observability", "metrics.backend-destination", "stdout", "want one of prometheus, opencensus, none"},
		"elections":      {"config-leader-election", "lease-duration", "15", "want a duration such as 90s, 5m or 1h30m"},
		"edited example": {"config-workflowexecution", "_example", "default-timeout: 1h", "copy the line out of it, directly below data"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stored, err := world.Kube.CoreV1().ConfigMaps(install.SystemNamespace).Get(t.Context(), row.configMap, metav1.GetOptions{})
			must(t, err)
			_, err = world.Kube.CoreV1().ConfigMaps(stored.Namespace).Update(t.Context(), stored, metav1.UpdateOptions{DryRun: dryRun})
			must(t, err)
			if stored.Data == nil {
				stored.Data = map[string]string{}
			}
			stored.Data[row.key] = row.value
			_, err = world.Kube.CoreV1().ConfigMaps(stored.Namespace).Update(t.Context(), stored, metav1.UpdateOptions{DryRun: dryRun})
			words := []string{"configmaps.webhook.kubernaut.ai", row.configMap, row.key, row.rule}
			if row.key != "_example" {
				words = append(words, row.value)
			}
			expectRefusal(t, err, words...)
		})
	}
}

func TestConfigMapsOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	elsewhere := newNamespace(t)
	for _, name := range []string{"config-workflowexecution", "config-logging", "config-observability", "config-leader-election"} {
		_, err := world.Kube.CoreV1().ConfigMaps(elsewhere).Create(t.Context(), &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Data:       map[string]string{"loglevel.x": "loud", "profiling.enable": "perhaps", "lease-duration": "never", "other": "x"},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Errorf("%s of another namespace was refused: %v", name, err)
		}
	}
}

func TestRightsOfTheWebhookEndAtItsOwn(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		attributes authorizationv1.ResourceAttributes
		want       bool
	}{
		"its certificates": {authorizationv1.ResourceAttributes{Verb: "get", Resource: "secrets", Name: webhook.SecretName}, true},
		"other secrets":    {authorizationv1.ResourceAttributes{Verb: "get", Resource: "secrets", Name: "audit-database"}, false},
		"all secrets":      {authorizationv1.ResourceAttributes{Verb: "list", Resource: "secrets"}, false},
		"a lock":           {authorizationv1.ResourceAttributes{Verb: "update", Group: "coordination.k8s.io", Resource: "leases", Name: "target-1"}, false},
		"executions":       {authorizationv1.ResourceAttributes{Verb: "get", Group: "kubernaut.ai", Resource: "workflowexecutions", Name: "api"}, false},
		"its configuration": {authorizationv1.ResourceAttributes{
			Verb: "update", Group: "admissionregistration.k8s.io", Resource: "mutatingwebhookconfigurations", Name: webhook.ConfigurationName,
		}, true},
		"Tekton's configuration": {authorizationv1.ResourceAttributes{
			Verb: "update", Group: "admissionregistration.k8s.io", Resource: "mutatingwebhookconfigurations", Name: "webhook.pipeline.tekton.dev",
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row.attributes.Namespace = install.SystemNamespace
			review, err := world.Kube.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
				Spec: authorizationv1.SubjectAccessReviewSpec{
					User:               "system:serviceaccount:" + install.SystemNamespace + ":workflowexecution-webhook",
					ResourceAttributes: &row.attributes,
				},
			}, metav1.CreateOptions{})
			must(t, err)
			expect(t, "allowed", row.want, review.Status.Allowed)
		})
	}
}

func TestWebhookThatCannotWorkSaysSoInOneLine(t *testing.T) {
	t.Parallel()
	for path, words := range map[string]string{
		"/apis/kubernaut.ai/v1alpha1": "is the WorkflowExecution CRD installed?",
		"/api/v1/namespaces/" + install.SystemNamespace + "/secrets/" + webhook.SecretName: "is the Secret for the certificates installed",
	} {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			program := exec.CommandContext(t.Context(), world.Webhook.Path(), "-server="+serverWithout(t, path))
			program.Env = append(os.Environ(), "SYSTEM_NAMESPACE="+install.SystemNamespace, "KUBECONFIG=")
			expectOneLine(t, program, words)
		})
	}
}

// While no webhook runs nothing new is admitted, and what was admitted goes on.
func TestWebhookIsDown(t *testing.T) {
	image, _ := workflow{simulate: map[string]string{cluster.AnnotationStepDuration: "3s"}}.push(t, bundle(t))
	namespace := newNamespace(t)
	running := submit(t, newExecution(namespace, "running", image))
	awaitPhase(t, running, v1alpha1.PhaseRunning)
	stopWebhook(t)

	executions := world.Executions.KubernautV1alpha1().WorkflowExecutions(namespace)
	_, err := executions.Create(t.Context(), newExecution(namespace, "late", image), metav1.CreateOptions{})
	expectOutage(t, err, "defaulting.webhook.kubernaut.ai")
	_, err = world.Kube.CoreV1().ConfigMaps(install.SystemNamespace).Patch(t.Context(), "config-workflowexecution", types.MergePatchType,
		[]byte(`{"data":{"cooldown-period":"5m"}}`), metav1.PatchOptions{DryRun: dryRun})
	expectOutage(t, err, "configmaps.webhook.kubernaut.ai")
	_, err = world.Kube.CoreV1().ConfigMaps(install.SystemNamespace).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "not-ours"},
	}, metav1.CreateOptions{DryRun: dryRun})
	must(t, err)

	awaitPhase(t, running, v1alpha1.PhaseCompleted)
	must(t, executions.Delete(t.Context(), running.Name, metav1.DeleteOptions{}))
	awaitGone(t, "the deleted execution", func(ctx context.Context) (bool, error) {
		_, err := executions.Get(ctx, running.Name, metav1.GetOptions{})
		return err == nil, ignoreNotFound(err)
	})

	startWebhook(t)
	submit(t, newExecution(namespace, "late", image))
}

// Where the webhook is not installed, what it would refuse fails in the controller, and nothing runs.
func TestWebhookIsNotInstalled(t *testing.T) {
	image, _ := workflow{}.push(t, bundle(t))
	stopWebhook(t)
	unregisterWebhook(t)
	wfe := submit(t, newExecution(newNamespace(t), "api", image, withParameters(map[string]string{"X": "$(tasks.prepare.results.y)"})))
	failed := awaitPhase(t, wfe, v1alpha1.PhaseFailed)
	failure := failed.Status.FailureDetails
	expect(t, "reason", v1alpha1.FailureConfigurationError, failure.Reason)
	expect(t, "executed", false, failure.WasExecutionFailure)
	if !strings.Contains(failure.Message, "spec.parameters[X]") {
		t.Errorf("the message does not name the field: %s", failure.Message)
	}
	expect(t, "finalizers", []string{workflowexecution.FinalizerName}, failed.Finalizers)
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func expectOutage(t *testing.T, err error, hook string) {
	t.Helper()
	if !apierrors.IsInternalError(err) || !strings.Contains(err.Error(), `failed calling webhook "`+hook+`"`) {
		t.Errorf("expected that the API server misses %s, got: %v", hook, err)
	}
}

// stopWebhook leaves the webhook as it found it at the end of the test.
func stopWebhook(t *testing.T) {
	t.Helper()
	must(t, world.Admission.Kill())
	t.Cleanup(func() {
		if !world.Admission.Running() {
			startWebhook(t)
		}
	})
}

// unregisterWebhook returns when the API server asks no webhook any more.
func unregisterWebhook(t *testing.T) {
	t.Helper()
	must(t, world.Webhook.Unregister(t.Context()))
	probe := newExecution(metav1.NamespaceDefault, "probe", anyImage)
	awaitGone(t, "the webhook", func(ctx context.Context) (bool, error) {
		_, err := world.Executions.KubernautV1alpha1().WorkflowExecutions(probe.Namespace).Create(ctx, probe, metav1.CreateOptions{DryRun: dryRun})
		if apierrors.IsInternalError(err) {
			return true, nil
		}
		return false, err
	})
}

func startWebhook(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	process, err := world.Webhook.Start(ctx, install.Alone)
	must(t, err)
	world.Admission = process
}

// A certificate that was lost is made anew, and the API server learns of it.
func TestLostCertificateIsReplaced(t *testing.T) {
	secrets := world.Kube.CoreV1().Secrets(install.SystemNamespace)
	before, err := secrets.Get(t.Context(), webhook.SecretName, metav1.GetOptions{})
	must(t, err)
	emptied := before.DeepCopy()
	emptied.Data = nil
	_, err = secrets.Update(t.Context(), emptied, metav1.UpdateOptions{})
	must(t, err)
	awaitGone(t, "the lost certificate", func(ctx context.Context) (bool, error) {
		now, err := secrets.Get(ctx, webhook.SecretName, metav1.GetOptions{})
		return err == nil && len(now.Data) < len(before.Data), err
	})
	awaitGone(t, "the CA of the lost certificate", func(ctx context.Context) (bool, error) {
		return knowsCA(ctx, before.Data["ca-cert.pem"])
	})
	must(t, world.Webhook.AwaitAdmission(t.Context()))
}

func knowsCA(ctx context.Context, ca []byte) (bool, error) {
	admission := world.Kube.AdmissionregistrationV1()
	mutating, err := admission.MutatingWebhookConfigurations().Get(ctx, webhook.ConfigurationName, metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	validating, err := admission.ValidatingWebhookConfigurations().Get(ctx, webhook.ConfigurationName, metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	for _, hook := range mutating.Webhooks {
		if slices.Equal(hook.ClientConfig.CABundle, ca) {
			return true, nil
		}
	}
	for _, hook := range validating.Webhooks {
		if slices.Equal(hook.ClientConfig.CABundle, ca) {
			return true, nil
		}
	}
	return false, nil
}

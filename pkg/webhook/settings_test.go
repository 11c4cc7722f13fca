// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"knative.dev/pkg/configmap"
	logtesting "knative.dev/pkg/logging/testing"
	knativewebhook "knative.dev/pkg/webhook"
)

// watcher tells its observers what it is told to, and of the default if there is nothing else.
type watcher map[string]configmap.Observer

func (w watcher) Watch(name string, observers ...configmap.Observer) { w[name] = observers[0] }

func (w watcher) WatchWithDefault(cm corev1.ConfigMap, observers ...configmap.Observer) {
	w.Watch(cm.Name, observers...)
	w.say(&cm)
}

func (watcher) Start(<-chan struct{}) error { return nil }

func (w watcher) say(cm *corev1.ConfigMap) { w[cm.Name](cm) }

// maximum is a ConfigMap that says so.
func maximum(value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "config-workflowexecution"}, Data: map[string]string{"max-timeout": value, "default-timeout": "1m"},
	}
}

func validationWith(t *testing.T) (watcher, knativewebhook.AdmissionController) {
	t.Helper()
	t.Setenv("SYSTEM_NAMESPACE", "kubernaut-system")
	w := watcher{}
	for _, admission := range Admissions(logtesting.TestContextWithLogger(t), w) {
		if v, ok := admission.(*validation); ok {
			return w, v
		}
	}
	t.Fatal("nothing validates executions")
	return nil, nil
}

// withTimeout is an execution that asks for so much time.
func withTimeout(timeout string) []byte {
	return []byte(strings.Replace(execution("example.com/repair:v1"), `"targetResource"`, `"executionConfig":{"timeout":"`+timeout+`"},"targetResource"`, 1))
}

func admit(t *testing.T, v knativewebhook.AdmissionController, operation admissionv1.Operation, object []byte) *admissionv1.AdmissionResponse {
	t.Helper()
	return v.Admit(t.Context(), &admissionv1.AdmissionRequest{
		Namespace: "payment", Operation: operation, Resource: metav1.GroupVersionResource{Resource: "workflowexecutions"},
		UserInfo: authenticationv1.UserInfo{Username: "alice"},
		Object:   runtime.RawExtension{Raw: object}, OldObject: runtime.RawExtension{Raw: object},
	})
}

func TestTimeoutOverTheMaximumIsRefused(t *testing.T) {
	w, v := validationWith(t)
	for _, step := range []struct {
		name    string
		says    *corev1.ConfigMap
		allowed string
		refused string
		words   string
	}{
		{"while there is no ConfigMap", nil, "24h", "24h1s", `want at most the "24h0m0s" of max-timeout in config-workflowexecution`},
		{"by the ConfigMap", maximum("1h"), "1h", "1h1s", `want at most the "1h0m0s" of max-timeout in config-workflowexecution`},
		{"as it is changed", maximum("48h"), "48h", "49h", `want at most the "48h0m0s" of max-timeout in config-workflowexecution`},
		{"by the last valid one", maximum("for ever"), "48h", "49h", `want at most the "48h0m0s"`},
		{"as it is corrected", maximum("2h"), "2h", "3h", `want at most the "2h0m0s"`},
	} {
		t.Run(step.name, func(t *testing.T) {
			if step.says != nil {
				w.say(step.says)
			}
			if response := admit(t, v, admissionv1.Create, withTimeout(step.allowed)); !response.Allowed {
				t.Errorf("%s is refused: %s", step.allowed, response.Result.Message)
			}
			expectRefused(t, admit(t, v, admissionv1.Create, withTimeout(step.refused)), "validation failed: invalid value: "+step.refused[:2],
				": spec.executionConfig.timeout", step.words)
			if response := admit(t, v, admissionv1.Update, withTimeout(step.refused)); !response.Allowed {
				t.Errorf("what was allowed when it was created is refused: %s", response.Result.Message)
			}
			if response := admit(t, v, admissionv1.Create, []byte(execution("example.com/repair:v1"))); !response.Allowed {
				t.Errorf("what asks for no time is refused: %s", response.Result.Message)
			}
		})
	}
	// Everything that is wrong is said at once.
	both := strings.Replace(string(withTimeout("9h")), "example.com/repair:v1", "example.com/A", 1)
	expectRefused(t, admit(t, v, admissionv1.Create, []byte(both)), "spec.executionConfig.timeout", "spec.workflowRef.containerImage")
}

func TestInvalidConfigMapIsNoReasonNotToAnswer(t *testing.T) {
	w, v := validationWith(t)
	w.say(maximum("for ever"))
	expectRefused(t, admit(t, v, admissionv1.Create, withTimeout("25h")), `want at most the "24h0m0s" of max-timeout`)
}

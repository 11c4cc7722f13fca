// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"knative.dev/pkg/configmap"
	knativewebhook "knative.dev/pkg/webhook"

	"kubernaut.ai/workflowexecution/pkg/apis/config"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 123456789, time.UTC)

func all() map[string]knativewebhook.AdmissionController {
	return map[string]knativewebhook.AdmissionController{
		"/defaulting": &defaulting{},
		"/clearance":  &clearance{clock: clocktesting.NewFakePassiveClock(now)},
		"/validation": &validation{settings: &settings{}},
		"/configmaps": newConfigMaps(config.AdmissionConstructors()),
	}
}

// request is what the API server asks. Empty objects are absent.
type request struct {
	operation             admissionv1.Operation
	resource, subResource string
	object, oldObject     string
}

func (r request) ask(t *testing.T, path string) *admissionv1.AdmissionResponse {
	t.Helper()
	return all()[path].Admit(t.Context(), &admissionv1.AdmissionRequest{
		Namespace: "kubernaut-system", Operation: r.operation, SubResource: r.subResource,
		Resource:  metav1.GroupVersionResource{Resource: r.resource},
		UserInfo:  authenticationv1.UserInfo{Username: "alice"},
		Object:    runtime.RawExtension{Raw: []byte(r.object)},
		OldObject: runtime.RawExtension{Raw: []byte(r.oldObject)},
	})
}

// expectPatch compares patches as JSON, in any order: no two operations here are on one path.
func expectPatch(t *testing.T, response *admissionv1.AdmissionResponse, want string) {
	t.Helper()
	if !response.Allowed {
		t.Fatalf("refused: %s", response.Result.Message)
	}
	var wanted, got []map[string]any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(response.Patch, &got); err != nil {
		t.Fatalf("%v in %s", err, response.Patch)
	}
	byPath := cmpopts.SortSlices(func(a, b map[string]any) bool { return a["path"].(string) < b["path"].(string) })
	if diff := cmp.Diff(wanted, got, byPath); diff != "" {
		t.Error("(-want, +got):", diff)
	}
	if response.PatchType == nil || *response.PatchType != admissionv1.PatchTypeJSONPatch {
		t.Errorf("PatchType = %v", response.PatchType)
	}
}

func expectRefused(t *testing.T, response *admissionv1.AdmissionResponse, words ...string) {
	t.Helper()
	if response.Allowed || response.Result == nil || response.Result.Code != 400 || response.Patch != nil {
		t.Fatalf("it was not refused: %+v", response)
	}
	for _, word := range words {
		if !strings.Contains(response.Result.Message, word) {
			t.Errorf("%q lacks %q", response.Result.Message, word)
		}
	}
}

func TestEveryAdmissionHasItsPath(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", "kubernaut-system")
	known := all()
	for _, admission := range Admissions(t.Context(), watcher{}) {
		c := admission.(knativewebhook.AdmissionController)
		if _, ok := known[c.Path()]; !ok {
			t.Errorf("%s is not tested here", c.Path())
		}
		delete(known, c.Path())
		if _, ok := c.(knativewebhook.StatelessAdmissionController); !ok {
			t.Errorf("%s would wait for informers", c.Path())
		}
	}
	if len(known) > 0 {
		t.Errorf("nobody answers %v", known)
	}
}

func TestDefaulting(t *testing.T) {
	for name, tc := range map[string]struct{ object, want string }{
		"a new execution":  {`{"metadata":{"name":"a","creationTimestamp":null}}`, `[{"op":"add","path":"/metadata/finalizers","value":["kubernaut.ai/workflowexecution"]}]`},
		"with a finalizer": {`{"metadata":{"finalizers":["a.b/c"]}}`, `[{"op":"add","path":"/metadata/finalizers/1","value":"kubernaut.ai/workflowexecution"}]`},
		"with ours":        {`{"metadata":{"finalizers":["kubernaut.ai/workflowexecution"]}}`, `[]`},
		// That its spec is nonsense the schema says.
		"a malformed one": {
			`{"metadata":{"generateName":"a-"},"spec":{"parameters":["A=b"],"confidence":"high"},"other":1}`,
			`[{"op":"add","path":"/metadata/finalizers","value":["kubernaut.ai/workflowexecution"]}]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			expectPatch(t, request{operation: admissionv1.Create, resource: "workflowexecutions", object: tc.object}.ask(t, "/defaulting"), tc.want)
		})
	}
}

const (
	blocks      = `"phase":"Failed","failureDetails":{"reason":"TaskFailed","message":"m","failedAt":"2026-05-01T11:00:00Z","wasExecutionFailure":true,"requiresManualReview":true}`
	clearedByBo = `"blockClearance":{"clearedAt":"2026-05-01T11:30:00Z","clearedBy":"bo","clearReason":"r","clearMethod":"StatusPatch"}`
)

func status(fields ...string) string {
	return `{"metadata":{"name":"a"},"status":{` + strings.Join(fields, ",") + `}}`
}

func TestClearance(t *testing.T) {
	response := request{
		operation: admissionv1.Update, resource: "workflowexecutions", subResource: "status",
		oldObject: status(blocks), object: status(blocks, `"blockClearanceRequest":{"reason":"seen"}`),
	}.ask(t, "/clearance")
	expectPatch(t, response, `[
		{"op":"remove","path":"/status/blockClearanceRequest"},
		{"op":"add","path":"/status/blockClearance","value":
			{"clearedAt":"2026-05-01T12:00:00Z","clearedBy":"alice","clearReason":"seen","clearMethod":"StatusPatch"}}]`)
}

func TestClearanceLeavesOtherWritesAlone(t *testing.T) {
	response := request{
		operation: admissionv1.Update, resource: "workflowexecutions", subResource: "status",
		oldObject: `{"metadata":{"name":"a"}}`, object: status(`"phase":"Pending","duration":"90s"`),
	}.ask(t, "/clearance")
	expectPatch(t, response, `[]`)
}

func TestClearanceIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		old, written string
		words        []string
	}{
		"by hand":       {status(blocks), status(blocks, clearedByBo), []string{"status.blockClearance\n", "set blockClearanceRequest {reason}"}},
		"no reason":     {status(blocks), status(blocks, `"blockClearanceRequest":{"reason":" "}`), []string{"status.blockClearanceRequest.reason", "must say why"}},
		"again":         {status(blocks, clearedByBo), status(blocks, clearedByBo, `"blockClearanceRequest":{"reason":"r"}`), []string{"bo cleared it"}},
		"not JSON":      {status(blocks), `{"status":[]}`, []string{"failed to decode the status"}},
		"not JSON then": {`{"status":[]}`, status(blocks), []string{"failed to decode the stored status"}},
	} {
		t.Run(name, func(t *testing.T) {
			response := request{
				operation: admissionv1.Update, resource: "workflowexecutions", subResource: "status", oldObject: tc.old, object: tc.written,
			}.ask(t, "/clearance")
			expectRefused(t, response, tc.words...)
		})
	}
}

func execution(image string) string {
	return `{"metadata":{"name":"a"},"spec":{"remediationRequestRef":{"name":"rr"},"targetResource":"payment/deployment/api",
		"workflowRef":{"workflowId":"repair","version":"v1","containerImage":"` + image + `"}}}`
}

func TestValidation(t *testing.T) {
	create := request{operation: admissionv1.Create, resource: "workflowexecutions"}
	create.object = execution("example.com/repair:v1")
	if response := create.ask(t, "/validation"); !response.Allowed || response.Patch != nil {
		t.Errorf("a good one: %+v", response)
	}
	create.object = execution("example.com/A")
	expectRefused(t, create.ask(t, "/validation"), "validation failed: invalid value: example.com/A: spec.workflowRef.containerImage")
	create.object = `{"spec":[]}`
	expectRefused(t, create.ask(t, "/validation"), "failed to decode the execution")

	update := request{operation: admissionv1.Update, resource: "workflowexecutions", object: execution("example.com/repair:v1")}
	update.oldObject = update.object
	if response := update.ask(t, "/validation"); !response.Allowed || response.Patch != nil {
		t.Errorf("nothing changed: %+v", response)
	}
	update.oldObject = execution("example.com/repair:v2")
	expectRefused(t, update.ask(t, "/validation"), "is immutable once created; create a new WorkflowExecution instead: spec")
	update.oldObject = `{"spec":[]}`
	expectRefused(t, update.ask(t, "/validation"), "failed to decode the stored execution")
}

func TestConfigMaps(t *testing.T) {
	t.Setenv("SYSTEM_NAMESPACE", "kubernaut-system")
	const invalid = `{"metadata":{"name":"config-workflowexecution"},"data":{"default-timeout":"soon"}}`
	for name, tc := range map[string]struct {
		object string
		words  []string // none if it is admitted
	}{
		"valid":        {`{"metadata":{"name":"config-workflowexecution"},"data":{"default-timeout":"1h"}}`, nil},
		"empty":        {`{"metadata":{"name":"config-logging"}}`, nil},
		"unknown name": {`{"metadata":{"name":"kube-root-ca.crt"},"data":{"default-timeout":"soon"}}`, nil},
		"no sink":      {`{"metadata":{"name":"config-audit"},"data":{"sink":"syslog"}}`, []string{"ConfigMap config-audit is not valid", `"syslog"`, "want one of log"}},
		"invalid":      {invalid, []string{"ConfigMap config-workflowexecution is not valid", "default-timeout", `"soon"`, "want a duration"}},
		"not JSON":     {`{"data":[]}`, []string{"failed to decode the ConfigMap"}},
		"the example": {
			`{"metadata":{"name":"config-logging","annotations":{"knative.dev/example-checksum":"` + configmap.Checksum("a") + `"}},"data":{"_example":"a"}}`, nil,
		},
		"another example": {
			`{"metadata":{"name":"config-logging","annotations":{"knative.dev/example-checksum":"` + configmap.Checksum("a") + `"}},"data":{"_example":"b"}}`,
			[]string{"_example: it was edited, which has no effect"},
		},
		"one's own example": {`{"metadata":{"name":"config-logging"},"data":{"_example":"b"}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, operation := range []admissionv1.Operation{admissionv1.Create, admissionv1.Update} {
				response := request{operation: operation, resource: "configmaps", object: tc.object}.ask(t, "/configmaps")
				if tc.words != nil {
					expectRefused(t, response, tc.words...)
				} else if !response.Allowed || response.Patch != nil {
					t.Errorf("%s: %+v", operation, response)
				}
			}
		})
	}
	t.Run("of Tekton", func(t *testing.T) {
		t.Setenv("SYSTEM_NAMESPACE", "elsewhere")
		if response := (request{operation: admissionv1.Update, resource: "configmaps", object: invalid}).ask(t, "/configmaps"); !response.Allowed {
			t.Errorf("%+v", response)
		}
	})
}

func TestWhatIsNotShippedIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		path    string
		request request
		words   string
	}{
		"defaults on an update":   {"/defaulting", request{operation: admissionv1.Update, resource: "workflowexecutions"}, "UPDATE of workflowexecutions is nothing"},
		"clearance of a creation": {"/clearance", request{operation: admissionv1.Create, resource: "workflowexecutions", subResource: "status"}, "CREATE of workflowexecutions/status"},
		"clearance of a spec":     {"/clearance", request{operation: admissionv1.Update, resource: "workflowexecutions"}, "UPDATE of workflowexecutions is nothing"},
		"validation of a status":  {"/validation", request{operation: admissionv1.Update, resource: "workflowexecutions", subResource: "status"}, "workflowexecutions/status"},
		"validation of an end":    {"/validation", request{operation: admissionv1.Delete, resource: "workflowexecutions"}, "DELETE of workflowexecutions"},
		"end of a ConfigMap":      {"/configmaps", request{operation: admissionv1.Delete, resource: "configmaps"}, "DELETE of configmaps"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.request.object, tc.request.oldObject = "{}", "{}"
			expectRefused(t, tc.request.ask(t, tc.path), tc.words, "see the rules of webhook.kubernaut.ai")
		})
	}
}

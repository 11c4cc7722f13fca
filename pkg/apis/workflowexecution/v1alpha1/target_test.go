// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode"

	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"
)

func TestParseTarget(t *testing.T) {
	tests := map[string]Target{
		"payment/Deployment/api": {"payment", schema.GroupKind{Kind: "Deployment"}, "api"},
		"payment/deployment.apps/api": {
			"payment", schema.GroupKind{Group: "apps", Kind: "deployment"}, "api",
		},
		"node/ip-10-0-0-1.eu-west-1.compute.internal": {
			"", schema.GroupKind{Kind: "node"}, "ip-10-0-0-1.eu-west-1.compute.internal",
		},
		"ClusterRole.rbac.authorization.k8s.io/system:node": {
			"", schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}, "system:node",
		},
		"1payment/x-ray.example.com/A_b@c": {"1payment", schema.GroupKind{Group: "example.com", Kind: "x-ray"}, "A_b@c"},
		"a/b/…":                            {"a", schema.GroupKind{Kind: "b"}, "…"},
		"a/b/...":                          {"a", schema.GroupKind{Kind: "b"}, "..."},
	}
	for s, want := range tests {
		t.Run(s, func(t *testing.T) {
			got, err := ParseTarget(s)
			if err != nil || got != want {
				t.Errorf("ParseTarget() = %+v, %v, want %+v", got, err, want)
			}
			if got.String() != s {
				t.Errorf("String() = %q", got)
			}
		})
	}
}

func TestParseTargetRefuses(t *testing.T) {
	tests := map[string]string{
		"":                           "has 1 parts",
		"api":                        "has 1 parts",
		"a/b/c/d":                    "has 4 parts",
		"payment/deployment/api/":    "has 4 parts",
		"/deployment/api":            "the namespace is empty",
		"payment//api":               `kind "": must be letters`,
		"/api":                       `kind "": must be letters`,
		"payment/deployment/":        "the name is empty",
		"deployment/":                "the name is empty",
		"Payment/deployment/api":     `namespace "Payment": a lowercase RFC 1123 label`,
		"pay.ment/deployment/api":    `namespace "pay.ment": must not contain dots`,
		"a_b/deployment/api":         `namespace "a_b"`,
		"payment/1deployment/api":    `kind "1deployment": must be letters`,
		"payment/deploy_ment/api":    `kind "deploy_ment": must be letters`,
		"payment/deployment./api":    "the group is empty",
		"payment/.apps/api":          `kind "": must be letters`,
		"payment/deployment..a/api":  `group ".a"`,
		"payment/deployment.Apps/x":  `group "Apps"`,
		"payment/deployment/.":       `name "." may not be '.'`,
		"payment/deployment/..":      `name ".." may not be '..'`,
		"payment/deployment/a%2Fb":   `may not contain '%'`,
		"payment/deployment/a b":     "contains white space",
		"payment/deployment/a\n":     "contains white space",
		"payment/deployment/a\u00a0": "contains white space",
		"payment/deployment/a\u0085": "contains white space or a control character",
		"payment/deployment/a\x7f":   "contains white space or a control character",
		"payment/deployment/\xff":    "is not UTF-8",
		" payment/deployment/api":    `namespace " payment"`,
		// In lower case these two are ASCII letters; as resources they would be other ones.
		"payment/\u212aind/api":                 "must be letters",
		"payment/\u0130ngress/api":              "must be letters",
		"n/pod/" + strings.Repeat("a", 254):     "the name has more than 253 characters",
		"n/" + strings.Repeat("k", 64) + "/api": "at most 63 characters",
		strings.Repeat("n", 64) + "/pod/api":    "must be no more than 63 characters",
	}
	for s, want := range tests {
		t.Run(s, func(t *testing.T) {
			got, err := ParseTarget(s)
			if err == nil {
				t.Fatalf("ParseTarget() = %+v", got)
			}
			if !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), targetForm) {
				t.Errorf("ParseTarget() = %v, want %q and then the valid form", err, want)
			}
		})
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{
		"payment/Deployment/api", "node/a.b", "a/b.c.d/e:f", "//", "/a/b", "a/b./c", "a/b/..", "a/\u212a/c", "a/b/\u2003", "a/b/\xff",
	} {
		f.Add(seed)
	}
	crd := targetSchema(f)
	f.Fuzz(func(t *testing.T, s string) { checkTarget(t, crd, s) })
}

// TestTargetPatternAgrees tries more of what is almost a target than a fuzzer finds in a short time.
func TestTargetPatternAgrees(t *testing.T) {
	crd := targetSchema(t)
	part := rapid.StringOfN(rapid.SampledFrom([]rune("aZ0-._:%@ \u00a0\u0130\u212a\u2028ü")), 0, 4, -1)
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.OneOf(part, rapid.SampledFrom([]string{"a", "Pod", "x.example.com"})), 1, 4).Draw(t, "parts")
		checkTarget(t, crd, strings.Join(parts, "/"))
	})
}

type reporter interface {
	Fatalf(format string, args ...any)
}

type pattern struct {
	*regexp.Regexp
	minLength, maxLength int
}

func checkTarget(t reporter, crd pattern, s string) {
	target, err := ParseTarget(s)
	length := len([]rune(s))
	admitted := crd.MatchString(s) && length >= crd.minLength && length <= crd.maxLength
	if err != nil {
		if admitted && !isBeyondRegexp(s) {
			t.Fatalf("the CRD admits %q, but: %v", s, err)
		}
		return
	}
	if !admitted {
		t.Fatalf("the CRD refuses %q, which ParseTarget accepts", s)
	}
	if strings.ContainsFunc(s, unicode.IsSpace) {
		t.Fatalf("ParseTarget(%q) accepts white space", s)
	}
	if again, err := ParseTarget(target.String()); err != nil || again != target || target.String() != s {
		t.Fatalf("%q -> %+v -> %q -> %+v, %v", s, target, target, again, err)
	}
}

// isBeyondRegexp is what the pattern cannot express, so that only ParseTarget refuses it: the names
// "." and "..", lengths of parts that only have a bound together, and bytes that JSON cannot carry.
func isBeyondRegexp(s string) bool {
	parts := strings.Split(s, "/")
	name, kind := parts[len(parts)-1], parts[len(parts)-2]
	return name == "." || name == ".." || len(name) > 253 || len(kind) > 253 || strings.ToValidUTF8(s, "") != s
}

func TestLongestTargetIsAdmitted(t *testing.T) {
	label := strings.Repeat("a", 63)
	group := strings.Join([]string{label, label, label, strings.Repeat("a", 61)}, ".")
	checkTarget(t, targetSchema(t), label+"/"+label+"."+group+"/"+strings.Repeat("a", 253))
}

func targetSchema(t testing.TB) pattern {
	target := specSchema(t).Properties["targetResource"]
	compiled, err := regexp.Compile(target.Pattern)
	if err != nil {
		t.Fatal(err)
	}
	return pattern{compiled, int(*target.MinLength), int(*target.MaxLength)}
}

func specSchema(t testing.TB) apiextensionsv1.JSONSchemaProps {
	return schemaOf(t, "spec")
}

// schemaOf is the CRD's schema of spec or status.
func schemaOf(t testing.TB, part string) apiextensionsv1.JSONSchemaProps {
	data, err := os.ReadFile("../../../../config/300-workflowexecution.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(data, &crd); err != nil {
		t.Fatal(err)
	}
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties[part]
}

func TestOtherPatternsAgree(t *testing.T) {
	spec := specSchema(t)
	workflow, overrides := spec.Properties["workflowRef"].Properties, spec.Properties["executionConfig"].Properties
	tests := map[string]struct {
		schema apiextensionsv1.JSONSchemaProps
		set    func(*WorkflowExecution, string)
		field  string
	}{
		"workflowId": {workflow["workflowId"], func(w *WorkflowExecution, s string) { w.Spec.WorkflowRef.WorkflowID = s }, "workflowId"},
		"digest":     {workflow["containerDigest"], func(w *WorkflowExecution, s string) { w.Spec.WorkflowRef.ContainerDigest = s }, "containerDigest"},
		"service account": {overrides["serviceAccountName"], func(w *WorkflowExecution, s string) {
			w.Spec.ExecutionConfig = &ExecutionConfig{ServiceAccountName: s}
		}, "serviceAccountName"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			compiled := regexp.MustCompile(tc.schema.Pattern)
			rapid.Check(t, func(t *rapid.T) {
				s := rapid.OneOf(
					rapid.StringOfN(rapid.SampledFrom([]rune("aZ0-._: \n")), 1, 5, -1),
					rapid.StringMatching(`sha256:[a-f0-9]{63,65}`),
				).Draw(t, "value")
				wfe := validExecution()
				tc.set(wfe, s)
				err := wfe.Validate(t.Context())
				if accepted := err == nil; accepted != compiled.MatchString(s) {
					t.Fatalf("the CRD admits %q: %v, but Validate() = %v", s, compiled.MatchString(s), err)
				}
			})
		})
	}
}

// TestResultReferencesAreTektons holds our regular expression against Tekton's own validation: what
// it refuses we have to refuse at admission, and nothing else.
func TestResultReferencesAreTektons(t *testing.T) {
	word := rapid.SampledFrom([]string{
		"tasks", "finally", "results", "steps", "a", "", "a-b", "a b", "ü", "b[0]", "b[*]", "b[**]", "b[-1]", "b[x]", "[0]", "$(", ")", "$$",
	})
	expression := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"$(", "$ (", "(", "$$("}).Draw(t, "open") +
			strings.Join(rapid.SliceOfN(word, 0, 7).Draw(t, "words"), ".") +
			rapid.SampledFrom([]string{")", "", "))", "[1])", "[*])"}).Draw(t, "close")
	})
	likely := rapid.Custom(func(t *rapid.T) string {
		return "$(" + rapid.SampledFrom([]string{"tasks", "finally", "task"}).Draw(t, "part") + "." + word.Draw(t, "task") + ".results." +
			strings.Join(rapid.SliceOfN(word, 1, 3).Draw(t, "result"), ".") + ")"
	})
	rapid.Check(t, func(t *rapid.T) {
		value := strings.Join(rapid.SliceOfN(rapid.OneOf(expression, likely), 1, 3).Draw(t, "value"), "")
		run := tektonv1.PipelineRunSpec{
			PipelineRef: &tektonv1.PipelineRef{Name: "p"},
			Params:      tektonv1.Params{{Name: "A", Value: *tektonv1.NewStructuredValues(value)}},
		}
		wfe := validExecution()
		wfe.Spec.Parameters = map[string]string{"A": value}
		ours, tektons := wfe.Validate(t.Context()), run.Validate(t.Context())
		if (ours == nil) != (tektons == nil) {
			t.Fatalf("%q: we say %v, Tekton says %v", value, ours, tektons)
		}
	})
}

func TestDurationsAndNumbersKeepTheirForm(t *testing.T) {
	// Orchestrators send confidence as a JSON number and the timeout as Go's text.
	const sent = `{"confidence":0.92,"executionConfig":{"timeout":"10m0s"}}`
	var spec WorkflowExecutionSpec
	if err := json.Unmarshal([]byte(sent), &spec); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), `"confidence":0.92`) || !strings.Contains(string(data), `"timeout":"10m0s"`) {
		t.Error("they become", string(data))
	}
}

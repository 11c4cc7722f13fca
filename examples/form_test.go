// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tektonv1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

const (
	// registry is what all files name, so that one replacement puts another in its place.
	registry = "registry.example.com"
	image    = registry + "/tools/kubectl:v1"
)

func TestReadmesNameTheCommands(t *testing.T) {
	index := readFile(t, "README.md")
	forEach(t, func(t *testing.T, folder string) {
		readme := readFile(t, folder, "README.md")
		path := "examples/" + folder
		for _, want := range []string{
			"# " + folder + "\n",
			"tkn bundle push " + registry + "/workflows/" + folder + ":v1 -f " + path + "/pipeline.yaml\n",
			"kubectl apply -f " + path + "/rbac.yaml\n",
			"kubectl create -f " + path + "/workflowexecution.yaml\n",
			"kubectl wait --for=condition=Finished wfe/" + readExecution(t, folder).Name + " --timeout=1h\n",
			"kubectl delete --ignore-not-found -f " + path + "/workflowexecution.yaml -f " + path + "/rbac.yaml\n",
			"the account `" + folder + "` in\n`allowed-service-accounts`",
			"\n## What the result looks like\n",
		} {
			if !strings.Contains(readme, want) {
				t.Errorf("README.md does not say %q", want)
			}
		}
		if !strings.Contains(readme, "\n## What is undone when it fails\n") && !strings.Contains(readme, "\nNothing is undone ") &&
			!strings.Contains(readme, "\nNothing is undone,") {
			t.Error("README.md does not say what is undone")
		}
		for _, param := range readPipeline(t, folder).Spec.Params {
			if param.Name != targetParameter && !strings.Contains(readme, "\n| `"+param.Name+"` | ") {
				t.Errorf("README.md does not explain %s", param.Name)
			}
		}
		if !strings.Contains(index, "]("+folder+"/README.md)") {
			t.Error("the index does not name it")
		}
	})
}

// TestRightsAreTheExamplesOwn wants one ServiceAccount for one workflow, and rights for nobody else.
func TestRightsAreTheExamplesOwn(t *testing.T) {
	forEach(t, func(t *testing.T, folder string) {
		if got := readExecution(t, folder).Spec.ExecutionConfig.ServiceAccountName; got != folder {
			t.Errorf("the execution runs as %q, want %q", got, folder)
		}
		kinds := []string{}
		for document := range strings.SplitSeq(readFile(t, folder, "rbac.yaml"), "\n---\n") {
			kinds = append(kinds, checkRight(t, folder, document))
		}
		if kinds[0] != "ServiceAccount" || len(kinds) != 1 && len(kinds) != 3 {
			t.Errorf("rbac.yaml has %v, want a ServiceAccount and, if it has rights, a role and a binding", kinds)
		}
	})
}

// checkRight checks one document of an rbac.yaml, and returns its kind.
func checkRight(t *testing.T, folder, document string) string {
	t.Helper()
	role := "kubernaut-example-" + folder
	subjects := []rbacv1.Subject{{Kind: "ServiceAccount", Name: folder, Namespace: executionNamespace}}
	reference := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}
	switch {
	case strings.Contains(document, "\nkind: ServiceAccount\n"):
		account := &corev1.ServiceAccount{}
		decode(t, document, account)
		if account.Name != folder || account.Namespace != executionNamespace {
			t.Errorf("the ServiceAccount is %s/%s, want %s/%s", account.Namespace, account.Name, executionNamespace, folder)
		}
		return account.Kind
	case strings.Contains(document, "\nkind: ClusterRole\n"):
		clusterRole := &rbacv1.ClusterRole{}
		decode(t, document, clusterRole)
		checkRules(t, clusterRole.Rules)
		if clusterRole.Name != role {
			t.Errorf("the ClusterRole is %s, want %s", clusterRole.Name, role)
		}
		return clusterRole.Kind
	default:
		binding := &rbacv1.ClusterRoleBinding{}
		decode(t, document, binding)
		if !slices.Equal(binding.Subjects, subjects) || binding.RoleRef != reference {
			t.Errorf("the binding gives %v to %v, want %v to %v", binding.RoleRef, binding.Subjects, reference, subjects)
		}
		return binding.Kind
	}
}

func checkRules(t *testing.T, rules []rbacv1.PolicyRule) {
	t.Helper()
	for _, rule := range rules {
		for _, word := range slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs) {
			if strings.Contains(word, "*") || word == "secrets" {
				t.Errorf("rule %v is not exactly what is needed", rule)
			}
		}
	}
}

func TestStepsAreRestricted(t *testing.T) {
	forEach(t, func(t *testing.T, folder string) {
		for _, task := range tasks(readPipeline(t, folder)) {
			want := tektonv1.StepTemplate{
				Env: []corev1.EnvVar{{Name: "HOME", Value: "/tmp"}},
				SecurityContext: &corev1.SecurityContext{
					RunAsNonRoot: new(true), RunAsUser: new(int64(65532)), AllowPrivilegeEscalation: new(false),
					Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
					SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
				},
			}
			if diff := cmp.Diff(want, *task.TaskSpec.StepTemplate); diff != "" {
				t.Errorf("task %s: stepTemplate (-want +got):\n%s", task.Name, diff)
			}
			for _, step := range task.TaskSpec.Steps {
				if step.Image != image || step.SecurityContext != nil {
					t.Errorf("step %s has image %s and security context %v", step.Name, step.Image, step.SecurityContext)
				}
			}
		}
	})
}

// TestScriptsAreCareful holds the rules of docs/authoring.md: values come by the environment, are quoted, and follow "--"
// where they are operands.
func TestScriptsAreCareful(t *testing.T) {
	parameter := regexp.MustCompile(`\$\((params|tasks|context)\.`)
	forEach(t, func(t *testing.T, folder string) {
		for _, task := range tasks(readPipeline(t, folder)) {
			for _, step := range task.TaskSpec.Steps {
				if !strings.HasPrefix(step.Script, "#!/bin/sh\nset -eu\n") {
					t.Errorf("the script of step %s does not begin with #!/bin/sh and set -eu", step.Name)
				}
				if found := parameter.FindString(step.Script); found != "" {
					t.Errorf("the script of step %s has a parameter in it: %s", step.Name, found)
				}
				if strings.Contains(step.Script, "--request-timeout") {
					t.Errorf("in step %s kubectl would ask localhost:8080 and not the API server of its pod", step.Name)
				}
				checkOperands(t, step.Script)
			}
		}
	})
}

// TestResultsReachStepsAsParameters: how other tasks ended and what they found Tekton fills in where a task is given its
// parameters, and nowhere inside a taskSpec.
func TestResultsReachStepsAsParameters(t *testing.T) {
	forEach(t, func(t *testing.T, folder string) {
		for _, task := range tasks(readPipeline(t, folder)) {
			spec, err := yaml.Marshal(task.TaskSpec)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(spec), "$(tasks.") {
				t.Errorf("the taskSpec of %s refers to other tasks:\n%s", task.Name, spec)
			}
		}
	})
}

// checkOperands wants every word with a value that kubectl gets before "--" to be the value of an option.
func checkOperands(t *testing.T, script string) {
	t.Helper()
	calls := 0
	for line := range strings.SplitSeq(strings.ReplaceAll(script, "\\\n", " "), "\n") {
		_, call, found := strings.Cut(line, "kubectl ")
		if !found || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		calls++
		options, operands, separated := strings.Cut(call, " -- ")
		for word := range strings.FieldsSeq(options) {
			if strings.Contains(word, "$") && !strings.HasPrefix(word, "--") {
				t.Errorf("%s may become an option in: kubectl %s", word, call)
			}
		}
		if separated && !strings.Contains(operands, `"$`) {
			t.Errorf("an operand is not quoted in: kubectl %s", call)
		}
	}
	if calls == 0 && strings.Contains(script, "kubectl ") {
		t.Error("found no call of kubectl in", script)
	}
}

func tasks(pipeline *tektonv1.Pipeline) []tektonv1.PipelineTask {
	return slices.Concat(pipeline.Spec.Tasks, pipeline.Spec.Finally)
}

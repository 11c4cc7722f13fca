// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/pod"
	corev1 "k8s.io/api/core/v1"
)

func podTemplate(t *testing.T, raw string) (*pod.PodTemplate, error) {
	t.Helper()
	c, err := NewWorkflowExecutionFromMap(map[string]string{"pod-template": raw})
	if err != nil {
		return nil, err
	}
	return c.PodTemplate, nil
}

func TestPodTemplate(t *testing.T) {
	raw := `
nodeSelector: {kubernetes.io/os: linux, example.com/pool: ""}
tolerations:
  - {key: repair, operator: Exists, effect: NoSchedule}
  - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 30}
  - {key: pool, value: repair}
  - operator: Exists
imagePullSecrets: [{name: workflow-images}]
priorityClassName: system-cluster-critical
runtimeClassName: gvisor
schedulerName: own
dnsPolicy: None
dnsConfig: {nameservers: [192.0.2.1]}
env: [{name: HTTP_PROXY, value: "http://proxy.example.com"}]
volumes: [{name: cache, emptyDir: {}}]
hostAliases: [{ip: 192.0.2.2, hostnames: [registry.example.com]}]
securityContext: {runAsNonRoot: true}
automountServiceAccountToken: true
topologySpreadConstraints:
  - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {a: b}}}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms: [{matchExpressions: [{key: a, operator: DoesNotExist}]}]
`
	want := &pod.PodTemplate{
		NodeSelector: map[string]string{"kubernetes.io/os": "linux", "example.com/pool": ""},
		Tolerations: []corev1.Toleration{
			{Key: "repair", Operator: "Exists", Effect: "NoSchedule"},
			{Key: "node.kubernetes.io/unreachable", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: new(int64(30))},
			{Key: "pool", Value: "repair"},
			{Operator: "Exists"},
		},
		ImagePullSecrets:             []corev1.LocalObjectReference{{Name: "workflow-images"}},
		PriorityClassName:            new("system-cluster-critical"),
		RuntimeClassName:             new("gvisor"),
		SchedulerName:                "own",
		DNSPolicy:                    new(corev1.DNSNone),
		DNSConfig:                    &corev1.PodDNSConfig{Nameservers: []string{"192.0.2.1"}},
		Env:                          []corev1.EnvVar{{Name: "HTTP_PROXY", Value: "http://proxy.example.com"}},
		Volumes:                      pod.Volumes{{Name: "cache", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		HostAliases:                  []corev1.HostAlias{{IP: "192.0.2.2", Hostnames: []string{"registry.example.com"}}},
		SecurityContext:              &corev1.PodSecurityContext{RunAsNonRoot: new(true)},
		AutomountServiceAccountToken: new(true),
	}
	got, err := podTemplate(t, raw)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.TopologySpreadConstraints) != 1 || got.TopologySpreadConstraints[0].LabelSelector.MatchLabels["a"] != "b" || got.Affinity == nil {
		t.Errorf("it does not arrive in full: %+v", got)
	}
	got.TopologySpreadConstraints, got.Affinity = nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("(-want, +got):", diff)
	}
}

func TestPodTemplateThatSaysNothing(t *testing.T) {
	for _, raw := range []string{"", "{}", "null", "# tolerations: []\n", "tolerations:\n"} {
		if got, err := podTemplate(t, raw); got != nil || err != nil {
			t.Errorf("%q is %+v, %v", raw, got, err)
		}
	}
}

func TestPodTemplateIsRefused(t *testing.T) {
	for raw, want := range map[string][]string{
		// What is no such template. The value is named in full.
		"tolerationz: []":                     {`unknown field "tolerationz"`, `"tolerationz: []"`, podTemplateForm},
		"Tolerations: []":                     {`unknown field "Tolerations"`, podTemplateForm},
		"tolerations: [{kye: a}]":             {`unknown field "tolerations[0].kye"`},
		"spec: {tolerations: []}":             {`unknown field "spec"`},
		"dnsPolicy: None\ndnsPolicy: Default": {"already set in map"},
		"hostNetwork: \"yes\"":                {"hostNetwork", "bool"},
		"hostNetwork: [":                      {"yaml: line 1", podTemplateForm},
		"- a":                                 {"cannot unmarshal array", podTemplateForm},
		// What no pod can have.
		"nodeSelector: {a b: c}":                                              {`nodeSelector: Invalid value: "a b"`, "name part must consist of"},
		"nodeSelector: {a: b c}":                                              {`nodeSelector: Invalid value: "b c"`, "a valid label must be"},
		"tolerations: [{key: a, operator: Exist}]":                            {`tolerations[0].operator: Unsupported value: "Exist": supported values: "Equal", "Exists"`},
		"tolerations: [{key: a}, {key: b, effect: NoEffect}]":                 {`tolerations[1].effect: Unsupported value: "NoEffect"`, `"NoSchedule", "PreferNoSchedule", "NoExecute"`},
		"tolerations: [{key: a b}]":                                           {`tolerations[0].key: Invalid value: "a b"`},
		"tolerations: [{key: a, value: b c}]":                                 {`tolerations[0].value: Invalid value: "b c"`},
		"tolerations: [{value: a}]":                                           {`tolerations[0].operator: Invalid value: "": must be Exists where the key is empty`},
		"tolerations: [{key: a, operator: Exists, value: b}]":                 {`tolerations[0].value: Invalid value: "b": must be empty`},
		"tolerations: [{key: a, effect: NoSchedule, tolerationSeconds: 1}]":   {`tolerations[0].effect: Invalid value: "NoSchedule": must be NoExecute`},
		"imagePullSecrets: [{}]":                                              {`imagePullSecrets[0].name: Invalid value: ""`, "RFC 1123 subdomain"},
		"imagePullSecrets: [{name: A}]":                                       {`imagePullSecrets[0].name: Invalid value: "A"`},
		"priorityClassName: Very High":                                        {`priorityClassName: Invalid value: "Very High"`, "RFC 1123 subdomain"},
		"runtimeClassName: a/b":                                               {`runtimeClassName: Invalid value: "a/b"`},
		"dnsPolicy: Cluster":                                                  {`dnsPolicy: Unsupported value: "Cluster"`, `"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"`},
		"env: [{name: a=b}]":                                                  {`env[0].name: Invalid value: "a=b"`},
		"volumes: [{name: A}]":                                                {`volumes[0].name: Invalid value: "A"`},
		"hostAliases: [{ip: one, hostnames: [a]}]":                            {`hostAliases[0].ip: Invalid value: "one"`},
		"hostAliases: [{ip: 192.0.2.1, hostnames: [a, B]}]":                   {`hostAliases[0].hostnames[1]: Invalid value: "B"`},
		"topologySpreadConstraints: [{topologyKey: a, maxSkew: 1}]":           {`topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: ""`, `"DoNotSchedule", "ScheduleAnyway"`},
		"topologySpreadConstraints: [{whenUnsatisfiable: ScheduleAnyway}]":    {"topologySpreadConstraints[0].topologyKey", "topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be at least 1"},
		"topologySpreadConstraints: [{labelSelector: {matchLabels: {a: -}}}]": {`topologySpreadConstraints[0].labelSelector.matchLabels: Invalid value: "-"`},
		// Everything at once.
		"priorityClassName: A\nruntimeClassName: B": {`priorityClassName: Invalid value: "A"`, `runtimeClassName: Invalid value: "B"`},
	} {
		t.Run(raw, func(t *testing.T) {
			got, err := podTemplate(t, raw)
			if err == nil {
				t.Fatalf("it is accepted as %+v", got)
			}
			for _, words := range append(want, "pod-template: ") {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q lacks %q", err, words)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is more than one line", err)
			}
		})
	}
}

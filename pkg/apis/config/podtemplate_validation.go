// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/pod"
	corev1 "k8s.io/api/core/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// checkPodTemplate finds what no API server would accept in a pod, by the rules of Kubernetes for
// the fields that its own library has rules for. What affinities, security contexts and volumes say
// is seen when a pod is created.
func checkPodTemplate(t *pod.PodTemplate) field.ErrorList {
	errs := metav1validation.ValidateLabels(t.NodeSelector, field.NewPath("nodeSelector"))
	errs = append(errs, checkEach("tolerations", t.Tolerations, checkToleration)...)
	errs = append(errs, checkEach("imagePullSecrets", t.ImagePullSecrets, checkPullSecret)...)
	errs = append(errs, checkEach("env", t.Env, checkVariable)...)
	errs = append(errs, checkEach("volumes", t.Volumes, checkVolume)...)
	errs = append(errs, checkEach("hostAliases", t.HostAliases, checkHostAlias)...)
	errs = append(errs, checkEach("topologySpreadConstraints", t.TopologySpreadConstraints, checkSpread)...)
	errs = append(errs, checkObjectName(field.NewPath("priorityClassName"), t.PriorityClassName)...)
	errs = append(errs, checkObjectName(field.NewPath("runtimeClassName"), t.RuntimeClassName)...)
	if t.DNSPolicy != nil {
		errs = append(errs, oneOf(field.NewPath("dnsPolicy"), *t.DNSPolicy,
			corev1.DNSClusterFirst, corev1.DNSClusterFirstWithHostNet, corev1.DNSDefault, corev1.DNSNone)...)
	}
	return errs
}

func checkEach[T any](name string, values []T, check func(*field.Path, *T) field.ErrorList) field.ErrorList {
	var errs field.ErrorList
	for i := range values {
		errs = append(errs, check(field.NewPath(name).Index(i), &values[i])...)
	}
	return errs
}

// checkToleration has the rules of the API server's validation of pods.
func checkToleration(at *field.Path, t *corev1.Toleration) field.ErrorList {
	errs := oneOf(at.Child("operator"), t.Operator, "", corev1.TolerationOpEqual, corev1.TolerationOpExists)
	errs = append(errs, oneOf(at.Child("effect"), t.Effect,
		"", corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute)...)
	switch {
	case t.Key != "":
		errs = append(errs, invalid(at.Child("key"), t.Key, validation.IsQualifiedName(t.Key))...)
	case t.Operator != corev1.TolerationOpExists:
		errs = append(errs, field.Invalid(at.Child("operator"), t.Operator, "must be Exists where the key is empty, which tolerates everything"))
	}
	if t.Operator == corev1.TolerationOpExists && t.Value != "" {
		errs = append(errs, field.Invalid(at.Child("value"), t.Value, "must be empty where the operator is Exists"))
	}
	if t.TolerationSeconds != nil && t.Effect != corev1.TaintEffectNoExecute {
		errs = append(errs, field.Invalid(at.Child("effect"), t.Effect, "must be NoExecute where tolerationSeconds is set"))
	}
	return append(errs, invalid(at.Child("value"), t.Value, validation.IsValidLabelValue(t.Value))...)
}

func checkPullSecret(at *field.Path, secret *corev1.LocalObjectReference) field.ErrorList {
	return checkObjectName(at.Child("name"), &secret.Name)
}

func checkVariable(at *field.Path, variable *corev1.EnvVar) field.ErrorList {
	return invalid(at.Child("name"), variable.Name, validation.IsEnvVarName(variable.Name))
}

func checkVolume(at *field.Path, volume *corev1.Volume) field.ErrorList {
	return invalid(at.Child("name"), volume.Name, validation.IsDNS1123Label(volume.Name))
}

func checkHostAlias(at *field.Path, alias *corev1.HostAlias) field.ErrorList {
	errs := validation.IsValidIP(at.Child("ip"), alias.IP)
	for i, name := range alias.Hostnames {
		errs = append(errs, checkObjectName(at.Child("hostnames").Index(i), &name)...)
	}
	return errs
}

func checkSpread(at *field.Path, spread *corev1.TopologySpreadConstraint) field.ErrorList {
	errs := invalid(at.Child("topologyKey"), spread.TopologyKey, validation.IsQualifiedName(spread.TopologyKey))
	errs = append(errs, oneOf(at.Child("whenUnsatisfiable"), spread.WhenUnsatisfiable, corev1.DoNotSchedule, corev1.ScheduleAnyway)...)
	if spread.MaxSkew < 1 {
		errs = append(errs, field.Invalid(at.Child("maxSkew"), spread.MaxSkew, "must be at least 1"))
	}
	return append(errs, metav1validation.ValidateLabelSelector(spread.LabelSelector,
		metav1validation.LabelSelectorValidationOptions{}, at.Child("labelSelector"))...)
}

// checkObjectName lets an absent name pass.
func checkObjectName(at *field.Path, name *string) field.ErrorList {
	if name == nil {
		return nil
	}
	return invalid(at, *name, validation.IsDNS1123Subdomain(*name))
}

func invalid(at *field.Path, value string, why []string) field.ErrorList {
	var errs field.ErrorList
	for _, message := range why {
		errs = append(errs, field.Invalid(at, value, message))
	}
	return errs
}

// oneOf takes an empty value for valid if it is among those known, but does not recommend it.
func oneOf[T ~string](at *field.Path, value T, known ...T) field.ErrorList {
	var named []T
	for _, k := range known {
		if value == k {
			return nil
		}
		if k != "" {
			named = append(named, k)
		}
	}
	return field.ErrorList{field.NotSupported(at, value, named)}
}

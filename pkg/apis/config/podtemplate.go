// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tektoncd/pipeline/pkg/apis/pipeline/pod"
	"knative.dev/pkg/configmap"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

const podTemplateForm = "want the YAML of a Tekton PodTemplate, such as tolerations: [{key: repair, operator: Exists}]"

// asPodTemplate reads Tekton's own type. A template that says nothing is none.
func asPodTemplate(key string, target **pod.PodTemplate) configmap.ParseFunc {
	return func(data map[string]string) error {
		template, err := decodePodTemplate(data[key])
		if err != nil {
			return fmt.Errorf("%s: %q is not valid: %s: %s", key, data[key], inOneLine(err), podTemplateForm)
		}
		if errs := checkPodTemplate(template); len(errs) > 0 {
			return fmt.Errorf("%s: %w", key, errs.ToAggregate())
		}
		if !template.Equals(&pod.PodTemplate{}) {
			*target = template
		}
		return nil
	}
}

// decodePodTemplate knows fields by their exact names, as the API server does, and each only once.
func decodePodTemplate(raw string) (*pod.PodTemplate, error) {
	asJSON, err := yaml.YAMLToJSONStrict([]byte(raw))
	if err != nil {
		return nil, err
	}
	template := &pod.PodTemplate{}
	strict, err := kjson.UnmarshalStrict(asJSON, template)
	if err != nil {
		return nil, err
	}
	return template, errors.Join(strict...)
}

func inOneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"knative.dev/pkg/configmap"
	"knative.dev/pkg/system"
	knativewebhook "knative.dev/pkg/webhook"
)

// configMaps refuses configuration that the programs would not understand.
type configMaps struct {
	knativewebhook.StatelessAdmissionImpl

	constructors map[string]reflect.Value
}

var _ knativewebhook.AdmissionController = (*configMaps)(nil)

func newConfigMaps(constructors configmap.Constructors) *configMaps {
	c := &configMaps{constructors: map[string]reflect.Value{}}
	for name, constructor := range constructors {
		if err := configmap.ValidateConstructor(constructor); err != nil {
			panic(err)
		}
		c.constructors[name] = reflect.ValueOf(constructor)
	}
	return c
}

// Path is where the API server asks.
func (*configMaps) Path() string { return "/configmaps" }

// Admit has the ConfigMap read by its constructor.
func (c *configMaps) Admit(_ context.Context, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	if request.Operation != admissionv1.Create && request.Operation != admissionv1.Update || request.SubResource != "" {
		return unexpected(request)
	}
	var cm corev1.ConfigMap
	if err := json.Unmarshal(request.Object.Raw, &cm); err != nil {
		return knativewebhook.MakeErrorStatus("failed to decode the ConfigMap: %v", err)
	}
	constructor, known := c.constructors[cm.Name]
	// Others have ConfigMaps of these names too, Tekton for one.
	if !known || request.Namespace != system.Namespace() {
		return allowed()
	}
	if err := read(&cm, constructor); err != nil {
		return knativewebhook.MakeErrorStatus("ConfigMap %s is not valid: %v", cm.Name, err)
	}
	return allowed()
}

func read(cm *corev1.ConfigMap, constructor reflect.Value) error {
	example, has := cm.Data[configmap.ExampleKey]
	checksum, fixed := cm.Annotations[configmap.ExampleChecksumAnnotation]
	if has && fixed && checksum != configmap.Checksum(example) {
		return fmt.Errorf("%s: it was edited, which has no effect: copy the line out of it, directly below data", configmap.ExampleKey)
	}
	results := constructor.Call([]reflect.Value{reflect.ValueOf(cm)})
	err, _ := reflect.TypeAssert[error](results[len(results)-1])
	return err
}

// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"path"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// tektonInstall is what Tekton ships, by what is done with it.
type tektonInstall struct {
	namespaces  []manifest
	definitions []manifest
	others      []manifest
	deployments []tektonDeployment
}

// tektonDeployment is what has to be known of a Deployment to run its program without a pod.
type tektonDeployment struct {
	program        string
	namespace      string
	serviceAccount string
	env            []string
	args           []string
}

// tektonPrograms are the Deployments we run. The fourth, for cloud events, has nobody to talk to.
var tektonPrograms = map[string]string{
	"tekton-pipelines-controller":       tektonController,
	"tekton-pipelines-webhook":          tektonWebhook,
	"tekton-pipelines-remote-resolvers": tektonResolvers,
}

func readTekton(dir string) (tektonInstall, error) {
	files, err := yamlTree(dir)
	if err != nil {
		return tektonInstall{}, err
	}
	manifests, err := readManifests(files...)
	if err != nil {
		return tektonInstall{}, err
	}
	var install tektonInstall
	for _, m := range manifests {
		if err := install.add(m); err != nil {
			return tektonInstall{}, fmt.Errorf("%s: %w", m, err)
		}
	}
	if len(install.deployments) != len(tektonPrograms) {
		return tektonInstall{}, fmt.Errorf("%s has %d of the Deployments %v", dir, len(install.deployments), tektonPrograms)
	}
	return install, nil
}

func (i *tektonInstall) add(m manifest) error {
	switch m.GetKind() {
	case "Namespace":
		i.namespaces = append(i.namespaces, m)
	case kindDefinition:
		i.definitions = append(i.definitions, m)
	case "HorizontalPodAutoscaler":
		// It has no pods to scale.
	case "Deployment":
		program, ok := tektonPrograms[m.GetName()]
		if !ok {
			return nil
		}
		deployment, err := readDeployment(m)
		deployment.program = program
		i.deployments = append(i.deployments, deployment)
		return err
	default:
		i.others = append(i.others, m)
	}
	return nil
}

func readDeployment(m manifest) (tektonDeployment, error) {
	var deployment appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(m.Object, &deployment); err != nil {
		return tektonDeployment{}, err
	}
	pod := deployment.Spec.Template.Spec
	if len(pod.Containers) != 1 {
		return tektonDeployment{}, fmt.Errorf("has %d containers", len(pod.Containers))
	}
	container := pod.Containers[0]
	return tektonDeployment{
		namespace:      deployment.Namespace,
		serviceAccount: pod.ServiceAccountName,
		env:            environment(container.Env, deployment.Namespace),
		args:           simulatedImages(container.Args),
	}, nil
}

// environment is that of the container, without the certificates that are mounted into its pod.
func environment(variables []corev1.EnvVar, namespace string) []string {
	var env []string
	for _, variable := range variables {
		switch {
		case strings.HasPrefix(variable.Name, "SSL_CERT_"):
		case variable.ValueFrom != nil && variable.ValueFrom.FieldRef != nil:
			// The only field they ask for is their namespace.
			env = append(env, variable.Name+"="+namespace)
		default:
			env = append(env, variable.Name+"="+variable.Value)
		}
	}
	return env
}

// simulatedImages replaces the images of Tekton's own containers, which are never pulled, by names that say so.
func simulatedImages(args []string) []string {
	out := make([]string, 0, len(args))
	for i, arg := range args {
		if i > 0 && strings.Contains(args[i-1], "-image") && strings.HasPrefix(args[i-1], "-") {
			arg = path.Join("simulated", strings.TrimLeft(args[i-1], "-"))
		}
		out = append(out, arg)
	}
	return out
}

// adaptTekton lets the API server find the webhook on this machine, and shortens the time after which a restarted
// program takes over from the one that was killed.
func adaptTekton(webhookPort int) func(*unstructured.Unstructured) bool {
	return func(object *unstructured.Unstructured) bool {
		switch object.GetKind() {
		case "Service":
			_, isWebhook := tektonPrograms[object.GetName()]
			// A Service of type ExternalName is the way from an API server to a process beside it.
			object.Object["spec"] = map[string]any{"type": "ExternalName", "externalName": "localhost"}
			return isWebhook
		case kindDefinition:
			setWebhookPort(object.Object, webhookPort, "spec", "conversion", "webhook")
		case "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration":
			SetWebhookPorts(object, webhookPort)
		case "ConfigMap":
			if strings.HasPrefix(object.GetName(), "config-leader-election-") {
				shortenLeases(object)
			}
		}
		return true
	}
}

// SetWebhookPorts has the API server call the webhooks of a configuration on that port of this machine.
func SetWebhookPorts(configuration *unstructured.Unstructured, port int) {
	webhooks, _, _ := unstructured.NestedSlice(configuration.Object, "webhooks")
	for _, webhook := range webhooks {
		if webhook, ok := webhook.(map[string]any); ok {
			setWebhookPort(webhook, port)
		}
	}
	configuration.Object["webhooks"] = webhooks
}

func setWebhookPort(object map[string]any, port int, path ...string) {
	path = append(path, "clientConfig", "service")
	if _, found, _ := unstructured.NestedMap(object, path...); found {
		_ = unstructured.SetNestedField(object, int64(port), append(path, "port")...)
	}
}

func shortenLeases(object *unstructured.Unstructured) {
	for key, value := range map[string]string{"lease-duration": "15s", "renew-deadline": "10s", "retry-period": "2s"} {
		_ = unstructured.SetNestedField(object.Object, value, "data", key)
	}
}

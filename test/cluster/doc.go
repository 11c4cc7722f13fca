// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster runs a real Kubernetes control plane with a real Tekton on loopback ports, without root and
// without a container engine. Only the node is simulated: pods are scheduled, deleted and garbage collected by the
// true controllers, while kwok plays the part of the kubelet.
//
// The programs are pinned by the go.mod files in third_party, built once into a cache folder, and run as child
// processes which end with the process that started them, whatever ends it.
//
// What a simulated pod does is chosen by annotations, see AnnotationFailTask and its neighbours.
package cluster

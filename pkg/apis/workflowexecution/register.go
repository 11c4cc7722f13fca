// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// Package workflowexecution names the API group, its resources, and the keys of all labels and annotations.
package workflowexecution

import "k8s.io/apimachinery/pkg/runtime/schema"

// GroupName is the API group of WorkflowExecution.
const GroupName = "kubernaut.ai"

// Resource is the group and plural name under which the API serves WorkflowExecutions.
var Resource = schema.GroupResource{Group: GroupName, Resource: "workflowexecutions"}

// FinalizerName holds a WorkflowExecution until its PipelineRun is gone and its target free. It has a path,
// because the API server warns every submitter of one that has none.
const FinalizerName = GroupName + "/workflowexecution"

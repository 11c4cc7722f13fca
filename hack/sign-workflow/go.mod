// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

// It has no requirements of its own: it is built with the modules of the Tekton that is to accept the signatures, by
// -modfile=../../third_party/tekton/go.mod.
module kubernaut.ai/workflowexecution/hack/sign-workflow

go 1.26.0

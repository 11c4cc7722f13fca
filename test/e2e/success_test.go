// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

func testSuccess(t *testing.T) {
	namespace := newNamespace(t)
	bundle := push(t, "success", `
tasks:
- name: work
  taskSpec:
    steps:
    - name: main
      image: $(IMAGE)
      script: |
        #!/bin/sh
        echo done
`)
	ended := awaitEnd(t, submit(t, execution(namespace, "success", bundle)))
	if ended.Status.Phase != v1alpha1.PhaseCompleted {
		t.Errorf("phase %s", ended.Status.Phase)
	}
}

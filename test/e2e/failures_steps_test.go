// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"

	"kubernaut.ai/workflowexecution/pkg/apis/workflowexecution/v1alpha1"
)

// failuresOfAStep are of a step that runs and fails: something was executed in all of these.
func failuresOfAStep() []failure {
	return []failure{
		{
			name: "exit code",
			tasks: fmt.Sprintf("tasks: [%s, %s, %s]", task("prepare", script("echo ready")),
				task("repair", script("exit 3"), "runAfter: [prepare]"), task("verify", script("echo good"), "runAfter: [repair]")),
			want: because(v1alpha1.FailureTaskFailed).ran().in("repair", 1).at("main", 3).saying("task repair (2 of 3)", "exit code 3"),
		},
		{
			// A pod has its containers by name.
			name:  "second of three steps",
			tasks: `tasks: [{name: repair, taskSpec: {steps: [{name: three, ` + script("true") + `}, {name: two, ` + script("exit 4") + `}, {name: one, ` + script("true") + `}]}}]`,
			want:  because(v1alpha1.FailureTaskFailed).ran().in("repair", 0).at("two", 4).saying("Step two", "exit code 4"),
		},
		{
			name:  "command not found",
			tasks: oneTask(script("repair-everything")),
			want:  because(v1alpha1.FailureTaskFailed).ran().in("repair", 0).at("main", 127).saying("exit code 127").logging("repair-everything: not found"),
		},
		{
			// Tekton's entrypoint was to execute it, and says no more than that.
			name:  "no such program",
			tasks: oneTask("image: $(IMAGE), command: [/no/such/program]"),
			want:  because(v1alpha1.FailureTaskFailed).ran().in("repair", 0).at("main", 1).logging("/no/such/program: no such file or directory"),
		},
		{
			name:  "image without a shell",
			tasks: oneTask(`image: $(REGISTRY)/pause:latest, script: "#!/bin/sh\necho done\n"`),
			want:  because(v1alpha1.FailureTaskFailed).ran().in("repair", 0).at("main", 1).logging("no such file or directory"),
		},
		{
			name:  "killed by a signal",
			tasks: oneTask(script("kill -KILL $$")),
			want:  because(v1alpha1.FailureTaskFailed).ran().in("repair", 0).at("main", 255).saying("exit code 255"),
		},
		{
			name:  "segmentation fault",
			tasks: oneTask(script("kill -SEGV $$")),
			want:  because(v1alpha1.FailureTaskFailed).ran().in("repair", 0).at("main", 255).saying("exit code 255"),
		},
		{
			// It looks like the end of a container that needed too much memory, and is not.
			name:  "child killed by a signal",
			tasks: oneTask(script("sh -c 'kill -KILL $$'\nexit $?")),
			want:  because(v1alpha1.FailureTaskFailed).ran().in("repair", 0).at("main", 137).saying("exit code 137"),
		},
		{
			name: "out of memory",
			tasks: oneTask(script("dd if=/dev/zero of=/dev/null bs=512M count=1\nexit $?",
				"computeResources: {requests: {memory: 64Mi}, limits: {memory: 64Mi}}")),
			want: because(v1alpha1.FailureOOMKilled).ran().in("repair", 0).at("main", 137).saying("more memory than it may have"),
		},
		{
			name:  "every attempt",
			tasks: "tasks: [" + task("repair", script("exit 7"), "retries: 2") + "]",
			want:  because(v1alpha1.FailureTaskFailed).ran().in("repair", 0).at("main", 7).saying("exit code 7", "3 attempts"),
		},
		{
			name: "combination of a matrix",
			tasks: `tasks: [{name: repair, matrix: {params: [{name: which, value: [a, b, c]}]}, taskSpec: {params: [{name: which}], steps: [{name: main, ` +
				script("test $(params.which) != b || exit 5") + `}]}}]`,
			want: because(v1alpha1.FailureTaskFailed).ran().in("repair", 0).at("main", 5).saying("exit code 5"),
		},
		{
			name:  "finally task",
			tasks: oneTask(script("echo done")) + "\nfinally: [" + task("report", script("exit 6")) + "]",
			want:  because(v1alpha1.FailureTaskFailed).ran().in("report", 1).at("main", 6).saying("task report (2 of 2)", "exit code 6"),
		},
		{
			name:  "forbidden",
			tasks: oneTask(script("kubectl get leases --namespace=kubernaut-system")),
			want: because(v1alpha1.FailureForbidden).ran().in("repair", 0).at("main", 1).
				logging(`User "system:serviceaccount:kubernaut-workflows:kubernaut-workflow-runner" cannot list resource "leases"`),
		},
	}
}

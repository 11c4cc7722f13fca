// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

// Annotations of a PipelineRun choose what the pods of its TaskRuns do on the simulated node: Tekton copies them to
// every pod. The metadata of a taskSpec in a Pipeline may carry them too. Durations are written as Go does, "1.5s".
//
// Where it says "per task", the setting may be given for one task of the Pipeline only, by appending a dot and the
// task's name: "simulate.kubernaut.ai/step-duration.apply".
const (
	// AnnotationStepDuration is how long every step runs; 300ms if unset. Per task.
	AnnotationStepDuration = "simulate.kubernaut.ai/step-duration"
	// AnnotationResults are the results which the last step of a task writes, as a JSON object of strings. Per task.
	AnnotationResults = "simulate.kubernaut.ai/results"

	// AnnotationLog is what every step of a task has written to its log; nothing if unset. Per task.
	AnnotationLog = "simulate.kubernaut.ai/log"

	// AnnotationFailTask names the task of the Pipeline in which a step fails; "*" is every task.
	AnnotationFailTask = "simulate.kubernaut.ai/fail-task"
	// AnnotationFailStep names the step that fails; the first if unset. Steps after it are skipped. Per task.
	AnnotationFailStep = "simulate.kubernaut.ai/fail-step"
	// AnnotationFailExitCode is the exit code of the failing step; 1 if unset, 137 if it is OOMKilled. Per task.
	AnnotationFailExitCode = "simulate.kubernaut.ai/fail-exit-code"
	// AnnotationFailReason is the reason of the container's end, such as OOMKilled; Error if unset. Per task.
	AnnotationFailReason = "simulate.kubernaut.ai/fail-reason"
	// AnnotationFailAfter is how long the failing step runs; as long as the others if unset. Per task.
	AnnotationFailAfter = "simulate.kubernaut.ai/fail-after"
	// AnnotationFailTerminationReason is the reason that Tekton's entrypoint writes into the termination message of
	// the failing step, such as TimeoutExceeded; none if unset. Per task.
	AnnotationFailTerminationReason = "simulate.kubernaut.ai/fail-termination-reason"
	// AnnotationFailStarted set to "false" leaves the termination message of the failing step empty, as when the
	// entrypoint was killed, or never came to execute the step. Per task.
	AnnotationFailStarted = "simulate.kubernaut.ai/fail-started"
	// AnnotationFailCombination is the number, from 0, of the one combination of a matrix that fails; all if unset.
	AnnotationFailCombination = "simulate.kubernaut.ai/fail-combination"

	// AnnotationContinueStep names a step with "onError: continue" that fails: its container ends well, and Tekton's
	// entrypoint tells the exit code in the termination message. Per task.
	AnnotationContinueStep = "simulate.kubernaut.ai/continue-step"
	// AnnotationContinueExitCode is the exit code that it tells; 1 if unset. Per task.
	AnnotationContinueExitCode = "simulate.kubernaut.ai/continue-exit-code"

	// AnnotationEvictTask names the task of the Pipeline whose pod the kubelet evicts while its first step works;
	// "*" is every task. The pod stays, as one that has failed.
	AnnotationEvictTask = "simulate.kubernaut.ai/evict-task"
	// AnnotationEvictAfter is how long the first step has worked by then; 1s if unset. Per task.
	AnnotationEvictAfter = "simulate.kubernaut.ai/evict-after"

	// AnnotationInitTask names the task of the Pipeline in whose pod the first init container fails, with 1, so that
	// no other container starts; "*" is every task.
	AnnotationInitTask = "simulate.kubernaut.ai/init-task"

	// AnnotationDieAfter is how long the containers of a deleted pod keep running, for steps that ignore the request
	// to terminate; they then end with 137. If unset they end with 255 after 100ms. Per task.
	AnnotationDieAfter = "simulate.kubernaut.ai/die-after"

	// AnnotationStuckTask names the task of the Pipeline whose pod never gets to run; "*" is every task. Removing the
	// annotation from the pod lets it run.
	AnnotationStuckTask = "simulate.kubernaut.ai/stuck-task"
	// AnnotationStuckStep names the step whose container waits; the first if unset.
	AnnotationStuckStep = "simulate.kubernaut.ai/stuck-step"
	// AnnotationStuckSidecar names the sidecar whose container waits, in place of a step.
	AnnotationStuckSidecar = "simulate.kubernaut.ai/stuck-sidecar"
	// AnnotationStuckReason is why the container waits, such as CreateContainerConfigError; ImagePullBackOff if unset.
	AnnotationStuckReason = "simulate.kubernaut.ai/stuck-reason"
	// AnnotationStuckMessage is the message beside the reason; about the image if unset.
	AnnotationStuckMessage = "simulate.kubernaut.ai/stuck-message"
)

// ForTask makes the form of an annotation that is meant for one task only.
func ForTask(annotation, task string) string { return annotation + "." + task }

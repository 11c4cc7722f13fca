// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// compressedTimeout is what Tekton v1.15.0 makes of the two results of a step that then ran out of time.
const compressedTimeout = "tknz:bMyxDsIgEMbxV2luBnOAOrA5+ALaSeNA5BsatRBLjY3x3U1pVIYu3z83/O74ogsGshSD70jQw117kCUXG6mqcXVe" +
	"k3dJgtIQQVa9xVe2waOk4y1VlaOnmCmzfJ/cPcFvUvFCs15LNpJVrbRltrxaMPPh583f7+C60Ba4bm4Ifdo+z4CHL8zpEwAA//8"

func TestCompressedTerminationMessage(t *testing.T) {
	end := &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", Message: compressedTimeout}
	if got := terminationReason(end); got != timeoutExceeded {
		t.Errorf("the reason is %q", got)
	}
	if markOf(end) != markStarted {
		t.Error("the step is not known to have started")
	}
}

// What cannot be read proves nothing.
func TestBrokenTerminationMessage(t *testing.T) {
	for name, message := range map[string]string{
		"no base64":    "tknz:*",
		"not deflated": "tknz:" + base64.RawStdEncoding.EncodeToString([]byte("[]")),
		"cut":          compressedTimeout[:100],
		"no JSON":      deflate(t, "done"),
		"without end":  deflate(t, "["+strings.Repeat(" ", maxDecompressed)+"]"),
		"somebody's":   "done",
		"nothing":      "",
		"empty":        "tknz:",
	} {
		end := &corev1.ContainerStateTerminated{Message: message}
		if said := entrypointSays(end); said != nil || markOf(end) != markNone {
			t.Errorf("%s: %v", name, said)
		}
	}
}

func deflate(t *testing.T, text string) string {
	t.Helper()
	var packed bytes.Buffer
	writer, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return "tknz:" + base64.RawStdEncoding.EncodeToString(packed.Bytes())
}

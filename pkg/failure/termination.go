// Copyright 2026 The WorkflowExecution Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

const (
	// compressedPrefix begins a termination message that Tekton's entrypoint has compressed, as it does in v1.15 where
	// the feature flag enable-termination-message-compression is set and the message gets shorter by it.
	compressedPrefix = "tknz:"
	// maxDecompressed bytes are Tekton's own limit.
	maxDecompressed = 128 << 10
)

type said struct{ Key, Value string }

// entrypointSays is what the entrypoint has written, nothing if that cannot be read.
func entrypointSays(end *corev1.ContainerStateTerminated) []said {
	if end == nil {
		return nil
	}
	text, err := decompressed(end.Message)
	if err != nil {
		return nil
	}
	var results []said
	if json.Unmarshal(text, &results) != nil {
		return nil
	}
	return results
}

func decompressed(message string) ([]byte, error) {
	packed, isCompressed := strings.CutPrefix(message, compressedPrefix)
	if !isCompressed {
		return []byte(message), nil
	}
	reader := flate.NewReader(base64.NewDecoder(base64.RawStdEncoding, strings.NewReader(packed)))
	text, err := io.ReadAll(io.LimitReader(reader, maxDecompressed+1))
	if err != nil {
		return nil, fmt.Errorf("failed to decompress a termination message: %w", err)
	}
	if len(text) > maxDecompressed {
		return nil, errors.New("a termination message is longer than Tekton writes any")
	}
	return text, nil
}

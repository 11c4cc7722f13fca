#!/usr/bin/env bash

# Copyright 2026 The WorkflowExecution Authors.
# SPDX-License-Identifier: Apache-2.0

# Writes the checksum of each ConfigMap's _example into its annotation. With it the webhook notices
# when somebody edits the example instead of the configuration.

set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

go run knative.dev/pkg/configmap/hash-gen config/400-config-*.yaml

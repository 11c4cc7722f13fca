#!/usr/bin/env bash
# Copyright 2026 The WorkflowExecution Authors.
# SPDX-License-Identifier: Apache-2.0

# Fails if anything generated differs from what hack/update-codegen.sh generates. It works on a copy,
# so that it changes nothing here.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
copy="$(mktemp -d)"
trap 'rm -rf "${copy}"' EXIT

git ls-files --cached --others --exclude-standard -z | tar --null --files-from=- --ignore-failed-read -c 2>/dev/null | tar -x -C "${copy}"
cp -r "${copy}" "${copy}.before"
trap 'rm -rf "${copy}" "${copy}.before"' EXIT

"${copy}/hack/update-codegen.sh"
rm -rf "${copy}/bin" "${copy}/_output"

if ! diff -Nru "${copy}.before" "${copy}"; then
  echo "generated files are out of date: run \"make generate\" and commit the result" >&2
  exit 1
fi
echo "generated files are up to date"

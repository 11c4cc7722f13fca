#!/usr/bin/env bash
# Copyright 2026 The WorkflowExecution Authors.
# SPDX-License-Identifier: Apache-2.0

# Regenerates everything that is generated. OUTPUT names the tree to write into; it defaults to this
# one, and hack/verify-codegen.sh names a copy.
set -o errexit -o nounset -o pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
out="${OUTPUT:-${root}}"
cd "${root}"

module=kubernaut.ai/workflowexecution
api="${module}/pkg/apis/workflowexecution/v1alpha1"
client="${module}/pkg/client"
header="${root}/hack/boilerplate.go.txt"

bin="${root}/bin"
mkdir -p "${bin}"
go -C hack/tools/controller-gen build -o "${bin}/controller-gen" sigs.k8s.io/controller-tools/cmd/controller-gen

echo "deepcopy"
# The generators load the packages by import path and write beside the source, so they run in out.
cd "${out}"
go tool deepcopy-gen --go-header-file "${header}" --output-file zz_generated.deepcopy.go \
  "${api}" "${module}/pkg/apis/config"

echo "clientset, listers, informers"
rm -rf pkg/client
go tool client-gen --go-header-file "${header}" --clientset-name versioned --input-base "" \
  --input "${api}" --output-dir pkg/client/clientset --output-pkg "${client}/clientset"
go tool lister-gen --go-header-file "${header}" \
  --output-dir pkg/client/listers --output-pkg "${client}/listers" "${api}"
go tool informer-gen --go-header-file "${header}" \
  --versioned-clientset-package "${client}/clientset/versioned" --listers-package "${client}/listers" \
  --output-dir pkg/client/informers --output-pkg "${client}/informers" "${api}"

echo "injection"
go tool injection-gen --go-header-file "${header}" --input-dirs "${api}" \
  --versioned-clientset-package "${client}/clientset/versioned" \
  --external-versions-informers-package "${client}/informers/externalversions" \
  --listers-package "${client}/listers" \
  --output-dir pkg/client/injection --output-package "${client}/injection" >/dev/null

echo "CRD"
"${bin}/controller-gen" crd:allowDangerousTypes=true,headerFile=hack/boilerplate.yaml.txt \
  paths=./pkg/apis/workflowexecution/... output:crd:dir=_output/crd
mv _output/crd/kubernaut.ai_workflowexecutions.yaml config/300-workflowexecution.yaml
rm -rf _output/crd

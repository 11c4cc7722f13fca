#!/usr/bin/env bash
# Copyright 2026 The WorkflowExecution Authors.
# SPDX-License-Identifier: Apache-2.0

# Regenerates everything that is generated.
set -o errexit -o nounset -o pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "${root}"

module=kubernaut.ai/workflowexecution
api="${module}/pkg/apis/workflowexecution/v1alpha1"
client="${module}/pkg/client"
header="${root}/hack/boilerplate.go.txt"

bin="${root}/bin"
mkdir -p "${bin}"
go -C hack/tools/controller-gen build -o "${bin}/controller-gen" sigs.k8s.io/controller-tools/cmd/controller-gen

echo "deepcopy"
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
# Conditions are of a type of Knative's, which has no limits. They are those of workflowexecution_texts.go.
limit() { sed -i "/description: $1/,/type: string/s/^\( *\)type: string/\1maxLength: $2\n&/" _output/crd/kubernaut.ai_workflowexecutions.yaml; }
limit "A human readable message indicating details about" 4096
limit "The reason for the condition's last transition" 256
mv _output/crd/kubernaut.ai_workflowexecutions.yaml config/300-workflowexecution.yaml
rm -rf _output/crd

echo "checksums of the ConfigMaps' examples"
hack/update-checksums.sh

echo "documentation of the reasons of failures"
go test ./pkg/failure -count 1 -run TestFailureReasonsDoc -update >/dev/null

echo "licences of what each image contains"
go -C hack/tools/go-licenses build -o "${bin}/go-licenses" github.com/google/go-licenses/v2
for program in workflowexecution webhook; do
  # Real files, for ko refuses links that leave kodata.
  licences="cmd/${program}/kodata/licenses"
  "${bin}/go-licenses" save "./cmd/${program}" --save_path "${licences}" --force 2>/dev/null
  rm -rf "${licences:?}/${module}"
  # Of modules under the MPL it also saves the source, which the module proxy offers to everybody.
  find "${licences}" -type f ! -iname '*licen[cs]e*' ! -iname '*notice*' ! -iname '*copying*' -delete
  find "${licences}" -type d -empty -delete
done

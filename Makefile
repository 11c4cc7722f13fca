# Copyright 2026 The WorkflowExecution Authors.
# SPDX-License-Identifier: Apache-2.0

SHELL := /usr/bin/env bash
.SHELLFLAGS := -o errexit -o nounset -o pipefail -c
.DEFAULT_GOAL := help

# The tests that start a local cluster; one package at a time, because each wants the whole machine.
# Without those that need root, since they run a real node.
CLUSTER_TESTS = $$(go list ./test/... | grep --invert-match --extended-regexp '/test/(machine|e2e)$$')
NODE_PACKAGES := containerd runc containernetworking-plugins iptables iproute2 busybox-static openssl
UNIT_TESTS := ./cmd/... ./pkg/... ./config/... ./examples/...
BIN := $(CURDIR)/bin
# hack/sign-workflow is built like Tekton, so that most of it is compiled already.
TEKTON_FLAGS := -trimpath -gcflags=all=-dwarf=false -modfile=../../third_party/tekton/go.mod
# What --version says. Where git does not tell, the programs say what the go command has noted in them.
VERSION ?= $(shell git describe --tags --always --dirty 2> /dev/null)
COMMIT ?= $(shell git rev-parse HEAD 2> /dev/null)
LDFLAGS = -X kubernaut.ai/workflowexecution/pkg/version.version=$(VERSION) \
	-X kubernaut.ai/workflowexecution/pkg/version.commit=$(COMMIT)

.PHONY: help
help: ## Show what can be made.
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Take one WorkflowExecution to Completed and one to Failed on a local cluster.
	@mkdir -p $(BIN)
	@echo "building the demonstration (minutes on a machine that has built nothing yet)"
	GOGC=$${GOGC:-400} go build -o $(BIN)/demo ./test/demo
	$(BIN)/demo run

.PHONY: up
up: ## Start a local cluster with the controller and leave it running.
	@mkdir -p $(BIN)
	go build -o $(BIN)/demo ./test/demo
	$(BIN)/demo up

.PHONY: down
down: ## Stop the cluster of "make up".
	@mkdir -p $(BIN)
	go build -o $(BIN)/demo ./test/demo
	$(BIN)/demo down

.PHONY: test
test: postgresql ## Run all tests that need no root.
	go test -timeout 10m $(UNIT_TESTS)
	CGO_ENABLED=0 go -C hack/sign-workflow test $(TEKTON_FLAGS) .
	go test -timeout 30m -count 1 -p 1 $(CLUSTER_TESTS)

.PHONY: integration
integration: postgresql ## Run only the tests on a local cluster.
	go test -timeout 30m -count 1 -p 1 $(CLUSTER_TESTS)

.PHONY: e2e
e2e: node-packages ## Install the product on real nodes and test it there; as root, on Linux.
	go test -count 1 ./test/machine
	go test -timeout 60m -count 1 -v $(if $(PARTS),-run '^TestSuite$$/^($(PARTS))$$') ./test/e2e

.PHONY: node
node: node-packages ## Start a cluster with a real node and the product, and leave it running; as root, on Linux.
	@mkdir -p $(BIN)
	go build -o $(BIN)/node ./test/node
	$(BIN)/node up

.PHONY: node-down
node-down: ## Stop the cluster of "make node".
	@mkdir -p $(BIN)
	go build -o $(BIN)/node ./test/node
	$(BIN)/node down

.PHONY: node-packages
node-packages: ## Install what a real node needs and is missing, with apt as root.
	@PATH="$$PATH:/usr/sbin:/sbin"; missing=; \
	for program in containerd runc iptables ip busybox openssl; do command -v $$program > /dev/null || missing=yes; done; \
	if test -n "$$missing" || ! test -e /usr/lib/cni/bridge; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
			apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $(NODE_PACKAGES); \
		else \
			echo "a real node needs root and the packages $(NODE_PACKAGES)" >&2; exit 1; \
		fi; \
	fi

.PHONY: compatibility
compatibility: postgresql ## Run the integration tests on other versions of Kubernetes and Tekton; PAIRS="1.35/1.15", RUN and SKIP choose.
	go run ./test/compatibility $(if $(PAIRS),-pairs '$(PAIRS)') $(if $(RUN),-run '$(RUN)') $(if $(SKIP),-skip '$(SKIP)')

.PHONY: bench
bench: postgresql ## Measure on a local cluster.
	go test -timeout 30m -run '^$$' -bench . -benchtime 2s ./test/bench

.PHONY: postgresql
postgresql: ## Install PostgreSQL for the tests if it is missing, with apt as root.
	@if ! command -v initdb /usr/lib/postgresql/*/bin/initdb > /dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
			apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends postgresql; \
		else \
			echo "PostgreSQL is not installed: apt-get install postgresql (or have postgres and initdb on the PATH)" >&2; exit 1; \
		fi; \
	fi

.PHONY: verify
verify: lint ## Fail if generated files, modules or the code's form are not as they should be.
	hack/verify-codegen.sh
	go mod tidy -diff
	go mod verify

.PHONY: generate
generate: ## Regenerate everything that is generated.
	hack/update-codegen.sh

.PHONY: build
build: ## Build the controller and the webhook.
	go build -ldflags '$(LDFLAGS)' -o $(BIN)/workflow-execution ./cmd/workflowexecution
	go build -ldflags '$(LDFLAGS)' -o $(BIN)/webhook ./cmd/webhook

.PHONY: release
release: ## Make a release: VERSION=v1.2.3 KO_DOCKER_REPO=registry.example.com/kubernaut make release
	@go run ./test/release/makerelease

.PHONY: lint
lint: ## Run the linters.
	@mkdir -p $(BIN)
	go -C hack/tools/golangci-lint build -o $(BIN)/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	$(BIN)/golangci-lint run ./...

.PHONY: clean
clean: ## Remove what was built here. The programs of the local cluster stay in the user's cache.
	rm -rf bin _output

# conbroker. "make demo" runs the main job on a real virtual machine, "make test" runs every test; both install what they need.
# "make help" lists the rest.

SHELL := /bin/bash
GO = $(eval GO := $$(shell testdata/setup/go.sh))$(or $(GO),$(error no go command: see the message above))
# Tools and tests that run "go" themselves find the same one.
WITH_GO = PATH="$(dir $(GO)):$$PATH"
LINT_VERSION := v2.15.0
LINT := .bin/golangci-lint-$(LINT_VERSION)
BINARY := .bin/conbroker
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
FUZZTIME ?= 20s

NEED_BUILD := git:git
NEED_GUEST := qemu-system-x86_64:qemu-system-x86 cpio:cpio lz4:lz4 flock:util-linux
NEED_TEST := $(NEED_GUEST) gcc:gcc cc:libc6-dev jq:jq python3:python3 node:nodejs npm:npm tmux:tmux top:procps ssh:openssh-client sshd:openssh-server fish:fish tcsh:tcsh

NEED_XEN := $(NEED_GUEST) mmdebstrap:mmdebstrap fakeroot:fakeroot xz:xz-utils mke2fs:e2fsprogs openssl:openssl ssh:openssh-client

.DEFAULT_GOAL := help
.PHONY: help build demo shell test test-go test-xen xenlab race lint fuzz generate bench cross man clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the program, as .bin/conbroker
	@testdata/setup/need.sh $(NEED_BUILD)
	$(GO) build -trimpath -o $(BINARY) ./broker/cmd/conbroker

demo: build ## boot a real virtual machine, work in its console, list it, cancel it
	@testdata/setup/need.sh $(NEED_GUEST) && testdata/setup/lists.sh
	@$(GO) run ./testdata/demo $(BINARY)

shell: build ## the same, and leave you in the guest's shell (^] leaves)
	@testdata/setup/need.sh $(NEED_GUEST) && testdata/setup/lists.sh
	@testdata/demo/shell.sh $(BINARY)

test: test-go ## every test

test-go: build lint cross ## the Go tests, with the race detector, on the real guest
	@testdata/setup/need.sh $(NEED_TEST) && testdata/setup/lists.sh
	$(WITH_GO) CONBROKER_REQUIRE_TMUX=1 go test -race -timeout 20m ./...

test-xen: ## the Xen driver on a real Xen host, which is built and booted in QEMU
	@testdata/setup/need.sh $(NEED_XEN) && testdata/setup/lists.sh
	$(WITH_GO) go test -race -tags xenlab -timeout 20m -run Xen ./broker/internal/e2e && \
	$(WITH_GO) go test -race -tags xenlab -timeout 20m ./broker/internal/driver/xen/...

xenlab: ## boot that host and its twin, lab00 and lab01, and say how to log in
	@testdata/setup/need.sh $(NEED_XEN) && testdata/setup/lists.sh
	@testdata/xenlab/boot.sh

race: test-go

lint: $(LINT) ## golangci-lint
	$(WITH_GO) $(LINT) run ./... ./testdata/demo ./testdata/bench

$(LINT):
	@mkdir -p .bin
	$(WITH_GO) GOBIN=$(CURDIR)/.bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv .bin/golangci-lint $@

fuzz: ## every fuzz target for FUZZTIME (20s) each
	@for package in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
	    echo "$$package $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$package || exit 1; \
	  done; \
	done

generate: ## what is generated from rpc/protocol and from the command line
	$(WITH_GO) go generate ./...

bench: build ## the figures that matter, as ratios to a peer of the same run
	@testdata/setup/need.sh $(NEED_GUEST) && testdata/setup/lists.sh
	@$(WITH_GO) go run ./testdata/bench $(BINARY)

cross: ## compile for every platform
	@for platform in $(PLATFORMS); do \
	  echo "cross $$platform"; \
	  CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} $(GO) build -trimpath -o /dev/null ./broker/cmd/conbroker || exit 1; \
	done

man: build ## the manual pages, as dist/man/*.1
	$(BINARY) man dist/man

clean: ## remove what was built here (the guest's cache stays)
	rm -rf .bin dist

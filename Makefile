# make test is everything a change has to pass; the other targets are its parts and what goes with them.
# What a target needs it installs itself, into build/ where it can (test/scripts/tools.sh).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO    ?= go
BUF   := build/buf/node_modules/.bin/buf

# The packages with tests of their own; those under test/ start a whole broker and real clients, and come last.
UNITS = $$($(GO) list ./... | grep -v '^warren/test')

.PHONY: all test check fmt vet staticcheck imports proto unit budget clients generate bench bench-peers bench-scale bench-idle build tools clean

all: build

test: check unit budget clients

check: fmt vet staticcheck imports proto

fmt:
	@unformatted=$$(gofmt -l $$(find . -name '*.go' -not -path './build/*' -not -path '*/node_modules/*')); \
	if [ -n "$$unformatted" ]; then echo "gofmt -w these:" $$unformatted; exit 1; fi

vet:
	$(GO) vet ./...

staticcheck:
	$(GO) tool staticcheck ./...

# Fails when an import goes against the stream, or a top-level folder is not an agreed one.
imports:
	$(GO) test ./internal/imports

# Lints proto/, refuses a breaking change and generated Go that is not what the .proto says.
proto: tools
	test/scripts/proto.sh

unit: tools
	packages=$(UNITS) && $(GO) test -race -timeout 15m $$packages

clients: tools
	$(GO) test -race -timeout 25m ./test/...

# Allocations per message, which the race detector would change.
budget:
	$(GO) test ./test/budget

generate: tools
	$(BUF) generate
	$(GO) generate ./...

# Actors, codec, routing, ready list and journal, in a few minutes, beside the recorded figures (benchmarks/compare.sh has its switches).
bench:
	benchmarks/compare.sh

# Warren, RabbitMQ (installed from Debian's packages) and a relay under the same loads, into benchmarks/results: RUNS of SECONDS each.
# ONLY is a regular expression over the loads' names. Use it on a machine that does nothing else.
bench-peers: build
	benchmarks/peers/install.sh
	$(GO) run ./benchmarks/peers --runs $(or $(RUNS),5) --seconds $(or $(SECONDS),10) --only '$(ONLY)'

# The cost of a message by connections, queues, fan-out, prefetch and depth; what is not flat is flagged. PROFILES=DIR keeps CPU profiles.
bench-scale: build
	$(GO) run ./benchmarks/scale --seconds $(or $(SECONDS),5) --only '$(ONLY)' --profiles '$(PROFILES)'

# The memory of an idle broker, and of 10 000 idle connections, channels, queues, bindings and consumers.
bench-idle:
	$(GO) test ./benchmarks/idle -run '^$$' -bench Idle -benchtime 1x -timeout 20m

build:
	$(GO) build -o build/ ./cmd/...

tools:
	@test/scripts/tools.sh

clean:
	rm -rf build

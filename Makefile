# The commands of the project. `make demo` and `make test` do all set-up themselves.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
CARGO ?= cargo
DEMO_ARGS ?=
FUZZ_SECONDS ?= 5
LATENCY_ARGS ?= --profile lan,dsl,bad --against tigervnc,x11vnc

.PHONY: help setup build demo test tidy check loom simulate fuzz bench latency

help: ## print this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

setup: ## install the Debian or Ubuntu packages that are missing
	@scripts/setup build demo test

build: ## build the programs, optimised, into target/release
	@scripts/setup build
	$(CARGO) build --release --locked --workspace --bins

demo: ## run the whole product once on real displays and check every pixel
	@scripts/setup build demo
	$(CARGO) build --release --locked -p tessera-center -p tessera-customer -p tessera-csr -p tessera-demo
	target/release/tessera-demo $(DEMO_ARGS)

test: setup ## run every test
	$(CARGO) test --locked --workspace --no-fail-fast

tidy: ## check the invariants of ARCHITECTURE.md in the source
	$(CARGO) test --locked -p tessera-demo --test tidy

check: ## formatting, clippy and documentation, warnings denied
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items

loom: ## check every interleaving of the hand-over slot
	@scripts/setup build
	RUSTC_WORKSPACE_WRAPPER=scripts/rustc-loom $(CARGO) test --locked --workspace --lib slot::model

simulate: ## play 10,000 sessions against the reference model of the rules
	@scripts/setup build
	TESSERA_SIMULATED_SESSIONS=10000 $(CARGO) test --locked --release -p tessera --test simulation no_session -- --nocapture

fuzz: ## run every fuzz target for FUZZ_SECONDS over its corpus
	@scripts/setup build
	@scripts/fuzz $(FUZZ_SECONDS)

bench: ## run the benchmarks
	@scripts/setup build
	$(CARGO) bench --locked -p tessera-bench

latency: ## measure delays and bytes between real displays beside others; needs root, some 15 minutes
	@scripts/setup build demo latency
	$(CARGO) build --release --locked -p tessera-center -p tessera-customer -p tessera-csr -p tessera-bench
	@mkdir -p target/latency
	target/release/tessera-bench latency $(LATENCY_ARGS) --svg target/latency/latency.svg \
		--results target/latency/latency.json | tee target/latency/latency.md

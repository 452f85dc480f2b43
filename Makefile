# The commands one types every day. `cargo xtask --help` shows the rest.

.DEFAULT_GOAL := help
.PHONY: help server test fmt lint

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

server: ## Build and start the bank: gRPC on :9090, HTTP/JSON on :8080, the worker
	cargo run

test: ## Set up what the tests need, and run every check and every test
	cargo xtask ci

fmt: ## Format every file
	cargo fmt --all

lint: ## Look for what clippy, the dependency floors and the house style object to
	cargo clippy --workspace --all-targets --all-features -- -Dwarnings
	cargo xtask floors
	cargo xtask tidy

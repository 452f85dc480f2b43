# The commands one types every day, under the names that users of the course know. `cargo xtask --help` shows the rest.

# As .PHONY is read here: the course's targets in its order, then ours.
.DEFAULT_GOAL := help
.PHONY: postgres createdb dropdb migrateup migratedown migrateup1 migratedown1 db_docs db_schema sqlc test server mock proto evans redis \
	redis_stop redis_start redis_ping postgres_stop lecture-55 lecture-56 lecture-58 lectures help fmt lint

# Tests of the bank on a Postgres of their own, which they start.
ON_POSTGRES := cargo test --quiet --package simplebank --features postgres-server --test services_on_postgres

postgres: ## Start Postgres on :5432: in Docker, or a local one in .dev/
	scripts/postgres.sh start

createdb: ## Create the database simple_bank there
	scripts/postgres.sh createdb

dropdb: ## Drop it
	scripts/postgres.sh dropdb

migrateup: ## Apply every migration to DB_SOURCE
	cargo run --quiet -- migrate up

migratedown: ## Take every migration back
	cargo run --quiet -- migrate down all

migrateup1: ## Apply the next one
	cargo run --quiet -- migrate up 1

migratedown1: ## Take the last migration back
	cargo run --quiet -- migrate down 1

db_docs: ## Write docs/db/README.md, tables and diagram, from a database that is migrated for it
	UPDATE_DB_DOCS=1 $(ON_POSTGRES) docs::every_table

db_schema: ## Write docs/db/schema.sql in the same way
	UPDATE_DB_DOCS=1 $(ON_POSTGRES) docs::the_schema

sqlc: ## Prepare every SQL statement of the bank on SQLite and on Postgres
	cargo test --quiet --package simplebank --features postgres-server --test services --test services_on_postgres every_statement

test: ## Set up what the tests need, and run every check and every test
	cargo xtask ci

server: ## Build and start the bank: gRPC on :9090, HTTP/JSON on :8080, the worker
	cargo run

mock: ## Say why there is no mock of the store
	@sed -n '/^## No mock/,/^## /{/^## /d;p;}' CONTRIBUTING.md

proto: ## Write the descriptors of the API after a change in proto/; a test fails until then
	cargo run --quiet --package simplebank --example descriptors proto/simple_bank.descriptors.bin

evans: ## Talk gRPC with a running bank by its reflection; CALL='services' asks once
	cargo run --quiet --package simplebank --example evans -- $(CALL)

redis: ## Start Redis on :6379: in Docker, or a local one in .dev/
	scripts/redis.sh start

redis_stop: ## Stop it, and with it the fault of lecture 56 begins
	scripts/redis.sh stop

redis_start: ## Start it again with what it kept
	scripts/redis.sh start

redis_ping: ## Ask it for a PONG
	scripts/redis.sh ping

postgres_stop: ## Stop Postgres
	scripts/postgres.sh stop

lecture-55: ## Replay lecture 55: a task after the commit, and what a crash and an absence of Redis make of it
	scripts/lectures.sh lecture_55

lecture-56: ## Replay lecture 56: a task inside the transaction, which rolls back without Redis
	scripts/lectures.sh lecture_56

lecture-58: ## Replay lecture 58: a commit that comes late, with and without a delay; then the same with the outbox
	scripts/lectures.sh lecture_58 outbox lost_data

lectures: ## Replay all of them, and print what was expected and what was seen as a table
	scripts/lectures.sh

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9_-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

fmt: ## Format every file
	cargo fmt --all

lint: ## Look for what clippy, the dependency floors and the house style object to
	cargo clippy --workspace --all-targets --all-features -- -Dwarnings
	cargo xtask floors
	cargo xtask tidy

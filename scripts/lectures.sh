#!/bin/sh
# Replays experiments of the lectures, one after the other, with the bank's log as it comes: on Postgres where one is
# installed, else on SQLite. Usage: scripts/lectures.sh [NAME..], as in lecture_55; without a name, all of them.
set -eu
cd "$(dirname "$0")/.."

# The experiments start a private server of their own. Debian puts it on nobody's path.
if command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
    echo "Replaying on a private Postgres and a private Redis."
    target=lectures
else
    echo "No Postgres is installed (apt-get install postgresql): replaying on SQLite and a private Redis."
    target=lectures_on_sqlite
fi

# The same features for both, so that nothing is compiled twice.
exec cargo test --quiet --package simplebank --features failpoints,postgres-server,redis-server --test "$target" -- \
    --nocapture --test-threads 1 "$@"

#!/bin/sh
# The Postgres of a development machine on port 5432, user root, password secret: a container named postgres12, or without
# Docker a local server with its data in .dev/postgres. Usage: scripts/postgres.sh start|stop|createdb|dropdb
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/common.sh
. "$root/scripts/common.sh"

port="${POSTGRES_PORT:-5432}"
home="$dev/postgres"
database=simple_bank
export PGPASSWORD=secret

# A program of Postgres: from PATH, else from where Debian puts the newest version.
program() {
    found=$(command -v "$1" || ls -d /usr/lib/postgresql/*/bin/"$1" 2>/dev/null | sort -V | tail -n 1)
    [ -n "$found" ] || die "neither docker nor $1 works here; apt-get install postgresql"
    echo "$found"
}

# Postgres refuses to run as root: it gets the user postgres there.
as_server() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups "$@"; else "$@"; fi
}

is_running() {
    [ -d "$home/data" ] && (cd "$home" && as_server "$(program pg_ctl)" --pgdata="$home/data" status >/dev/null 2>&1)
}

make_cluster() {
    mkdir -p "$home"
    if [ "$(id -u)" = 0 ]; then
        id postgres >/dev/null 2>&1 || die "root may not run Postgres, and there is no user postgres to do it"
        chown postgres: "$home"
    fi
    as_server test -x "$home" || die "the user postgres may not enter $home"
    (umask 077 && echo "$PGPASSWORD" >"$home/password")
    if [ "$(id -u)" = 0 ]; then chown postgres: "$home/password"; fi
    (cd "$home" && as_server "$(program initdb)" --pgdata="$home/data" --username=root --pwfile="$home/password" \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 >"$home/initdb.log")
    rm "$home/password"
}

start_local() {
    if is_running; then
        echo "postgres runs already"
        return
    fi
    [ -d "$home/data" ] || make_cluster
    (cd "$home" && as_server "$(program pg_ctl)" --pgdata="$home/data" --log="$home/postgres.log" --wait --silent \
        --options="-p $port -c listen_addresses=localhost -c unix_socket_directories=''" start) ||
        die "postgres did not start: $(tail -n 2 "$home/postgres.log")"
    echo "postgres listens on localhost:$port, its data is in $home/data"
}

stop_local() {
    is_running || die "no postgres was started here"
    (cd "$home" && as_server "$(program pg_ctl)" --pgdata="$home/data" --mode=fast --wait --silent stop)
    echo "postgres is stopped, its data stays in $home/data"
}

# createdb and dropdb of the server.
client() {
    name="$1"
    shift
    if docker_works; then
        docker exec postgres12 "$name" --username=root "$@" "$database"
    else
        "$(program "$name")" --host=localhost --port="$port" --username=root "$@" "$database"
    fi
}

case "${1:-}" in
start)
    if docker_works; then
        # The version of the course; any later one works as well.
        docker start postgres12 2>/dev/null ||
            docker run --name postgres12 -p "$port":5432 -e POSTGRES_USER=root -e POSTGRES_PASSWORD="$PGPASSWORD" \
                -d postgres:12-alpine
    else
        start_local
    fi
    ;;
stop)
    if docker_works; then docker stop postgres12; else stop_local; fi
    ;;
createdb) client createdb --owner=root ;;
dropdb) client dropdb ;;
*) die "start, stop, createdb or dropdb" ;;
esac

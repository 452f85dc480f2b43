#!/bin/sh
# The Redis of a development machine on port 6379: a container named redis, or without Docker a local redis-server with
# its data in .dev/redis. Usage: scripts/redis.sh start|stop|ping
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/common.sh
. "$root/scripts/common.sh"

port="${REDIS_PORT:-6379}"
home="$dev/redis"
pid_file="$home/redis.pid"

# What Redis has taken over it must keep: append-only file on, nothing evicted.
options="--appendonly yes --maxmemory-policy noeviction"

is_running() {
    [ -f "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null
}

start_local() {
    command -v redis-server >/dev/null || die "neither docker nor redis-server works here; apt-get install redis-server"
    if is_running; then
        echo "redis runs already, process $(cat "$pid_file")"
        return
    fi
    mkdir -p "$home"
    # shellcheck disable=SC2086 # several words
    redis-server --bind 127.0.0.1 --port "$port" --dir "$home" --daemonize yes --pidfile "$pid_file" \
        --logfile "$home/redis.log" $options >/dev/null
    tries=50
    until is_running && redis-cli -p "$port" ping >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || die "redis-server did not start: $(tail -n 1 "$home/redis.log")"
        sleep 0.1
    done
    echo "redis-server listens on 127.0.0.1:$port, its data is in $home"
}

stop_local() {
    is_running || die "no redis-server was started here"
    pid=$(cat "$pid_file")
    redis-cli -p "$port" shutdown
    tries=100
    while kill -0 "$pid" 2>/dev/null; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || die "redis-server does not end, process $pid"
        sleep 0.1
    done
    echo "redis-server is stopped, its data stays in $home"
}

case "${1:-}" in
start)
    if docker_works; then
        # shellcheck disable=SC2086 # several words
        docker start redis 2>/dev/null ||
            docker run --name redis -p "$port":6379 -d redis:7-alpine redis-server $options
    else
        start_local
    fi
    ;;
stop)
    if docker_works; then docker stop redis; else stop_local; fi
    ;;
ping)
    if docker_works; then docker exec redis redis-cli ping; else redis-cli -p "$port" ping; fi
    ;;
*) die "start, stop or ping" ;;
esac

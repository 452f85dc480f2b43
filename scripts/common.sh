# shellcheck shell=sh disable=SC2154,SC2034
# What the scripts for the servers share. Read by them with `.`; `root` is the repository.

# Where servers without Docker keep their data; see .gitignore.
dev="$root/.dev"

die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

# Docker is used where its daemon answers, and local programs where not.
docker_works() {
    command -v docker >/dev/null && docker info >/dev/null 2>&1
}

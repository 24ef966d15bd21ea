#!/bin/sh
# `make compose-test`: brings the compose stack up for real from a copy of this checkout, and plays a night on it.
# A Docker engine that answers is used with the compose file's own images. Without one, and as root, Debian's engine is started
# in a network and a mount namespace of its own, from images made here; docs/compose.md says what stands in for what.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
python="$repo/.venv/bin/python"
cache="${LAKELOOP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lakeloop}/compose-test"
work=$(mktemp -d "${TMPDIR:-/tmp}/lakeloop-compose-XXXXXX")
engine=""
within=""

say() { echo "compose-test: $*" >&2; }
give_up() { say "$*; nothing was run"; exit 1; }

clean_up() {
    status=$?
    trap - EXIT INT TERM
    if [ -d "$work/checkout" ]; then (cd "$work/checkout" && docker compose down --volumes --timeout 20 >/dev/null 2>&1) || true; fi
    if [ -n "$engine" ]; then "$here/engine.sh" stop "$work" "$engine" || true; fi
    rm -rf --one-file-system "$work"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

copy_checkout() { # what a clone would hold, changes not yet committed included, and never the stack root of this checkout
    mkdir "$work/checkout"
    (cd "$repo" && git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - 2>/dev/null) |
        tar -x -C "$work/checkout"
    if [ "$(id -u)" = 0 ]; then
        chown -R 1000:1000 "$work/checkout"
    else
        LAKELOOP_UID=$(id -u) LAKELOOP_GID=$(id -g)
        export LAKELOOP_UID LAKELOOP_GID
    fi
}

have_compose() { # the lock has the plugin as a package, for where the system has none
    docker compose version >/dev/null 2>&1 && return
    binary=$("$python" -c 'import compose, pathlib; print(pathlib.Path(compose.__file__).with_name("docker-compose"))')
    export DOCKER_CONFIG="$work/docker"
    mkdir -p "$DOCKER_CONFIG/cli-plugins"
    ln -sf "$binary" "$DOCKER_CONFIG/cli-plugins/docker-compose"
    echo '{}' >"$DOCKER_CONFIG/config.json" # buildah asks for it
    docker compose version >/dev/null || give_up "docker compose does not run"
}

own_engine() {
    missing=""
    for tool in docker dockerd runc iptables unshare nsenter buildah mmdebstrap go; do
        command -v "$tool" >/dev/null || missing="$missing $tool"
    done
    [ "$(id -u)" = 0 ] || missing=" root$missing"
    [ -z "$missing" ] || give_up "no Docker engine answers, and for one of its own this lacks$missing." \
        "Start Docker, or on Debian as root: apt-get install -y docker.io runc iptables buildah mmdebstrap, and Go"
    engine=$("$here/engine.sh" start "$work") || give_up "the engine did not come up"
    export DOCKER_HOST="unix://$work/engine.sock"
    within="nsenter --net --target $engine"
}

mkdir -p "$cache"
copy_checkout
if docker info >/dev/null 2>&1; then
    have_compose
    cd "$work/checkout"
    docker compose build
    docker compose pull --ignore-buildable --policy missing postgres s3 lakefs
else
    own_engine
    have_compose
    . "$here/images.sh"
    make_images "$work" "$cache" "$repo"
fi
say "bringing it up"
cd "$work/checkout" # the tests are the copy's too: this checkout may change meanwhile
export LAKELOOP_COMPOSE_CHECKOUT="$PWD" PYTHONPATH="$PWD/include:$PWD/plugins"
$within "$python" -m pytest -p no:cacheprovider --timeout=3600 -m compose tests/compose "$@"

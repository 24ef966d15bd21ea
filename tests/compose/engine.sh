#!/bin/sh
# A Docker engine for one test: `engine.sh start FOLDER` prints its pid, `engine.sh stop FOLDER PID` leaves nothing of it.
set -eu
verb=$1
folder=$2

start() {
    mkdir -p "$folder/engine"
    # A namespace of its own for networks, so that no rule of this machine's changes; one for mounts, so that none is left.
    # Containers get limits that also a machine without CAP_SYS_RESOURCE can give.
    setsid unshare --net --mount --propagation slave sh -c 'ip link set lo up && exec "$@"' - \
        dockerd --host "unix://$folder/engine.sock" --data-root "$folder/engine/data" --exec-root "$folder/engine/run" \
        --pidfile "$folder/engine/pid" --default-ulimit nofile=20000:20000 --default-ulimit nproc=8192:8192 \
        >"$folder/engine.log" 2>&1 &
    for _ in $(seq 120); do
        if DOCKER_HOST="unix://$folder/engine.sock" docker info >/dev/null 2>&1; then
            cat "$folder/engine/pid"
            return
        fi
        sleep 0.5
    done
    tail -n 20 "$folder/engine.log" >&2
    exit 1
}

stop() {
    kill "$1" 2>/dev/null || return 0
    for _ in $(seq 120); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.5
    done
    echo "the engine (pid $1) did not end within a minute" >&2
}

case $verb in
start) start ;;
stop) stop "$3" ;;
esac

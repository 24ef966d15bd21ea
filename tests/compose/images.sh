# Sourced by run.sh: makes every image of the compose file where no registry can be reached.

quietly() { # its words only where it fails
    "$@" >"$folder/build.log" 2>&1 && return
    tail -n 30 "$folder/build.log" >&2
    return 1
}

make_images() { # FOLDER CACHE REPO
    folder=$1 cache=$2 repo=$3
    context="$folder/stand-ins"
    cp -r "$repo/tests/compose/stand-ins" "$context"
    debian
    server
    cp "$cache/versitygw-1.8.0/versitygw" "$context/"
    cp "$("$repo/.venv/bin/python" -c 'from lakeloop.stack.artifacts import lakefs_binary; print(lakefs_binary())')" "$context/lakefs"
    say "stand-ins: Debian's Postgres, the S3 server and lakeFS as built here"
    zcat "$cache/debian.tar.gz" | docker import - lakeloop-test/debian >/dev/null
    for name in postgres s3 lakefs; do
        quietly docker build --target "$name" --tag "lakeloop-test/$name" "$context"
    done
    export POSTGRES_IMAGE=lakeloop-test/postgres S3_IMAGE=lakeloop-test/s3 LAKEFS_IMAGE=lakeloop-test/lakefs
    platform
}

debian() { # the root file system of all of them
    [ -f "$cache/debian.tar.gz" ] && return
    say "making Debian's root file system"
    packages=ca-certificates,wget,postgresql-15,libnss-wrapper,libbz2-1.0,libexpat1,libffi8,liblzma5,libncursesw6,libreadline8,libsqlite3-0
    mmdebstrap --quiet --variant=minbase --include="$packages,libssl3,libuuid1,zlib1g" bookworm "$cache/part.tar.gz"
    mv "$cache/part.tar.gz" "$cache/debian.tar.gz"
}

server() { # the compose file's own S3 server, at its version
    [ -x "$cache/versitygw-1.8.0/versitygw" ] && return
    say "building the S3 server (a minute)"
    CGO_ENABLED=0 GOBIN="$cache/versitygw-1.8.0" go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
}

builder() { # buildah with a store of this test's own
    buildah --root "$folder/buildah" --runroot "$folder/buildah-run" --storage-driver overlay "$@"
}

platform() { # the product's Dockerfile, on a base made here; under buildah, since the engine's namespace has no way out
    say "building the platform's image (minutes)"
    python_home=$("$repo/.venv/bin/python" -c 'import sys; print(sys.base_prefix)')
    [ "$python_home" != /usr ] || give_up "the base takes a Python 3.12 in a folder of its own, as uv and pyenv make them"
    base="$folder/base"
    mkdir -p "$base/certificates"
    zcat "$cache/debian.tar.gz" >"$base/debian.tar"
    cp -r "$python_home" "$base/python"
    rm -rf "$base/python/lib/python3.12/test" "$base/python/lib/python3.12/site-packages"
    cp /usr/local/share/ca-certificates/*.crt "$base/certificates/" 2>/dev/null || true
    quietly builder bud --isolation chroot --network host --format docker --tag lakeloop-test/base \
        --file "$folder/stand-ins/base.Dockerfile" "$base"
    quietly builder bud --isolation chroot --network host --format docker --tag lakeloop:0.1.0 \
        --build-arg BASE=localhost/lakeloop-test/base --ignorefile "$folder/checkout/.dockerignore" \
        --file "$folder/checkout/docker/Dockerfile" "$folder/checkout"
    quietly builder push lakeloop:0.1.0 "docker-archive:$folder/image.tar:lakeloop:0.1.0"
    docker load --quiet --input "$folder/image.tar" >/dev/null
    rm -rf "$folder/image.tar" "$base"
}

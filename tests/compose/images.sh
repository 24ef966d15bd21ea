# Sourced by run.sh: makes every image of the compose file where no registry can be reached.

make_images() { # FOLDER CACHE REPO
    folder=$1 cache=$2 repo=$3
    context="$folder/stand-ins"
    cp -r "$repo/tests/compose/stand-ins" "$context"
    debian "$cache"
    server "$cache"
    cp "$cache/versitygw-1.8.0/versitygw" "$context/"
    cp "$("$repo/.venv/bin/python" -c 'from lakeloop.stack.artifacts import lakefs_binary; print(lakefs_binary())')" "$context/lakefs"
    say "stand-ins: Debian's Postgres, the S3 server and lakeFS as built here"
    zcat "$cache/debian.tar.gz" | docker import - lakeloop-test/debian >/dev/null
    for name in postgres s3 lakefs; do
        docker build --quiet --target "$name" --tag "lakeloop-test/$name" "$context" >/dev/null
    done
    export POSTGRES_IMAGE=lakeloop-test/postgres S3_IMAGE=lakeloop-test/s3 LAKEFS_IMAGE=lakeloop-test/lakefs
    platform "$folder" "$cache" "$repo"
}

debian() { # the root file system of all of them
    [ -f "$1/debian.tar.gz" ] && return
    say "making Debian's root file system"
    packages=ca-certificates,wget,postgresql-15,libnss-wrapper,libbz2-1.0,libexpat1,libffi8,liblzma5,libncursesw6,libreadline8,libsqlite3-0
    mmdebstrap --quiet --variant=minbase --include="$packages,libssl3,libuuid1,zlib1g" bookworm "$1/part.tar.gz"
    mv "$1/part.tar.gz" "$1/debian.tar.gz"
}

server() { # the compose file's own S3 server, at its version
    [ -x "$1/versitygw-1.8.0/versitygw" ] && return
    say "building the S3 server (a minute)"
    CGO_ENABLED=0 GOBIN="$1/versitygw-1.8.0" go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
}

platform() { # the product's Dockerfile, on a base made here; under buildah, since the engine's namespace has no way out
    say "building the platform's image (minutes)"
    base="$1/base"
    mkdir -p "$base/certificates"
    zcat "$2/debian.tar.gz" >"$base/debian.tar"
    cp -r "$("$3/.venv/bin/python" -c 'import sys; print(sys.base_prefix)')" "$base/python"
    rm -rf "$base/python/lib/python3.12/test" "$base/python/lib/python3.12/site-packages"
    cp /usr/local/share/ca-certificates/*.crt "$base/certificates/" 2>/dev/null || true
    export STORAGE_DRIVER=overlay
    store="--root $1/buildah --runroot $1/buildah-run"
    build="buildah $store bud --quiet --isolation chroot --network host --format docker"
    $build --tag lakeloop-test/base --file "$base/../stand-ins/base.Dockerfile" "$base" >/dev/null
    $build --tag lakeloop:0.1.0 --file "$1/checkout/docker/Dockerfile" --ignorefile "$1/checkout/.dockerignore" \
        --build-arg BASE=localhost/lakeloop-test/base "$1/checkout" >"$1/build.log" 2>&1 || { tail -n 30 "$1/build.log" >&2; return 1; }
    buildah $store push --quiet lakeloop:0.1.0 "docker-archive:$1/image.tar:lakeloop:0.1.0"
    docker load --quiet --input "$1/image.tar" >/dev/null
    rm -rf "$1/image.tar" "$base"
}

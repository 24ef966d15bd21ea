#!/bin/sh
# What the compose file asks of the official image's entrypoint, and no more: a new cluster, its password, its first SQL.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # initdb wants its user to have a name
    echo "postgres:x:$(id -u):$(id -g)::/tmp:/bin/sh" > /tmp/passwd
    export LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD=/tmp/passwd NSS_WRAPPER_GROUP=/etc/group
    initdb --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --encoding=UTF8 --locale=C.UTF-8
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    for file in /docker-entrypoint-initdb.d/*.sql; do psql --no-psqlrc -v ON_ERROR_STOP=1 -U postgres -f "$file"; done
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
fi
exec "$@"

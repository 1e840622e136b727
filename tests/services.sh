# PostgreSQL and Redis of our own for tests, kills and benchmarks. Sourced, not run.
#
# Everything lives in one temporary folder and on free ports, so nothing that already runs on the
# machine is touched. After start_services these are set:
#   FITGATE_OWN_DIR  FITGATE_OWN_PG_URL  FITGATE_OWN_PG_PORT  FITGATE_OWN_REDIS_URL  FITGATE_OWN_REDIS_PORT
# The caller sets a trap on stop_services.

services_dir=""
redis_pid=""
apt_updated=""

say() { printf '\n== %s\n' "$*" >&2; }

# need COMMAND PACKAGE…: installs the packages when the command is missing; exit 2 if it cannot.
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null && return
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "$command is missing: install the Debian package(s) $*" >&2
        exit 2
    fi
    say "installing $*"
    if [ -z "$apt_updated" ]; then
        apt-get update -qq >&2 || true
        apt_updated=yes
    fi
    # Run level 1: the packages' own services stay off, ours are started below.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >&2 || exit 2
}

# The newest installed PostgreSQL's folder of programs; nothing when there is none.
postgres_bin() {
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
    [ -n "$found" ] || found=$(dirname "$(command -v initdb 2>/dev/null)" 2>/dev/null)
    [ -x "$found/initdb" ] && echo "$found"
}

install_missing() {
    need cc gcc libc6-dev
    need python3 python3-minimal
    need psql postgresql-client
    need redis-server redis-server
    [ -n "$(postgres_bin)" ] || { need /nowhere/initdb postgresql; }
    [ -n "$(postgres_bin)" ] || { echo "PostgreSQL's initdb is nowhere" >&2; exit 2; }
    PATH="$(postgres_bin):$PATH"
}

# Node for the browser tests and the page's build: 20 or newer from PATH, else from a package of
# npm's, which an older Node can still install.
node_modern=20
node_package=20.20.2
need_node() {
    need node nodejs npm
    need npm npm
    [ "$(node -p 'parseInt(process.versions.node)')" -lt "$node_modern" ] || return 0
    local machine folder
    machine=$(node -p 'process.arch')
    folder=${XDG_CACHE_HOME:-$HOME/.cache}/fitgate-node/$node_package
    if [ ! -x "$folder/node_modules/node-linux-$machine/bin/node" ]; then
        say "installing Node $node_package"
        npm install --no-audit --no-fund --prefix "$folder" "node-linux-$machine@$node_package" >&2 ||
            exit 2
    fi
    PATH="$folder/node_modules/node-linux-$machine/bin:$PATH"
}

need_browser() {
    command -v chromium-browser >/dev/null || need chromium chromium
    # A face for the Chinese that the pictures show; there is no command to look for.
    [ -n "$(ls /usr/share/fonts/opentype/noto/NotoSansCJK-*.ttc 2>/dev/null)" ] ||
        need /nowhere/fonts fonts-noto-cjk
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# PostgreSQL refuses to run as root, so root hands its folder to another user.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        runuser -u "$postgres_user" -- "$@"
    else
        "$@"
    fi
}

start_postgres() {
    local data=$services_dir/postgres
    postgres_user=postgres
    id postgres >/dev/null 2>&1 || postgres_user=nobody
    mkdir -p "$data"
    [ "$(id -u)" != 0 ] || chown "$postgres_user" "$data"
    (cd "$data" && as_postgres "$(postgres_bin)/initdb" -D "$data/cluster" -U fitgate \
        --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-instructions) \
        >"$services_dir/initdb.log" 2>&1 || { cat "$services_dir/initdb.log" >&2; return 1; }
    FITGATE_OWN_PG_PORT=$(free_port)
    # Durability as in production: an acknowledged event must survive a power cut. The log keeps its
    # files and writes over them: to make one of 16 MB while entries wait takes tens of milliseconds.
    cat >"$services_dir/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $FITGATE_OWN_PG_PORT
unix_socket_directories = '$data'
max_connections = 400
shared_buffers = 512MB
max_wal_size = 4GB
min_wal_size = 2GB
checkpoint_timeout = 15min
fsync = on
synchronous_commit = on
CONF
    # Benchmarks count statements with it; a PostgreSQL without its extras starts all the same.
    [ ! -e "$(postgres_bin)/../lib/pg_stat_statements.so" ] ||
        echo "shared_preload_libraries = 'pg_stat_statements'" >>"$services_dir/postgresql.conf"
    as_postgres tee -a "$data/cluster/postgresql.conf" <"$services_dir/postgresql.conf" >/dev/null
    (cd "$data" && as_postgres "$(postgres_bin)/pg_ctl" -D "$data/cluster" -l "$data/log" -w -t 60 start) \
        >"$services_dir/pg_ctl.log" 2>&1 || { cat "$services_dir/pg_ctl.log" "$data/log" >&2; return 1; }
    FITGATE_OWN_PG_URL="postgres://fitgate@127.0.0.1:$FITGATE_OWN_PG_PORT/postgres"
    export FITGATE_OWN_PG_PORT FITGATE_OWN_PG_URL
}

# durable on|off: whether PostgreSQL waits for the disk. Not for suites, where nobody cuts the power.
durable() {
    psql -qX "$FITGATE_OWN_PG_URL" -c "ALTER SYSTEM SET fsync = $1" -c "SELECT pg_reload_conf()" >/dev/null
}

# start_redis [PORT]: keeps nothing on disk, since counters are a projection that may be lost.
start_redis() {
    FITGATE_OWN_REDIS_PORT=${1:-$(free_port)}
    redis-server --bind 127.0.0.1 --port "$FITGATE_OWN_REDIS_PORT" --save "" --appendonly no \
        --dir "$services_dir" --logfile "$services_dir/redis.log" --daemonize no &
    redis_pid=$!
    disown "$redis_pid"
    FITGATE_OWN_REDIS_URL="redis://127.0.0.1:$FITGATE_OWN_REDIS_PORT"
    export FITGATE_OWN_REDIS_PORT FITGATE_OWN_REDIS_URL
    local left=100
    until redis-cli -p "$FITGATE_OWN_REDIS_PORT" ping >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { echo "Redis did not start" >&2; return 1; }
        sleep 0.1
    done
}

start_services() {
    services_dir=$(mktemp -d "${TMPDIR:-/tmp}/fitgate-services.XXXXXX")
    chmod 755 "$services_dir"
    FITGATE_OWN_DIR=$services_dir
    export FITGATE_OWN_DIR
    start_postgres && start_redis
}

stop_services() {
    [ -n "$services_dir" ] || return 0
    [ -z "$redis_pid" ] || kill "$redis_pid" 2>/dev/null
    if [ -d "$services_dir/postgres/cluster" ]; then
        (cd / && as_postgres "$(postgres_bin)/pg_ctl" -D "$services_dir/postgres/cluster" \
            -m immediate -w stop) >/dev/null 2>&1
    fi
    rm -rf "$services_dir"
    services_dir=""
}

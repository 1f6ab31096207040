#!/usr/bin/env bash
# A private PostgreSQL server in a folder of its own: for the demo and for benchmarks.
#   private-pg.sh start DIR     make it if it is new, start it if it is down; prints its socket folder
#   private-pg.sh stop DIR      stop it (data stays)
#   private-pg.sh drop DIR      stop it and remove DIR
# It listens on a Unix socket only, in a folder that nobody else may enter: no port to collide, no password to leak.
# DIR/socket leads to that folder; connect with "host=SOCKET user=postgres".
# Nothing in it is precious, so it does not wait for the disk (fsync off); its clusters are not Debian's.
set -euo pipefail

die() {
  echo "private-pg: $*" >&2
  exit 1
}

[ $# -eq 2 ] || die "usage: private-pg.sh start|stop|drop DIR"
action=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)

bin=$(for b in "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin; do
  [ -x "$b/initdb" ] && echo "$b"
done | sort -V | tail -n 1)
[ -n "$bin" ] || die "PostgreSQL's server programs are missing: run ./dev setup"

# PostgreSQL refuses to run as root: then the system user that its package made does.
as_server=()
if [ "$(id -u)" -eq 0 ]; then
  owner=postgres
  getent passwd postgres >/dev/null || owner=nobody
  as_server=(setpriv --reuid "$owner" --regid "$(id -g "$owner")" --clear-groups env HOME=/nonexistent)
fi

# The server's home, "$dir/home": usually a folder; a link to one elsewhere if its user cannot get into $dir, if the
# socket's path would be longer than the 107 bytes that the kernel allows, or if a DSN would have to quote it.
make_home() {
  local socket_path="$dir/home/socket/.s.PGSQL.5432"
  if [ ! -e "$dir/home" ]; then
    rm -f "$dir/home"
    mkdir "$dir/home"
    if [ ${#socket_path} -gt 107 ] || [[ ! $dir =~ ^[A-Za-z0-9/._+-]+$ ]] ||
      ! "${as_server[@]}" test -x "$dir/home"; then
      rmdir "$dir/home"
      ln -s "$(mktemp -d /var/tmp/afluente-pg.XXXXXXXX)" "$dir/home"
    fi
  fi
  mkdir -p "$dir/home/socket"
  [ ${#as_server[@]} -eq 0 ] || chown "$owner:" "$dir/home/" "$dir/home/socket"
  chmod 700 "$dir/home/" "$dir/home/socket"
}

running() { "${as_server[@]}" "$bin/pg_ctl" status -D "$home/data" >/dev/null 2>&1; }

start() {
  make_home
  home=$(readlink -f "$dir/home")
  # initdb and the start run in sessions of their own: a Ctrl-C must not hit a server that is half up and not yet
  # known to `stop`. A first start that was killed left half a cluster: begin again.
  if [ ! -f "$home/ready" ]; then
    rm -rf "$home/data"
    (cd / && setsid -w "${as_server[@]}" "$bin/initdb" -D "$home/data" -U postgres --auth=trust --encoding=UTF8 \
      --locale=C.UTF-8 --no-sync) >"$dir/initdb.log" 2>&1 </dev/null || {
      cat "$dir/initdb.log" >&2
      die "initdb failed"
    }
    "${as_server[@]}" tee -a "$home/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$home/socket'
wal_level = logical
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 256MB
max_wal_size = 4GB
max_wal_senders = 10
max_replication_slots = 10
CONF
    touch "$home/ready"
  fi
  ln -sfn "$home/socket" "$dir/socket"
  running && return
  (cd / && setsid -w "${as_server[@]}" "$bin/pg_ctl" start -w -t 60 -D "$home/data" -l "$home/data/server.log") \
    >"$dir/start.log" 2>&1 </dev/null || {
    cat "$dir/start.log" "$home/data/server.log" >&2
    die "the server did not start"
  }
}

stop() {
  home=$(readlink -f "$dir/home") || return 0
  running || return 0
  (cd / && "${as_server[@]}" "$bin/pg_ctl" stop -w -m fast -D "$home/data") >/dev/null 2>&1 </dev/null ||
    die "the server in $dir did not stop"
}

case $action in
  start)
    start
    echo "$home/socket"
    ;;
  stop) stop ;;
  drop)
    stop
    [ ! -L "$dir/home" ] || rm -rf "$(readlink -f "$dir/home")"
    rm -rf "$dir"
    ;;
  *) die "no action \"$action\": start, stop or drop" ;;
esac

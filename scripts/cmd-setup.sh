# shellcheck shell=bash
# Installs what the tree needs: Debian packages (packages.txt) and npm's (npm-lock.txt). Safe to repeat.

# setup [--extras]: with what only some tests use, and say so when it is missing.
cmd_setup() {
  local extras=''
  case ${1:-} in
    '') ;;
    --extras) extras=yes ;;
    *) die "unknown flag $1; known: --extras" ;;
  esac
  heading "Setup"
  require build
  require lint
  [ -z "$extras" ] || install_extras
  done_line "everything is here"
}

# A virtual environment of Python with the pinned packages of extras.txt: counterparts that others wrote.
install_extras() {
  local pin
  pin=$(sha256sum scripts/extras.txt | cut -d' ' -f1)
  if [ "$(cat .deps/extras/pin 2>/dev/null)" = "$pin" ]; then
    done_line "extras for tests are present"
    return
  fi
  require extras
  note "installing extras for tests (scripts/extras.txt)"
  rm -rf .deps/extras
  quietly build/log/extras.log python3 -m venv .deps/extras || die "python3 could not make .deps/extras"
  quietly build/log/extras.log .deps/extras/bin/pip install --no-deps --only-binary :all: -r scripts/extras.txt ||
    die "pip could not install what scripts/extras.txt pins"
  echo "$pin" >.deps/extras/pin
  done_line "extras for tests, as pinned"
}

# Makes sure that a group of packages.txt is installed and, for build, that .deps is filled. Silent when it was:
# a stamp says so, as long as it is newer than both lists and than the last change of Debian's packages.
require() {
  local group=$1 stamp=.deps/$1.stamp
  if [ -f "$stamp" ] && [ "$stamp" -nt scripts/packages.txt ] && [ "$stamp" -nt scripts/npm-lock.txt ] &&
    [ "$stamp" -nt /var/lib/dpkg/status ]; then
    [ "$group" != build ] && return
    [ -f .deps/duckdb/lib/libduckdb.so ] && [ -f .deps/duckdb/include/duckdb.h ] &&
      [ -f .deps/croner/croner.cjs ] && [ -d .deps/protos/google/rpc ] && return
  fi
  check_machine
  mkdir -p .deps
  install_debian_packages "$group"
  [ "$group" != build ] || unpack_npm_packages
  touch "$stamp"
}

check_machine() {
  [ "$(uname -s)" = Linux ] || die "afluente builds on Linux; this is $(uname -s)"
  [ "$(uname -m)" = x86_64 ] ||
    die "afluente builds on x86_64: DuckDB's pinned library is not published for $(uname -m)"
  command -v apt-get >/dev/null ||
    die "setup needs Debian 12 or newer (apt); elsewhere install what scripts/packages.txt names and run ./dev build"
}

# Prints the packages of a group that are absent or too old.
missing_packages() {
  local group=$1 kind name lowest _ installed
  declare -A have=()
  while read -r name installed; do
    have[${name%%:*}]=$installed
  done < <(dpkg-query -W -f '${db:Status-Abbrev}${binary:Package} ${Version}\n' | sed -n 's/^ii *//p')
  while read -r kind name lowest _; do
    [ "$kind" = "$group" ] || continue
    [ -n "${have[$name]:-}" ] && dpkg --compare-versions "${have[$name]}" ge "$lowest" && continue
    echo "$name"
  done <scripts/packages.txt
}

# One sync at the end instead of several for each of 400 packages halves the time.
apt_install() {
  quietly build/log/apt.log as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io "$@" ||
    die "apt-get could not install: $*"
  sync
}

install_debian_packages() {
  local group=$1 missing
  mapfile -t missing < <(missing_packages "$group")
  # Debian's npm, unless somebody installed another one.
  if [ "$group" = build ] && ! command -v npm >/dev/null; then missing+=(npm); fi
  if [ ${#missing[@]} -eq 0 ]; then
    done_line "Debian packages for $group are present"
    return
  fi
  note "installing ${#missing[@]} Debian packages for $group: ${missing[*]}"
  quietly build/log/apt-update.log as_root apt-get update || die "apt-get update failed"
  if [[ " ${missing[*]} " == *" postgresql "* ]]; then keep_machine_without_cluster; fi
  apt_install "${missing[@]}"
  mapfile -t missing < <(missing_packages "$group")
  [ ${#missing[@]} -eq 0 ] ||
    die "too old on this machine: ${missing[*]} (lowest versions: scripts/packages.txt; Debian 12 has them)"
  done_line "Debian packages for $group installed"
}

# Debian's postgresql creates and starts a cluster when it is installed for the first time. We need only the
# programs; a machine that already had PostgreSQL is left exactly as it is.
keep_machine_without_cluster() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
  apt_install postgresql-common
  as_root sed -i -E 's/^#? *create_main_cluster *=.*/create_main_cluster = false/' \
    /etc/postgresql-common/createcluster.conf
  note "PostgreSQL: programs only; no cluster of the machine is created"
}

unpack_npm_packages() {
  local package inside target integrity
  while read -r package inside target integrity; do
    [[ $package == \#* ]] && continue
    unpack_npm_package "$package" "$inside" ".deps/$target" "$integrity"
  done <scripts/npm-lock.txt
}

# Fetches one package, compares it with its pin and takes one file or folder out. The pin stands beside the file, so that
# a changed lock fetches anew.
unpack_npm_package() {
  local package=$1 inside=$2 target=$3 integrity=$4 tmp archive want got
  if [ -e "$target" ] && [ "$(cat "$target.pin" 2>/dev/null)" = "$integrity" ]; then
    done_line "$package is present"
    return
  fi
  note "fetching $package"
  tmp=$(mktemp -d)
  # shellcheck disable=SC2064 # The folder of now, not of later.
  trap "rm -rf '$tmp'" EXIT
  quietly build/log/npm.log npm pack --cache "$tmp/cache" --pack-destination "$tmp" "$package" ||
    die "npm could not fetch $package"
  archive=$(find "$tmp" -maxdepth 1 -name '*.tgz')
  want=$(base64 -d <<<"${integrity#sha512-}" | od -An -v -tx1 | tr -d ' \n')
  got=$(sha512sum "$archive" | cut -d' ' -f1)
  [ "$got" = "$want" ] || die "$package is not what scripts/npm-lock.txt pins: sha512 $got, expected $want"
  mkdir -p "$(dirname "$target")"
  tar -xzf "$archive" -C "$tmp" "$inside"
  rm -rf "$target"
  mv "$tmp/$inside" "$target"
  echo "$integrity" >"$target.pin"
  rm -rf "$tmp"
  trap - EXIT
  done_line "$package, sha512 as pinned"
}

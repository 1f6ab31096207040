# shellcheck shell=bash
# What every ./dev command shares: how it speaks, and how it becomes root. Sourced, at the root of the tree.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
  bold='' dim='' green='' red='' plain=''
fi

heading() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
note() { printf '  %s%s%s\n' "$dim" "$*" "$plain"; }
done_line() { printf '  %s✓%s %s\n' "$green" "$plain" "$*"; }
fail_line() { printf '  %s✗%s %s\n' "$red" "$plain" "$*"; }
die() {
  printf '%s✗%s %s\n' "$red" "$plain" "$*" >&2
  exit 1
}

# With sudo when we are not root. Says what is missing when neither is there.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this step needs root: run ./dev setup once as root, or install sudo"
  fi
}

# Runs a command with its output in a log; shows the log only when it fails.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null && return 0
  local status=$?
  cat "$log" >&2
  return "$status"
}

seconds_since() { echo "$((SECONDS - $1)) s"; }

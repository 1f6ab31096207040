# shellcheck shell=bash
# Runs one benchmark: bench/NAME.sh, on the release build.

# shellcheck source=scripts/cmd-build.sh
source scripts/cmd-build.sh

cmd_bench() {
  local name=${1:-} script
  if [ -z "$name" ]; then
    heading "Benchmarks"
    for script in bench/*.sh; do
      [ "$script" = bench/lib.sh ] || printf '  %-12s %s\n' "$(basename "$script" .sh)" "$(sed -n '2s/^# //p' "$script")"
    done
    return
  fi
  shift
  if [ "$name" = lib ] || [ ! -f "bench/$name.sh" ]; then die "no benchmark \"$name\"; ./dev bench lists them"; fi
  cmd_build release
  bash "bench/$name.sh" "$@"
}

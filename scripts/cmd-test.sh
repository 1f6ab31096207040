# shellcheck shell=bash
# Builds a preset and runs its tests; arguments go to ctest.

# shellcheck source=scripts/cmd-build.sh
source scripts/cmd-build.sh

cmd_test() { run_tests release "$@"; }

run_tests() {
  local preset=$1 start
  shift
  cmd_build "$preset"
  start=$SECONDS
  heading "Tests ($preset)"
  if ctest --test-dir "build/$preset" -j "$(nproc)" --output-on-failure --no-tests=error "$@" </dev/null; then
    done_line "all tests passed ($preset, $(seconds_since "$start"))"
  else
    fail_line "tests failed ($preset); again, only those: ./dev test --rerun-failed"
    return 1
  fi
}

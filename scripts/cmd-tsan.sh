# shellcheck shell=bash
# The whole test suite under ThreadSanitizer.

# shellcheck source=scripts/cmd-test.sh
source scripts/cmd-test.sh

cmd_tsan() {
  # DuckDB's library is not instrumented: its own atomics are invisible to the tool, so only our accesses count.
  export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1:ignore_noninstrumented_modules=1"
  run_tests tsan "$@"
}

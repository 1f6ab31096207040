# shellcheck shell=bash
# The whole test suite under ThreadSanitizer.

# shellcheck source=scripts/cmd-test.sh
source scripts/cmd-test.sh

cmd_tsan() {
  # DuckDB's library is not instrumented: its own atomics are invisible to the tool, so only our accesses count.
  # Its allocator takes more locks around fork() than the deadlock detector can count, and ends the test for it.
  export TSAN_OPTIONS="halt_on_error=1:detect_deadlocks=0:ignore_noninstrumented_modules=1"
  run_tests tsan "$@"
}

# shellcheck shell=bash
# The whole test suite under AddressSanitizer and UndefinedBehaviorSanitizer.

# shellcheck source=scripts/cmd-test.sh
source scripts/cmd-test.sh

cmd_asan() {
  export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
  export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
  run_tests asan "$@"
}

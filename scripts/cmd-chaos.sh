# shellcheck shell=bash
# Kills runs at random moments and compares afterwards: tests/chaos/run.sh, which says what it takes.

# shellcheck source=scripts/cmd-build.sh
source scripts/cmd-build.sh

cmd_chaos() {
  [ -f tests/chaos/run.sh ] || die "there is no chaos test yet (tests/chaos/run.sh)"
  cmd_build release
  bash tests/chaos/run.sh "$@"
}

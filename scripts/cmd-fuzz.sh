# shellcheck shell=bash
# Runs the fuzz targets: tests/fuzz/run.sh, which says what it takes.

# shellcheck source=scripts/cmd-build.sh
source scripts/cmd-build.sh

cmd_fuzz() {
  [ -f tests/fuzz/run.sh ] || die "there are no fuzz targets yet (tests/fuzz/run.sh)"
  cmd_build asan
  bash tests/fuzz/run.sh "$@"
}

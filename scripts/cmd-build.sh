# shellcheck shell=bash
# Configures and compiles one preset of CMakePresets.json.

# shellcheck source=scripts/cmd-setup.sh
source scripts/cmd-setup.sh

# build [PRESET [TARGET...]]
cmd_build() {
  local preset=${1:-release} start=$SECONDS
  [ $# -eq 0 ] || shift
  require build
  configure "$preset"
  NINJA_STATUS='  [%f/%t] ' cmake --build "build/$preset" --target "${@:-all}" </dev/null
  ln -sfn "build/$preset/compile_commands.json" compile_commands.json
  done_line "build/$preset/afluente ($(seconds_since "$start"))"
}

# Ninja configures again by itself when a CMake file changes; only the first time, a changed preset, and files in
# batches or no longer (AFLUENTE_UNITY=ON or OFF) need us.
configure() {
  local preset=$1 ninja=build/$1/build.ninja unity=()
  [ -z "${AFLUENTE_UNITY:-}" ] || unity=("-DAFLUENTE_UNITY:BOOL=$AFLUENTE_UNITY")
  [ -f "$ninja" ] && [ "$ninja" -nt CMakePresets.json ] &&
    { [ ${#unity[@]} -eq 0 ] || grep -qx "${unity[0]#-D}" "build/$preset/CMakeCache.txt"; } && return
  grep -q "\"name\": \"$preset\"" CMakePresets.json || die "no preset \"$preset\": release, debug, asan or tsan"
  note "configuring $preset"
  quietly "build/log/configure-$preset.log" cmake --preset "$preset" "${unity[@]}"
}

#!/usr/bin/env bash
# Runs the fuzz targets of build/asan for longer than ctest does:
#   ./dev fuzz [NAME] [SECONDS] [SEED]     all targets, 60 s each and a new seed unless told
# An input that crashes is left below build/fuzz; `fuzz_NAME FILE` runs it again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
targets=(copy_tuple text_cell pgoutput estate_load)
if [[ ${1:-} =~ ^[a-z] ]]; then
  [ -f "tests/fuzz/$1.cpp" ] || {
    echo "fuzz: no target $1; there are: ${targets[*]}" >&2
    exit 2
  }
  targets=("$1")
  shift
fi
seconds=${1:-60}
seed=${2:-$RANDOM}
mkdir -p build/fuzz
cd build/fuzz
for target in "${targets[@]}"; do
  corpus=("$root/tests/fuzz/corpus/$target")
  [ "$target" != estate_load ] || corpus+=("$root/estates/movva" "$root/estates/movva/integrations")
  echo "fuzz.$target: $seconds s, seed $seed"
  "$root/build/asan/tests/fuzz/fuzz_$target" --seconds "$seconds" --seed "$seed" "${corpus[@]}"
done

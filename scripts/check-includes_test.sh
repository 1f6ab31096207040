#!/usr/bin/env bash
# Every rule of check-includes.sh, against a tree that breaks it and one that does not.
set -euo pipefail
check=$(dirname "$(readlink -f "$0")")/check-includes.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# expect WANT FILE LINE: the tree with only that line must give a finding that contains WANT ("" for none).
expect() {
  local want=$1 file=$2 line=$3 got
  rm -rf "$tree/src"
  mkdir -p "$tree/$(dirname "$file")"
  printf '%s\n' "$line" >"$tree/$file"
  got=$(bash "$check" "$tree" 2>&1) && [ -n "$want" ] && {
    echo "not found in $file: $line" >&2
    exit 1
  }
  [[ $got == *"$want"* && (-n $want || -z $got) ]] || {
    echo "expected \"$want\" for $file: $line; got: $got" >&2
    exit 1
  }
}

expect '' src/pipeline/run.cpp '#include "data/batch.h"'
expect '' src/pipeline/run.cpp '#include "pipeline/queue.h"'
expect '' src/main.cpp '#include "cli/app.h"'
expect '' src/data/duckdb_api.h '#include <duckdb.h>'
expect '' src/base/clock.cpp 'return std::chrono::system_clock::now();'
expect '' src/cli/run.cpp '// std::this_thread::sleep_for(1s) would be wrong here'
expect '' src/cli/run.cpp 'using Time = std::chrono::system_clock::time_point;'
expect 'connectors stands above it' src/pipeline/run.cpp '#include "connectors/registry.h"'
expect 'data stands above it' src/base/names.cpp '#  include "data/batch.h"'
expect 'by its path from src/' src/data/batch.cpp '#include "batch.h"'
expect 'by its path from src/' src/data/batch.cpp '#include "../base/names.h"'
expect 'is not a room' src/data/batch.cpp '#include "stuff/names.h"'
expect 'is not a room' src/stuff/names.cpp 'int x;'
expect 'only src/data/duckdb_api.h' src/pipeline/run.cpp '#include <duckdb.h>'
expect 'only src/data/duckdb_api.h' src/pipeline/run.cpp '#include "duckdb.h"'
expect 'only src/connectors/postgres/libpq.h' src/connectors/postgres/source.cpp '#include <libpq-fe.h>'
expect 'says nothing' src/base/utils.h ''
expect 'says nothing' src/data/common_test.cpp ''
expect 'take a Clock' src/cli/run.cpp 'const auto now = std::chrono::steady_clock::now();'
expect 'take a Clock' src/cli/run_test.cpp 'std::this_thread::sleep_for(1s);'
expect 'take a Clock' src/cli/run.cpp '  sleep(1);'

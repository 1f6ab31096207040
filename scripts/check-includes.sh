#!/usr/bin/env bash
# Checks that includes point one way and that a few things stand in one place only. Bash and awk, no build needed.
#   check-includes.sh [ROOT]
# Rooms from the bottom up: a room may include itself and what stands before it in this list.
set -euo pipefail
cd "${1:-.}"

rooms="base data estate pipeline connectors grpc comparison inference orchestrator monitoring governance server cli"

mapfile -d '' -t files < <(find src \( -name '*.cpp' -o -name '*.h' \) -type f -print0 | sort -z)
[ ${#files[@]} -gt 0 ] || {
  echo "check-includes: no sources under $PWD/src" >&2
  exit 2
}

awk -v rooms="$rooms" '
  function finding(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; bad = 1 }

  # Only one header may include a C library: everybody else uses its wrappers.
  BEGIN {
    count = split(rooms, list, " ")
    for (i = 1; i <= count; i++) rank[list[i]] = i
    gate["duckdb.h"] = "src/data/duckdb_api.h"
    gate["xgboost/c_api.h"] = "src/inference/xgboost_api.h"
    gate["libpq-fe.h"] = "src/connectors/postgres/libpq.h"
  }

  FNR == 1 {
    split(FILENAME, part, "/")
    room = (part[2] in rank) ? part[2] : ""
    # src/main.cpp stands above all rooms; a folder that is no room is a mistake.
    if (room == "" && FILENAME ~ /^src\/[^\/]+\//)
      finding("folder \"" part[2] "\" is not a room; rooms are: " rooms)
    name = FILENAME
    sub(/.*\//, "", name)
    if (name ~ /^(utils?|helpers?|common|misc)(_test)?\.(cpp|h)$/)
      finding("a file named \"" name "\" says nothing; name what it does")
  }

  /^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    target = quoted[2]
    if (target in gate) { if (FILENAME != gate[target]) finding("only " gate[target] " includes <" target ">") }
    else {
      split(target, step, "/")
      if (target ~ /\.\./ || target !~ /\//)
        finding("include \"" target "\" by its path from src/")
      else if (!(step[1] in rank))
        finding("include \"" target "\": \"" step[1] "\" is not a room")
      else if (room != "" && rank[step[1]] > rank[room])
        finding("room " room " may not include \"" target "\": " step[1] " stands above it")
    }
  }

  /^[ \t]*#[ \t]*include[ \t]*</ {
    split($0, angled, /[<>]/)
    if (angled[2] in gate && FILENAME != gate[angled[2]]) finding("only " gate[angled[2]] " includes <" angled[2] ">")
  }

  # Time is a dependency: whoever needs it takes a Clock.
  room != "base" {
    code = $0
    sub(/\/\/.*/, "", code)
    if (code ~ /(system_clock|steady_clock|high_resolution_clock)::now|(sleep_for|sleep_until|usleep|nanosleep|gettimeofday|clock_gettime)[ \t]*\(|(^|[^A-Za-z0-9_.>])sleep[ \t]*\(|std::time[ \t]*\(/)
      finding("only src/base reads the clock or sleeps; take a Clock")
  }

  END { exit bad }
' "${files[@]}"

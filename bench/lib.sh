# shellcheck shell=bash
# What the benchmarks share: a private server with messages, an estate over it, medians, the RESULT line.

bench_afluente() { build/release/afluente --estate "$estate" --state "$state" "$@"; }

# bench_begin NAME: a folder of its own, a running server, an estate that reads it.
bench_begin() {
  bench=$1
  folder=build/bench/$bench
  estate=$folder/estate
  state=$folder/state
  mkdir -p "$estate/integrations"
  trap 'bash scripts/private-pg.sh stop build/bench/pg' EXIT
  socket=$(bash scripts/private-pg.sh start build/bench/pg)
  export BENCH_DSN="host=$socket user=postgres dbname=postgres"
  export PGOPTIONS="-c client_min_messages=warning"
  cat >"$estate/estate.yaml" <<'YAML'
estate: bench
projects: { bench: { description: What the benchmarks write } }
connections:
  source: { type: postgres, project: bench, dsn: "${env:BENCH_DSN}" }
YAML
}

bench_psql() { psql -X -q -v ON_ERROR_STOP=1 -At "$BENCH_DSN" "$@"; }

# bench_messages ROWS TABLE: ROWS messages of MOVVA's generator; made once.
bench_messages() {
  local rows=$1 table=$2
  if [ "$(bench_psql -c "select count(*) from pg_class where relname = '$table' and reltuples = $rows" 2>/dev/null)" = 1 ]; then
    return
  fi
  printf '  making %s messages ...\n' "$rows"
  bench_psql -v rows="$rows" -f estates/movva/generator/msgs.sql >/dev/null
  bench_psql -c "vacuum (analyze) public.msgs" -c "drop table if exists public.$table cascade" \
    -c "alter table public.msgs rename to $table" -c "checkpoint"
  # The indexes keep their names otherwise, and the next size could not make its own.
  bench_psql -c "do \$\$ declare i record; begin for i in select indexrelid::regclass::text n from pg_index
    where indrelid = 'public.$table'::regclass loop
    execute format('alter index %s rename to %I', i.n, replace('${table}_' || i.n, '.', '_')); end loop; end \$\$"
  bench_psql -c "update pg_class set reltuples = $rows where relname = '$table'"
}

# Seconds of wall time of a command, as a number on stdout.
bench_seconds() {
  local TIMEFORMAT=%R
  { time "$@" >/dev/null 2>"$folder/stderr"; } 2>&1 || {
    cat "$folder/stderr" >&2
    return 1
  }
}

bench_median() { tr ' ' '\n' <<<"$*" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
bench_divide() { awk -v a="$1" -v b="$2" -v f="${3:-%.3f}" 'BEGIN { printf f, a / b }'; }

# A number of the JSON document that `afluente run --json` left.
bench_json() { sed -nE "s/^ *\"$1\": ([0-9.e+-]+),?$/\1/p" "$folder/run.json" | head -n 1; }

# bench_result key=value ...: the line that others read, and build/bench/NAME.json.
bench_result() {
  local pair json=''
  for pair in "$@"; do json+="${json:+, }\"${pair%%=*}\": ${pair#*=}"; done
  printf '{"bench": "%s", %s}\n' "$bench" "$json" >"build/bench/$bench.json"
  printf 'RESULT bench=%s %s\n' "$bench" "$*"
}

#!/usr/bin/env bash
# The warehouse into PostgreSQL, against \copy and one INSERT ... ON CONFLICT: [--rows N] [--runs N]
set -euo pipefail
# shellcheck source=bench/lib.sh
source bench/lib.sh

rows=1000000 runs=3
while [ $# -gt 0 ]; do
  case $1 in
    --rows) rows=$2 && shift 2 ;;
    --runs) runs=$2 && shift 2 ;;
    *) echo "unknown flag $1; known: --rows N, --runs N" >&2 && exit 2 ;;
  esac
done

bench_begin reverse
cat >"$estate/integrations/messages.yaml" <<'YAML'
- integration: messages
  source:      { connection: source, table: public.bench_msgs }
  destination: { table: bench.analytics.messages, key: [id] }
  mode: snapshot
- integration: reverse
  source:      { warehouse_table: bench.analytics.messages }
  destination: { connection: source, table: public.bench_target, key: [id] }
  mode: snapshot
YAML

# The target as it stands before each run: every second key, with an older text, and clean.
reset_target() {
  bench_psql -c "drop table if exists public.bench_target" \
    -c "create table public.bench_target (like public.bench_msgs including defaults)" \
    -c "insert into public.bench_target select * from public.bench_msgs where id % 2 = 0" \
    -c "update public.bench_target set text = 'old ' || text" \
    -c "alter table public.bench_target add primary key (id)"
  bench_psql -c "vacuum (full, analyze) public.bench_target"
  bench_psql -c "checkpoint"
}
same() {
  [ "$(bench_psql -c "select count(*) from (select * from public.bench_target except select * from public.bench_msgs) d")" = 0 ] &&
    [ "$(bench_psql -c "select count(*) from public.bench_target")" = "$rows" ]
}

# The plain way: a script that somebody would write who knows PostgreSQL well.
plain() {
  bench_psql -c "create temp table staged (like public.bench_target)" \
    -c "\\copy staged from '$PWD/$folder/messages.$1' (format $1)" \
    -c "insert into public.bench_target select * from staged on conflict (id) do update set $updates"
}
run() { bench_afluente run "$1" --json --quiet >"$folder/run.json"; }

bench_messages "$rows" bench_msgs
updates=$(bench_psql -c "select string_agg(quote_ident(attname) || ' = excluded.' || quote_ident(attname), ', ')
  from pg_attribute where attrelid = 'public.bench_msgs'::regclass and attnum > 0 and not attisdropped and attname <> 'id'")
rm -rf "$state" "$folder/fresh"
run messages
cp -r "$state" "$folder/fresh"
for format in text csv binary; do
  bench_psql -c "\\copy public.bench_msgs to '$PWD/$folder/messages.$format' (format $format)"
done

# The quickest form of the file, once.
best='' best_s=''
for format in text csv binary; do
  reset_target
  seconds=$(bench_seconds plain "$format")
  printf '  plain way, %-6s  %s s\n' "$format" "$seconds"
  if [ -z "$best" ] || awk -v a="$seconds" -v b="$best_s" 'BEGIN { exit !(a < b) }'; then best=$format best_s=$seconds; fi
done
printf '\n  %s messages, half of them there already; plain way: \\copy %s; %s cores\n\n' "$rows" "$best" "$(nproc)"
printf '  %-4s  %12s  %12s  %7s\n' run 'plain, s' 'afluente, s' ratio

plains=() walls=() ratios=() unchanged=0 unchanged_s=()
for ((i = 1; i <= runs; i++)); do
  reset_target
  plains+=("$(bench_seconds plain "$best")")
  same || { echo "the plain way left other rows than the source's" >&2 && exit 1; }
  reset_target
  bench_psql -c "drop schema if exists afluente cascade"
  rm -rf "$state" && cp -r "$folder/fresh" "$state"
  walls+=("$(bench_seconds run reverse)")
  same || { echo "afluente left other rows than the source's" >&2 && exit 1; }
  ratios+=("$(bench_divide "${walls[-1]}" "${plains[-1]}")")
  unchanged_s+=("$(bench_seconds run reverse)")
  unchanged=$((unchanged + $(bench_json rows_written)))
  printf '  %-4s  %12s  %12s  %7s\n' "$i" "${plains[-1]}" "${walls[-1]}" "${ratios[-1]}"
done
rm -rf "$folder/fresh" "$folder"/messages.*
run_s=$(bench_median "${walls[@]}") plain_s=$(bench_median "${plains[@]}")
ratio=$(bench_divide "$run_s" "$plain_s")

printf '\n  %-42s %10s   %s\n' measure value limit
printf '  %-42s %10s   %s\n' 'wall time / plain way (median)' "$ratio" '<= 1.3' \
  'rows a second' "$(bench_divide "$rows" "$run_s" %.0f)" '' \
  'rows written by a run with nothing new' "$unchanged" '0' \
  'run with nothing new, s (median)' "$(bench_median "${unchanged_s[@]}")" ''
echo
bench_result "ratio=$ratio" "rows_per_s=$(bench_divide "$rows" "$run_s" %.0f)" "unchanged_writes=$unchanged" \
  "run_s=$run_s" "plain_s=$plain_s" "unchanged_s=$(bench_median "${unchanged_s[@]}")"

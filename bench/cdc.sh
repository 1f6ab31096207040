#!/usr/bin/env bash
# Changes into the warehouse, against pg_recvlogical to /dev/null: [--rows N] [--changes N] [--runs N] [--seconds N] [--big N] [--reader SECONDS]
set -euo pipefail
# shellcheck source=bench/lib.sh
source bench/lib.sh

rows=3000000 changes=1000000 runs=3 seconds=60 big=5000000 reader=0
while [ $# -gt 0 ]; do
  case $1 in
    --rows) rows=$2 && shift 2 ;;
    --changes) changes=$2 && shift 2 ;;
    --runs) runs=$2 && shift 2 ;;
    --seconds) seconds=$2 && shift 2 ;;
    --big) big=$2 && shift 2 ;;
    --reader) reader=$2 && shift 2 ;;
    *) echo "unknown flag $1; known: --rows N, --changes N, --runs N, --seconds N, --big N, --reader SECONDS" >&2 && exit 2 ;;
  esac
done

bench_begin cdc
slot=afluente_bench_source
cat >"$estate/integrations/changes.yaml" <<'YAML'
integration: changes
source:      { connection: source, table: public.bench_changes }
destination: { table: bench.analytics.changes, key: [id] }
mode: cdc
YAML

cat >"$estate/integrations/bulk.yaml" <<'YAML'
integration: bulk
source:      { connection: source, table: public.bench_bulk }
destination: { table: bench.analytics.bulk }
mode: snapshot
YAML

drop_slots() {
  bench_psql -c "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name in ('$slot', 'bench_drain')" >/dev/null
}

# A table of messages' size and the changes to it: 70 % updates, 20 % inserts, 10 % deletes.
make_table() {
  printf '  making a table of %s rows ...\n' "$rows"
  bench_psql -c "drop table if exists public.bench_changes" -c "create table public.bench_changes (
    id bigint primary key, contact_id int, status char(1), text text, cost numeric(12,4),
    created_on timestamptz, modified_on timestamptz)" \
    -c "insert into public.bench_changes select i, i % 50000, 'W', 'Oi! Que tal ler 10 minutinhos hoje? ' || md5(i::text),
      (i % 900) / 10000.0, timestamptz '2026-01-05 08:00Z' + i * interval '11 seconds',
      timestamptz '2026-01-05 08:00Z' + i * interval '11 seconds' from generate_series(1, $rows) i" \
    -c "create or replace procedure public.bench_change(first int, n int, per int) language plpgsql as \$\$
    declare i int; k bigint; base bigint := (select max(id) from public.bench_changes); begin
      for i in first..first + n - 1 loop
        k := 1 + (i::bigint * 7919) % $rows;
        if i % 10 < 7 then update public.bench_changes set status = 'D', modified_on = clock_timestamp(), cost = cost + 0.0001 where id = k;
        elsif i % 10 < 9 then insert into public.bench_changes values (base + i, i % 50000, 'W', 'nova mensagem ' || md5(i::text), 0.0315, now(), now());
        else delete from public.bench_changes where id = k;
        end if;
        if i % per = 0 then commit; end if;
      end loop; commit; end \$\$" -c "vacuum (analyze) public.bench_changes" -c checkpoint
}

publication() {
  bench_psql -c "drop publication if exists $slot" -c "create publication $slot for table public.bench_changes with (publish_via_partition_root = true)"
}

# The same changes, drained by PostgreSQL's own client from a slot made at the same place.
drain() {
  local until
  until=$(bench_psql -c "select pg_current_wal_insert_lsn()")
  pg_recvlogical -d "$BENCH_DSN" --slot bench_drain --start --endpos "$until" -f /dev/null \
    -o proto_version=2 -o binary=true -o publication_names="$slot"
}

run() { bench_afluente run changes --json --quiet >"$folder/run.json"; }

# backlog CHANGES PER: fills both slots, drains one, applies the other; sets drain_s, apply_s and the ratio of rates.
backlog() {
  bench_psql -c "select pg_create_logical_replication_slot('bench_drain', 'pgoutput')" >/dev/null
  bench_psql -c "call public.bench_change($first, $1, $2)" -c "select pg_switch_wal()" -c checkpoint >/dev/null
  first=$((first + $1))
  drain_s=$(bench_seconds drain)
  apply_s=$(bench_seconds run)
  ratio=$(bench_divide "$drain_s" "$apply_s")
  bench_psql -c "select pg_drop_replication_slot('bench_drain')" >/dev/null
}

# CPU time of a process so far, in ticks.
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

ask() { bench_afluente query --format csv "$1" | tail -n 1 | tr -d '\r'; }

run_bulk() { bench_afluente run bulk --quiet >/dev/null 2>>"$folder/bulk.log"; }

percentile() { awk -v f="$1" '{ v[NR] = $1 } END { i = int(NR * f); printf "%.0f", v[i < 1 ? 1 : i] }' "$folder/latency_ms"; }

# Changes 2,000 rows a second for a while; leaves how late each became readable in latency_ms.
watch_changes() {
  local writer
  cat >"$folder/change.sql" <<'SQL'
\set k random(1, 1000000)
update public.bench_changes set status = 'R', modified_on = clock_timestamp() where id = :k;
SQL
  PGOPTIONS="-c synchronous_commit=on" "$(pg_config --bindir)/pgbench" -n -R 2000 -c 4 -T "$1" \
    -f "$folder/change.sql" "$BENCH_DSN" >"$folder/pgbench.log" 2>&1 &
  writer=$!
  sleep 1
  while kill -0 "$writer" 2>/dev/null; do
    ask 'SELECT epoch_us(get_current_timestamp()), epoch_us(max(modified_on)) FROM bench.analytics.changes'
  done >"$folder/seen.csv"
  wait "$writer"
  # Every millisecond of changes between two sights became readable with the second one.
  awk -F, 'NR > 1 && $2 > last { for (t = last; t < $2; t += 1000) print ($1 - t) / 1000 } { last = $2 }' \
    "$folder/seen.csv" | sort -g >"$folder/latency_ms"
}

# A service follows while pgbench changes 2,000 rows a second; another process asks it for the newest change that it
# can see. A change is readable when it, or one that committed after it, is seen first.
latency() {
  local service loads i
  bench_psql -c "drop table if exists public.bench_changes cascade"
  rows=1000000 make_table
  bench_psql -c "drop table if exists public.bench_bulk" \
    -c "create table public.bench_bulk as select i + j * 10000000 as id, b.contact_id, b.status, b.text, b.cost, b.created_on
      from public.bench_changes b, generate_series(1, 3) j, lateral (select b.id) as k(i)" -c "vacuum analyze public.bench_bulk"
  publication
  drop_slots
  rm -rf "$state"
  run
  (exec build/release/afluente --estate "$estate" --state "$state" serve --quiet) 2>"$folder/serve.log" &
  service=$!
  until bench_afluente lag --json 2>/dev/null | grep -q '"following"'; do sleep 0.1; done
  sleep 2
  i=$(ticks "$service")
  sleep 10
  idle_cpu_pct=$(awk -v a="$i" -v b="$(ticks "$service")" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", (b - a) / hz / 10 * 100 }')
  watch_changes "$seconds"
  p50_ms=$(percentile 0.50)
  p99_ms=$(percentile 0.99)
  # The same while a large table is copied into the same file, again and again.
  printf '  the same beside a bulk load ...\n'
  (while run_bulk; do :; done) &
  loads=$!
  sleep 1
  watch_changes "$((seconds / 2))"
  p99_under_load_ms=$(percentile 0.99)
  kill "$loads" 2>/dev/null || true
  wait "$loads" 2>/dev/null || true
  [ "$reader" = 0 ] || beside_a_reader "$service"
  kill "$service"
  wait "$service" || true
}

# Memory and log of a service whose warehouse somebody reads all the time in one transaction.
beside_a_reader() {
  local service=$1 before query
  before=$(awk '/VmRSS/ { print $2 }' "/proc/$service/status")
  # Longer than the changes take, whatever the machine: it is ended then.
  (exec build/release/afluente --estate "$estate" --state "$state" query --timeout $((reader + 600)) \
    'SELECT count(*) FROM bench.analytics.changes a, range(100000000) b WHERE a.id + b.range < 0') \
    >/dev/null 2>&1 &
  query=$!
  sleep 1
  echo 5 >"/proc/$service/clear_refs"
  watch_changes "$reader"
  reader_rss_mb=$(awk '/VmHWM/ { printf "%.1f", $2 / 1000 }' "/proc/$service/status")
  kill -0 "$query" || { echo "the reader ended before the changes did" >&2 && exit 1; }
  kill "$query"
  wait "$query" || true
  printf '  beside a reader of %s s: %s MB at most, %.1f before; p99 %s ms; log of the warehouse %s kB\n' "$reader" \
    "$reader_rss_mb" "$(bench_divide "$before" 1000)" "$(percentile 0.99)" \
    "$(du -ck "$state"/warehouse/*.wal 2>/dev/null | awk 'END { print $1 + 0 }')"
}

# One transaction of many changes: memory must not follow it.
big_transaction() {
  printf '  one transaction of %s changes ...\n' "$1"
  bench_psql -c "begin" -c "insert into public.bench_changes select 100000000 + i, i, 'W', 'nova ' || md5(i::text), 0.03, now(), now()
    from generate_series(1, $1 / 2) i" -c "update public.bench_changes set status = 'D' where id > 100000000" -c "commit"
  run
  big_tx_rss_mb=$(bench_divide "$(bench_json peak_rss_bytes)" 1000000 %.1f)
}

drop_slots
make_table
publication
rm -rf "$state"
printf '  first copy ...\n'
run
first=1
ratios=() rates=() rss=0
printf '\n  %-4s  %18s  %12s  %7s\n' run 'pg_recvlogical, s' 'afluente, s' ratio
for ((i = 1; i <= runs; i++)); do
  backlog "$changes" 1000
  ratios+=("$ratio")
  rates+=("$(bench_divide "$changes" "$apply_s" %.0f)")
  rss=$(awk -v a="$rss" -v b="$(bench_json peak_rss_bytes)" 'BEGIN { print (a > b ? a : b) }')
  printf '  %-4s  %18s  %12s  %7s\n' "$i" "$drain_s" "$apply_s" "$ratio"
done
catchup_ratio=$(bench_median "${ratios[@]}")
backlog $((changes / 4)) 1
single_row_ratio=$ratio
big_transaction "$big"
bench_afluente reconcile changes --json >"$folder/reconcile.json" || { cat "$folder/reconcile.json" && exit 1; }
latency
run
bench_afluente reconcile changes --json >"$folder/reconcile.json" || { cat "$folder/reconcile.json" && exit 1; }
drop_slots

printf '\n  %-52s %10s   %s\n' measure value limit
printf '  %-52s %10s   %s\n' 'catch-up rate / pg_recvlogical (median)' "$catchup_ratio" '>= 0.6' \
  'the same, one change a transaction' "$single_row_ratio" '' \
  'changes per second' "$(bench_median "${rates[@]}")" '' \
  'peak memory, MB' "$(bench_divide "$rss" 1000000 %.1f)" '' \
  'peak memory, one large transaction, MB' "$big_tx_rss_mb" '< 400' \
  'commit to readable at 2,000 changes/s, ms (median)' "$p50_ms" '< 60' \
  'the same, 99th percentile' "$p99_ms" '< 250' \
  'the same, 99th percentile, beside a bulk load' "$p99_under_load_ms" '< 1000' \
  'CPU of an idle service, % of a core' "$idle_cpu_pct" '< 0.5'
echo
bench_result "catchup_ratio=$catchup_ratio" "single_row_ratio=$single_row_ratio" \
  "changes_per_s=$(bench_median "${rates[@]}")" "p50_ms=$p50_ms" "p99_ms=$p99_ms" \
  "p99_under_load_ms=$p99_under_load_ms" \
  "big_tx_rss_mb=$big_tx_rss_mb" "idle_cpu_pct=$idle_cpu_pct"

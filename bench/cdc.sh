#!/usr/bin/env bash
# Changes into the warehouse, against pg_recvlogical to /dev/null: [--rows N] [--changes N] [--runs N]
set -euo pipefail
# shellcheck source=bench/lib.sh
source bench/lib.sh

rows=3000000 changes=1000000 runs=3
while [ $# -gt 0 ]; do
  case $1 in
    --rows) rows=$2 && shift 2 ;;
    --changes) changes=$2 && shift 2 ;;
    --runs) runs=$2 && shift 2 ;;
    *) echo "unknown flag $1; known: --rows N, --changes N, --runs N" >&2 && exit 2 ;;
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
bench_afluente reconcile changes --json >"$folder/reconcile.json" || { cat "$folder/reconcile.json" && exit 1; }
drop_slots

printf '\n  %-52s %10s   %s\n' measure value limit
printf '  %-52s %10s   %s\n' 'catch-up rate / pg_recvlogical (median)' "$catchup_ratio" '>= 0.6' \
  'the same, one change a transaction' "$single_row_ratio" '' \
  'changes per second' "$(bench_median "${rates[@]}")" '' \
  'peak memory, MB' "$(bench_divide "$rss" 1000000 %.1f)" ''
echo
bench_result "catchup_ratio=$catchup_ratio" "single_row_ratio=$single_row_ratio" \
  "changes_per_s=$(bench_median "${rates[@]}")"

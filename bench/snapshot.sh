#!/usr/bin/env bash
# PostgreSQL into the warehouse, against COPY to /dev/null: [--rows N] [--runs N] [--skip-10m]
set -euo pipefail
# shellcheck source=bench/lib.sh
source bench/lib.sh

rows=3000000 runs=3 with_10m=1
while [ $# -gt 0 ]; do
  case $1 in
    --rows) rows=$2 && shift 2 ;;
    --runs) runs=$2 && shift 2 ;;
    --skip-10m) with_10m=0 && shift ;;
    *) echo "unknown flag $1; known: --rows N, --runs N, --skip-10m" >&2 && exit 2 ;;
  esac
done

bench_begin snapshot
cat >"$estate/integrations/messages.yaml" <<'YAML'
- integration: messages
  source:      { connection: source, table: public.bench_msgs }
  destination: { table: bench.analytics.messages }
  mode: snapshot
- integration: messages-10m
  source:      { connection: source, table: public.bench_msgs_10m }
  destination: { table: bench.analytics.messages_10m }
  mode: snapshot
YAML

copy_out() { bench_psql -c "copy public.$1 to stdout (format binary)"; }
run() { bench_afluente run "$1" --json --quiet >"$folder/run.json"; }
file_bytes() { stat -c %s "$state/warehouse/bench.duckdb"; }
to_mb() { bench_divide "$1" 1000000 %.1f; }

bench_messages "$rows" bench_msgs
copy_mb=$(to_mb "$(copy_out bench_msgs | wc -c)")
printf '  %s messages, %s MB as COPY binary, %s cores\n\n' "$rows" "$copy_mb" "$(nproc)"
printf '  %-4s  %12s  %12s  %7s\n' run 'COPY, s' 'afluente, s' ratio

copies=() walls=() ratios=() rss=0 cpu=()
for ((i = 1; i <= runs; i++)); do
  copies+=("$(bench_seconds copy_out bench_msgs)")
  rm -rf "$state"
  walls+=("$(bench_seconds run messages)")
  ratios+=("$(bench_divide "${walls[-1]}" "${copies[-1]}")")
  cpu+=("$(bench_divide "$(bench_json cpu_seconds)" "$(bench_divide "$rows" 1000000)")")
  rss=$(awk -v a="$rss" -v b="$(bench_json peak_rss_bytes)" 'BEGIN { print (a > b ? a : b) }')
  printf '  %-4s  %12s  %12s  %7s\n' "$i" "${copies[-1]}" "${walls[-1]}" "${ratios[-1]}"
done
copy_s=$(bench_median "${copies[@]}") run_s=$(bench_median "${walls[@]}")
ratio=$(bench_divide "$run_s" "$copy_s")

first_bytes=$(file_bytes)
printf '\n  warehouse file %s MB; refreshing ten times ...\n' "$(to_mb "$first_bytes")"
for ((i = 1; i <= 10; i++)); do run messages; done
growth=$(bench_divide "$(file_bytes)" "$first_bytes" %.2f)

rss_10m=0
if [ "$with_10m" -eq 1 ]; then
  bench_messages 10000000 bench_msgs_10m
  rm -rf "$state"
  run messages-10m
  rss_10m=$(bench_json peak_rss_bytes)
fi

printf '\n  %-42s %10s   %s\n' measure value limit
printf '  %-42s %10s   %s\n' 'wall time / COPY on one connection (median)' "$ratio" '<= 1.35' \
  'peak memory, MB' "$(to_mb "$rss")" '< 700' \
  'peak memory at 10 million rows, MB' "$(to_mb "$rss_10m")" '< 700' \
  'CPU seconds per million rows' "$(bench_median "${cpu[@]}")" '' \
  'warehouse file, MB (3 million rows)' "$(to_mb "$first_bytes")" '< 260' \
  'file after 10 refreshes / first' "$growth" '< 2.5'
echo
bench_result "ratio=$ratio" "run_s=$run_s" "copy_s=$copy_s" \
  "rows_per_s=$(bench_divide "$rows" "$run_s" %.0f)" "mb_per_s=$(bench_divide "$copy_mb" "$run_s" %.1f)" \
  "rss_mb=$(to_mb "$rss")" "rss_10m_mb=$(to_mb "$rss_10m")" "cpu_s_per_mrow=$(bench_median "${cpu[@]}")" \
  "file_mb=$(to_mb "$first_bytes")" "file_after_10_refreshes_ratio=$growth"

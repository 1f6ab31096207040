#!/usr/bin/env bash
# An increment with nothing new, process start included: [--rows N] [--runs N]
set -euo pipefail
# shellcheck source=bench/lib.sh
source bench/lib.sh

rows=3000000 runs=11
while [ $# -gt 0 ]; do
  case $1 in
    --rows) rows=$2 && shift 2 ;;
    --runs) runs=$2 && shift 2 ;;
    *) echo "unknown flag $1; known: --rows N, --runs N" >&2 && exit 2 ;;
  esac
done

bench_begin increment
cat >"$estate/integrations/messages.yaml" <<'YAML'
integration: messages
source:      { connection: source, table: public.bench_msgs }
destination: { table: bench.analytics.messages, key: [id] }
mode: incremental
cursor: [modified_on, id]
YAML

bench_messages "$rows" bench_msgs
rm -rf "$state"
printf '  first run of %s messages ...\n' "$rows"
bench_afluente run messages --quiet >/dev/null
idle=()
for ((i = 1; i <= runs; i++)); do idle+=("$(bench_seconds bench_afluente run messages --quiet)"); done
idle_ms=$(awk -v s="$(bench_median "${idle[@]}")" 'BEGIN { printf "%.0f", s * 1000 }')
printf '\n  %-42s %10s   %s\n' measure value limit
printf '  %-42s %10s   %s\n\n' 'run with nothing new, ms (median)' "$idle_ms" '< 150'
bench_result "idle_ms=$idle_ms"

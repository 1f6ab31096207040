#!/usr/bin/env bash
# The scheduler: lateness, throughput, 10,000 jobs in `serve`: [--jobs N] [--seconds N] [--runs N]
set -euo pipefail
# shellcheck source=bench/lib.sh
source bench/lib.sh

jobs=10000 seconds=10 runs=3
while [ $# -gt 0 ]; do
  case $1 in
    --jobs) jobs=$2 && shift 2 ;;
    --seconds) seconds=$2 && shift 2 ;;
    --runs) runs=$2 && shift 2 ;;
    *) echo "unknown flag $1; known: --jobs N, --seconds N, --runs N" >&2 && exit 2 ;;
  esac
done

bench=scheduler
folder=build/bench/$bench
estate=$folder/estate
state=$folder/state
core=build/release/bench/bench_scheduler_core
service=''
end() {
  [ -z "$service" ] || kill "$service" 2>/dev/null || true
}
trap end EXIT

# An integration a file, due at times of their own; none while this runs.
make_estate() {
  rm -rf "$estate" "$state"
  mkdir -p "$estate/integrations"
  cat >"$estate/estate.yaml" <<'YAML'
estate: bench
time_zone: America/Sao_Paulo
projects: { bench: { description: What the benchmarks write } }
connections:
  source: { type: postgres, project: bench, dsn: "${env:BENCH_DSN}" }
YAML
  # In eleven hours, so that the day's fires are far away on both sides.
  local hour=$((10#$(TZ=America/Sao_Paulo date +%H) + 11))
  awk -v jobs="$jobs" -v hour="$((hour % 24))" -v folder="$estate/integrations" 'BEGIN {
    for (i = 1; i <= jobs; i++) {
      file = sprintf("%s/job-%05d.yaml", folder, i)
      printf "integration: job-%05d\ndescription: Job %d of the benchmark\n", i, i >file
      printf "source:      { connection: source, table: public.table_%05d }\n", i >file
      printf "destination: { table: bench.analytics.table_%05d, key: [id] }\n", i >file
      printf "mode: incremental\ncursor: [modified_on, id]\n" >file
      printf "trigger: { cron: \"%d %d * * *\", zone: America/Sao_Paulo }\n", i % 60, hour >file
      printf "sla: { max_staleness: 26h, alert: warning }\nowner: data@example.org\n" >file
      close(file)
    }
  }'
}

now_ms() { date +%s%3N; }

# Begins `serve` and waits for its answer; the milliseconds are in `took`.
start_service() {
  local began
  began=$(now_ms)
  build/release/afluente --estate "$estate" --state "$state" --quiet serve 2>"$folder/serve.err" &
  service=$!
  until curl -sf --max-time 2 --unix-socket "$state/afluente.sock" http://localhost/api/health >/dev/null 2>&1; do
    kill -0 "$service" 2>/dev/null || { cat "$folder/serve.err" >&2 && exit 1; }
    sleep 0.01
  done
  took=$(($(now_ms) - began))
}

stop_service() {
  kill "$service"
  wait "$service" || true
  service=''
}

# Clock ticks that the service has used so far.
ticks() { awk '{ print $14 + $15 }' "/proc/$service/stat"; }

mkdir -p "$folder"
printf '  the core, in one process ...\n'
"$core" "$folder/core" --jobs "$jobs" --seconds "$seconds" >"$folder/core.txt"
key() { awk -v key="$1" '$1 == key { print $2 }' "$folder/core.txt" "$folder/yaml.txt"; }

printf '  an estate of %s jobs, a file each ...\n' "$jobs"
make_estate
"$core" --yaml "$estate/integrations" >"$folder/yaml.txt"
start_service
first=$took
stop_service
starts=()
for ((i = 1; i <= runs; i++)); do
  start_service
  starts+=("$took")
  [ "$i" -eq "$runs" ] || stop_service
done
sleep 2
before=$(ticks)
sleep "$seconds"
idle=$(awk -v t="$(($(ticks) - before))" -v hz="$(getconf CLK_TCK)" -v s="$seconds" 'BEGIN { printf "%.2f", t / hz / s * 100 }')
rss=$(awk '/^VmRSS/ { printf "%.1f", $2 / 1000 }' "/proc/$service/status")
peak=$(awk '/^VmHWM/ { printf "%.1f", $2 / 1000 }' "/proc/$service/status")
stop_service
start=$(bench_median "${starts[@]}")

round() { awk -v v="$1" -v f="$2" 'BEGIN { printf f, v }'; }
noop=$(round "$(key noop_per_s)" %.0f) process=$(round "$(key process_per_s)" %.0f)
p50=$(round "$(key p50_ms)" %.2f) p99=$(round "$(key p99_ms)" %.2f)

printf '\n  %-52s %10s   %s\n' measure value limit
printf '  %-52s %10s   %s\n' \
  "due time to task start, ms, median of $(round "$(key due_to_start_samples)" %.0f)" "$p50" '< 5' \
  'due time to task start, ms, 99th percentile' "$p99" '< 50' \
  'runs of a task that does nothing, a second' "$noop" '>= 1000' \
  'runs of a child process, a second' "$process" '>= 300' \
  "CPU of a core while idle, % ($jobs jobs)" "$idle" '< 1' \
  "memory, MB ($jobs jobs)" "$rss" '< 100' \
  'peak memory, MB' "$peak" '' \
  "from files to an answer, ms ($jobs jobs)" "$start" '< 2000' \
  'the same without a state folder, ms' "$first" '' \
  'trigger, start and end beside 10 open runs, ms' "$(key tick_10_ms)" '' \
  'beside 1,000 open runs, ms' "$(key tick_1000_ms)" 'the same' \
  'beside 10,000 open runs, ms' "$(key tick_10000_ms)" 'the same'
printf '\n  This machine: %s cores; a durable append %s ms, %s shells with a command a second on one thread,\n' \
  "$(nproc)" "$(key machine_durable_append_ms)" "$(round "$(key machine_spawns_per_s)" %.0f)"
printf '  yaml-cpp alone %s ms for the same files (800 on the machine that the limits are for).\n\n' \
  "$(round "$(key machine_yaml_ms)" %.0f)"
bench_result "p50_ms=$p50" "p99_ms=$p99" "noop_per_s=$noop" "process_per_s=$process" "idle_cpu_pct=$idle" \
  "rss_mb=$rss" "start_ms=$start"

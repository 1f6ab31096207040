#!/usr/bin/env bash
# Pub/Sub into the warehouse, against a client that only pulls and acknowledges: [--messages N] [--runs N] [--seconds N]
set -euo pipefail
# shellcheck source=bench/lib.sh
source bench/lib.sh

messages=100000 runs=3 seconds=20
while [ $# -gt 0 ]; do
  case $1 in
    --messages) messages=$2 && shift 2 ;;
    --runs) runs=$2 && shift 2 ;;
    --seconds) seconds=$2 && shift 2 ;;
    *) echo "unknown flag $1; known: --messages N, --runs N, --seconds N" >&2 && exit 2 ;;
  esac
done

sdk=$(CLOUDSDK_CONFIG=build/bench/gcloud gcloud info --format='value(installation.sdk_root)' 2>/dev/null || true)
jar=$(compgen -G "$sdk/platform/pubsub-emulator/lib/cloud-pubsub-emulator*.jar" || true)
[ -n "$jar" ] || { echo "the Cloud SDK with its Pub/Sub emulator is not installed" >&2 && exit 1; }

bench=stream
folder=build/bench/$bench
estate=$folder/estate
state=$folder/state
emulator='' service=''
stop() {
  local process
  for process in $service $emulator; do kill "$process" 2>/dev/null && wait "$process" 2>/dev/null; done || true
  service='' emulator=''
}
trap stop EXIT
mkdir -p "$estate/integrations"
export BENCH_SECRET="nobody signs here, and serve wants one"
client=build/release/bench/bench_pubsub_client

free_port() { node -e 's = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'; }

# make_estate ENGINE: one topic into one table.
make_estate() {
  cat >"$estate/estate.yaml" <<YAML
estate: bench
projects: { bench: { description: What the benchmark writes } }
inbox: { listen: "127.0.0.1:0", secret: "\${env:BENCH_SECRET}", pubsub_listen: "127.0.0.1:0" }
connections:
  events: { type: pubsub, project: bench, engine: $1 }
YAML
  cat >"$estate/integrations/messages.yaml" <<'YAML'
integration: messages
source: { connection: events, topic: messages }
destination: { table: bench.analytics.messages }
mode: stream
trigger: continuous
transform: >-
  SELECT message_id, CAST(body->>'$.n' AS BIGINT) AS n, CAST(body->>'$.at' AS BIGINT) AS published_us, body FROM batch
YAML
}

start_emulator() {
  export PUBSUB_EMULATOR_HOST
  PUBSUB_EMULATOR_HOST=127.0.0.1:$(free_port)
  java -Xmx3g -jar "$jar" --host=127.0.0.1 "--port=${PUBSUB_EMULATOR_HOST##*:}" >"$folder/emulator.log" 2>&1 &
  emulator=$!
  until curl -s "http://$PUBSUB_EMULATOR_HOST/" >/dev/null; do
    kill -0 "$emulator" || { cat "$folder/emulator.log" >&2 && exit 1; }
  done
  # It answers HTTP before it speaks gRPC.
  for _ in {1..40}; do
    "$client" create "$PUBSUB_EMULATOR_HOST" bench ready 2>/dev/null && return
    sleep 0.5
  done
}

start_service() {
  (exec build/release/afluente --estate "$estate" --state "$state" serve --quiet) 2>"$folder/serve.log" &
  service=$!
}
stop_service() {
  kill "$service"
  wait "$service" || true
  service=''
}
ask() { bench_afluente query --format csv "$1" 2>/dev/null | tail -n 1 | tr -d '\r'; }
wait_for() {
  until [ "$(ask "SELECT count(DISTINCT n) FROM bench.analytics.messages")" = "$1" ]; do
    kill -0 "$service" || { cat "$folder/serve.log" >&2 && exit 1; }
  done
}
percentile() { awk -v f="$1" '{ v[NR] = $1 } END { i = int(NR * f); printf "%.0f", v[i < 1 ? 1 : i] }' "$folder/latency_ms"; }

printf '\n  %s messages of 1 KB; %s cores\n\n' "$messages" "$(nproc)"
printf '  %-4s  %14s  %14s  %7s\n' run 'bare client, s' 'afluente, s' ratio
make_estate pubsub
ratios=() rates=()
for ((i = 1; i <= runs; i++)); do
  start_emulator
  "$client" create "$PUBSUB_EMULATOR_HOST" bench messages bare afluente.bench.messages
  "$client" publish "$PUBSUB_EMULATOR_HOST" bench messages "$messages" 500 4 >/dev/null
  # In turns, so that neither always finds the warmer emulator.
  bare_s='' ours_s=''
  for who in $([ $((i % 2)) = 1 ] && echo bare ours || echo ours bare); do
    if [ "$who" = bare ]; then
      bare_s=$("$client" drain "$PUBSUB_EMULATOR_HOST" bench bare "$messages")
    else
      rm -rf "$state"
      begin=$(date +%s.%N)
      start_service
      wait_for "$messages"
      ours_s=$(awk -v a="$begin" -v b="$(date +%s.%N)" 'BEGIN { printf "%.3f", b - a }')
      stop_service
    fi
  done
  ratios+=("$(bench_divide "$bare_s" "$ours_s")")
  rates+=("$(bench_divide "$messages" "$ours_s" %.0f)")
  printf '  %-4s  %14s  %14s  %7s\n' "$i" "$bare_s" "$ours_s" "${ratios[-1]}"
  stop
done

# A service pulls while 1,000 messages a second are published; another process asks for the newest that it can see.
rm -rf "$state"
start_emulator
"$client" create "$PUBSUB_EMULATOR_HOST" bench messages afluente.bench.messages
start_service
"$client" publish "$PUBSUB_EMULATOR_HOST" bench messages 1000 10 4 1000 >/dev/null
wait_for 1000
"$client" publish "$PUBSUB_EMULATOR_HOST" bench messages $((1000 * seconds)) 10 4 1000 >/dev/null &
writer=$!
sleep 1
while kill -0 "$writer" 2>/dev/null; do
  ask 'SELECT epoch_us(get_current_timestamp()), max(published_us) FROM bench.analytics.messages'
done >"$folder/seen.csv"
wait "$writer"
# Every millisecond of messages between two sights became readable with the second one.
awk -F, 'NR > 1 && $2 > last { for (t = last; t < $2; t += 1000) print ($1 - t) / 1000 } { last = $2 }' \
  "$folder/seen.csv" | sort -g >"$folder/latency_ms"
p50_ms=$(percentile 0.50) p99_ms=$(percentile 0.99)
stop

# The endpoint of the service itself, in batches of 100.
unset PUBSUB_EMULATOR_HOST
make_estate inbox
endpoint=()
for ((i = 1; i <= runs; i++)); do
  rm -rf "$state"
  start_service
  until host=$(bench_afluente lag --json 2>/dev/null | sed -nE '/"pubsub"/,$ s/.*"listen": "([^"]+)".*/\1/p') && [ -n "$host" ]; do :; done
  took=$("$client" publish "$host" bench messages "$messages" 100 16)
  endpoint+=("$(bench_divide "$messages" "$took" %.0f)")
  wait_for "$messages"
  stop_service
done

ratio=$(bench_median "${ratios[@]}")
printf '\n  %-48s %10s   %s\n' measure value limit
printf '  %-48s %10s   %s\n' 'rate / bare client (median)' "$ratio" '>= 0.8' \
  'messages a second (median)' "$(bench_median "${rates[@]}")" '' \
  'published to readable at 1,000/s, ms (median)' "$p50_ms" '' \
  'the same, 99th percentile' "$p99_ms" '< 1000' \
  'durable messages a second at the endpoint (median)' "$(bench_median "${endpoint[@]}")" '>= 20000'
echo
bench_result "ratio=$ratio" "messages_per_s=$(bench_median "${rates[@]}")" "p50_ms=$p50_ms" "p99_ms=$p99_ms" \
  "endpoint_per_s=$(bench_median "${endpoint[@]}")"

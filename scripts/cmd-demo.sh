# shellcheck shell=bash
# The whole way in one command: a private PostgreSQL, MOVVA's three databases in it, the estate run twice with
# changes in between, a question to the warehouse and the proof that nothing differs. All of it under .demo/.

# shellcheck source=scripts/cmd-build.sh
source scripts/cmd-build.sh
# shellcheck source=scripts/demo-day.sh
source scripts/demo-day.sh

demo_databases=(rapidpro app anima)

cmd_demo() {
  local rows=200000
  while [ $# -gt 0 ]; do
    case $1 in
      --stop) demo_stop && return ;;
      --clean) demo_clean && return ;;
      --rows)
        [[ ${2:-} =~ ^[1-9][0-9]{0,8}$ ]] || die "--rows needs a number of messages, such as 200000"
        # A message comes every 11 seconds, and a model learns from weeks.
        [ "$2" -ge 150000 ] || die "--rows $2 is too few days to learn from; 150000 is enough"
        rows=$2
        shift 2
        ;;
      *) die "demo: no option \"$1\"; there are --rows N, --stop and --clean" ;;
    esac
  done
  local start=$SECONDS
  cmd_build release afluente
  trap demo_interrupted INT TERM HUP
  trap demo_left EXIT
  demo_server
  demo_fill "$rows"
  demo_estate
  demo_run
  trap - INT TERM HUP EXIT
  demo_farewell "$start"
}

demo_stop() {
  [ -d .demo/pg ] || die "there is no demo here"
  scripts/private-pg.sh stop .demo/pg
  done_line "the demo's server is stopped; its data stays in .demo/"
}

demo_clean() {
  [ ! -d .demo/pg ] || scripts/private-pg.sh drop .demo/pg
  rm -rf .demo
  done_line ".demo/ is removed"
}

demo_interrupted() {
  trap - INT TERM HUP EXIT
  echo
  demo_stop_service
  scripts/private-pg.sh stop .demo/pg || true
  note "interrupted; the demo's server is stopped"
  exit 130
}

demo_left() {
  local status=$?
  demo_stop_service
  scripts/private-pg.sh stop .demo/pg || true
  fail_line "the demo did not finish; its server is stopped, its files are in .demo/"
  exit "$status"
}

# The DSN of one database, for libpq.
demo_dsn() { echo "host=$demo_socket user=$1 dbname=$2"; }

demo_psql() {
  local database=$1
  shift
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$(demo_dsn postgres "$database")" "$@" </dev/null
}

demo_server() {
  local version
  heading "1  A private PostgreSQL server"
  mkdir -p .demo
  demo_socket=$(scripts/private-pg.sh start .demo/pg)
  version=$(demo_psql postgres -Atc 'show server_version')
  done_line "PostgreSQL ${version%% *}, reached through a socket in .demo/pg and by nobody else"
}

demo_fill() {
  local rows=$1 database
  heading "2  MOVVA's databases, made up: $(grouped "$rows") messages"
  demo_psql postgres -c "do \$\$ begin
    if not exists (select from pg_roles where rolname = 'afluente') then
      create role afluente login replication in role pg_read_all_data;
    end if; end \$\$"
  # A database with a slot cannot be dropped.
  demo_psql postgres -Atc "select pg_drop_replication_slot(slot_name) from pg_replication_slots" >/dev/null
  for database in "${demo_databases[@]}"; do
    demo_psql postgres -c "drop database if exists $database with (force)" -c "create database $database" 2>&1 |
      sed '/NOTICE/d'
    demo_psql "$database" -v rows="$rows" -f "estates/movva/generator/$database.sql"
    done_line "$(printf '%-9s %s' "$database" "$(demo_tables "$database")")"
  done
  # What a DBA does once for somebody who owns no table: see "Real time" in docs/architecture.md.
  demo_psql rapidpro -c "create publication afluente_movva_rapidpro for table public.contacts, public.flows
    with (publish_via_partition_root = true)"
  demo_psql rapidpro -c "grant insert, update, delete on public.contact_feedback to afluente" \
    -c "create schema if not exists afluente authorization afluente"
  demo_psql app -c "grant insert, update, delete on public.user_insights to afluente" \
    -c "create schema if not exists afluente authorization afluente"
  demo_psql anima -c "grant insert, update, delete on public.predictions to afluente" \
    -c "create schema if not exists afluente authorization afluente"
}

# "contacts 20,000 · flows 48 · msgs 200,000 (66 MB)"
demo_tables() {
  demo_psql "$1" -At -F ' ' -c "
    select string_agg(relname || ' ' || trim(to_char(reltuples, '999,999,999')), ' · ' order by relname)
      || ' (' || pg_size_pretty(sum(pg_table_size(oid))) || ')'
    from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
}

grouped() { sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta' <<<"$1"; }

demo_estate() {
  local database dsn
  heading "3  The estate"
  # A fresh copy and a fresh state: what the last demo moved would hide what this one moves.
  rm -rf .demo/estate
  mkdir -p .demo/estate
  cp -R estates/movva/estate.yaml estates/movva/integrations estates/movva/models \
    estates/movva/dags .demo/estate/
  {
    echo "# What the demo's estate needs; to be sourced."
    for database in "${demo_databases[@]}"; do
      dsn=$(demo_dsn afluente "$database")
      echo "export ${database^^}_DSN=${dsn@Q}"
    done
    echo "export AFLUENTE_MASK_SALT=demo-only-not-a-secret"
    echo "export AFLUENTE_INBOX_SECRET=demo-only-not-a-secret"
    # shellcheck disable=SC2016 # $PATH is for whoever sources the file.
    printf 'export PATH=%q:$PATH\n' "$PWD/build/release"
  } >.demo/env
  # shellcheck source=/dev/null
  source .demo/env
  demo_afluente check
}

# Runs a command of afluente in the estate's folder, shown as one would type it.
demo_afluente() {
  note "$ afluente $(demo_typed "$@")"
  (cd .demo/estate && afluente "$@")
}

demo_typed() {
  local word words=()
  for word in "$@"; do
    [[ $word == *[[:space:]]* ]] && word="\"...\""
    words+=("$word")
  done
  echo "${words[*]}"
}

demo_run() {
  heading "4  The first run takes everything, learns who will fall silent, and draws arms of an experiment"
  demo_afluente run contacts messages
  demo_afluente run ml-data-preparation experiment-arms
  demo_learned
  demo_afluente run --all
  demo_measures >.demo/before.csv

  heading "5  An hour goes by in the three databases"
  demo_psql postgres -f estates/movva/generator/changes.sql
  done_line "messages arrive and are read, contacts stop, orders ship, people ask to be forgotten"

  heading "6  The second run takes what is new"
  demo_afluente run --all
  demo_measures >.demo/after.csv
  demo_difference

  heading "7  A question to the warehouse: which nudge gets read, and what does it cost?"
  demo_afluente query "$(demo_question)"

  demo_live
  demo_day
  demo_stop_service

  heading "10  Is it all there? Both sides compute, no row leaves its system"
  demo_afluente run --all --quiet
  demo_afluente reconcile contacts flow-definitions messages user-integration order-processing training-data-prep
}

# Changes arrive while one watches: a service follows the database, and questions go to it.
demo_live() {
  local tries=100
  heading "8  Live: what changes arrives by itself"
  note "$ afluente serve &"
  (cd .demo/estate && exec afluente serve --listen 127.0.0.1:0) 2>.demo/serve.log &
  demo_service=$!
  until demo_follows || [ $((tries -= 1)) -eq 0 ]; do sleep 0.1; done
  demo_psql rapidpro -c "set synchronous_commit = on" \
    -c "update public.contacts set status = 'S', modified_on = modified_on + interval '1 minute' where id % 97 = 1"
  note "97th contacts stop; in PostgreSQL:"
  demo_psql rapidpro -At -F ' ' -c "select '    ' || count(*) || ' stopped' from public.contacts where status = 'S'"
  sleep 0.5
  demo_afluente query "SELECT count(*) AS stopped FROM \"operations-dashboards\".analytics.dim_contacts WHERE status = 'S'"

  demo_psql rapidpro -c "update public.flows set definition = jsonb_set(definition, '{revision}', '99') where id = 7"
  note "flow 7 is published anew; its change triggers flow-definitions, which fetches it:"
  demo_soon "99" "SELECT definition ->> 'revision' AS revision FROM \"operations-dashboards\".flow_results.flow_definitions WHERE id = 7"

  note "the model learns anew; new scores in the warehouse trigger predictions, back into PostgreSQL:"
  demo_afluente run ml-data-preparation
  tries=100
  until [ "$(demo_predictions)" -gt 0 ] || [ $((tries -= 1)) -eq 0 ]; do sleep 0.1; done
  note "  users with a prediction of the newest version: $(demo_predictions)"

  note "carriers report what became of five messages; each report is posted to the inbox, signed, and one is sent twice:"
  demo_reports
  demo_soon "5" "SELECT count(*) AS reports, count(*) FILTER (status = 'D') AS delivered FROM \"operations-dashboards\".analytics.message_events"
  demo_afluente lag
}

# What docs/inbox.md tells senders to do.
demo_reports() {
  local address report body now signature
  address=$(cd .demo/estate && afluente lag --json | sed -n 's/.*"listen": "\(.*\)".*/\1/p')
  for report in 1 2 3 4 5 5; do
    body=$(printf '{"msg_id": %d, "contact_id": %d, "status": "%s", "occurred_at": "%s"}' \
      "$report" $((report * 7)) "$([ "$report" = 3 ] && echo F || echo D)" "$(date -u +%Y-%m-%dT%H:%M:%SZ)")
    now=$(date +%s)
    signature=$(printf '%s.%s.%s' "report-$report" "$now" "$body" |
      openssl dgst -sha256 -hmac "$AFLUENTE_INBOX_SECRET" -binary | base64)
    printf '    %s' "$(curl -sS "http://$address/topics/message-events" -H "webhook-id: report-$report" \
      -H "webhook-timestamp: $now" -H "webhook-signature: v1,$signature" --data-binary "$body")"
    echo
  done
}

# How many predictions of the application are of the newest version of the model.
demo_predictions() {
  local version
  version=$(sed -n 's/.*"name": "\(.*\)".*/\1/p' .demo/estate/.afluente/lake/coltrane/models/silence-risk/versions.json | tail -1)
  demo_psql anima -At -c "select count(*) from public.predictions where model = 'silence-risk $version'"
}

# What the train task measured, and how even the arms are.
demo_learned() {
  local models=.demo/estate/.afluente/lake/coltrane/models/silence-risk
  note "on families it has never seen: AUC $(demo_number '"auc"' "$models"/*/metrics.json); the best single feature alone: $(
    sed -n '/"baseline"/,/}/p' "$models"/*/metrics.json | demo_number '"auc"')"
  demo_afluente query 'SELECT arm, count(*) AS families, count(DISTINCT school || grade) AS strata
    FROM lake."movva-splitter/experiments/leitura-2026" GROUP BY arm ORDER BY arm'
}

# The first number behind a key, to three digits.
demo_number() { sed -n "s/^ *$1: \([0-9.]*\).*/\1/p" "${2:-/dev/stdin}" | head -1 | cut -c1-5; }

# Asks until the answer holds a text, then shows question and answer.
demo_soon() {
  local wanted=$1 sql=$2 tries=100
  until (cd .demo/estate && afluente query --format csv "$sql" 2>/dev/null) | grep -q "$wanted" ||
    [ $((tries -= 1)) -eq 0 ]; do sleep 0.1; done
  demo_afluente query "$sql"
}

demo_follows() { (cd .demo/estate && afluente lag --json 2>/dev/null) | grep -q '"following"'; }

demo_stop_service() {
  [ -n "${demo_service:-}" ] || return 0
  kill "$demo_service" 2>/dev/null || true
  wait "$demo_service" 2>/dev/null || true
  demo_service=
}

demo_measures() {
  (cd .demo/estate && afluente query --format csv '
    SELECT 1 AS line, '\''contacts'\'' AS measure, count(*) AS value FROM "operations-dashboards".analytics.dim_contacts
    UNION ALL SELECT 2, '\''contacts who stopped'\'', count(*) FILTER (status = '\''S'\'') FROM "operations-dashboards".analytics.dim_contacts
    UNION ALL SELECT 3, '\''messages'\'', count(*) FROM "operations-dashboards".analytics.fact_messages
    UNION ALL SELECT 4, '\''messages read'\'', count(*) FILTER (status = '\''R'\'') FROM "operations-dashboards".analytics.fact_messages
    UNION ALL SELECT 5, '\''orders'\'', count(*) FROM "operations-dashboards".analytics.fact_orders
    UNION ALL SELECT 6, '\''orders shipped'\'', count(*) FILTER (status = '\''shipped'\'') FROM "operations-dashboards".analytics.fact_orders
    UNION ALL SELECT 7, '\''users'\'', count(*) FROM "operations-dashboards".analytics.dim_users
    ORDER BY line')
}

demo_difference() {
  echo
  note "$(printf '%-22s %12s %12s %10s' 'in the warehouse' before after change)"
  paste -d, .demo/before.csv .demo/after.csv | tr -d '\r' | while IFS=, read -r line measure before _ _ after; do
    [[ $line =~ ^[0-9]+$ ]] || continue
    printf '  %-22s %12s %12s %10s\n' "$measure" "$(grouped "$before")" "$(grouped "$after")" \
      "$(grouped "$(printf '%+d' $((after - before)))")"
  done
}

demo_question() {
  cat <<'SQL'
SELECT m.metadata ->> 'nudge' AS nudge,
       count(*) AS sent,
       round(100.0 * count(*) FILTER (m.status = 'R') / count(*), 1) AS read_pct,
       sum(m.cost) AS cost_brl,
       round(sum(m.cost) / nullif(count(*) FILTER (m.status = 'R'), 0), 4) AS brl_per_read
FROM "operations-dashboards".analytics.fact_messages m
JOIN "operations-dashboards".analytics.dim_contacts c ON c.id = m.contact_id
WHERE m.direction = 'O' AND c.is_active
GROUP BY ALL
ORDER BY brl_per_read
SQL
}

demo_farewell() {
  heading "Done in $(seconds_since "$1"). Look around:"
  cat <<TEXT
  . .demo/env && cd .demo/estate       variables, and the folder that afluente finds by itself
  afluente tables                      what stands in the warehouse
  afluente query "SELECT ..."          ask it
  psql "\$RAPIDPRO_DSN"                 the source (read only)

  ./dev demo --stop                    stop the server, keep the data
  ./dev demo --clean                   remove all of it
TEXT
}

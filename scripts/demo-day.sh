# shellcheck shell=bash
# A day of the whole estate, without waiting for it: each job is triggered in the order in which its schedule would
# start it, in four windows of six hours, with an hour of life in the databases before each.

# A Sunday: what runs weekly runs, too.
demo_day_date=2026-11-22

demo_day() {
  local from hour at job
  heading "9  A day of the whole estate, $demo_day_date, as its schedules say"
  for hour in 00 06 12 18; do
    demo_psql postgres -f estates/movva/generator/changes.sql
    from=${demo_day_date}T$hour:00:00-03:00
    while read -r at job; do demo_day_run "$at" "$job"; done < <(demo_day_jobs "$from")
  done
  demo_day_left
}

# "HH:MM job" of each job that starts in the six hours from a moment on, in their order.
demo_day_jobs() {
  local end
  end=$(date -u -d "$1 + 6 hours" +%FT%T)
  (cd .demo/estate && afluente schedule --from "$1" --json) | awk -v end="$end" '
    /^ *"at":/ { at = substr($2, 2, 19) }
    /^ *"job":/ { job = $2; gsub(/[",]/, "", job) }
    /^ *"local":/ { if (at < end) print substr($2, 13, 5), job }'
}

demo_day_run() {
  local told state
  told=$(cd .demo/estate && afluente trigger "$2" --wait --json) || true
  state=$(sed -n 's/^  "state": "\(.*\)",*$/\1/p' <<<"$told")
  printf '  %s  %-22s %-10s %s\n' "$1" "$2" "$state" "$(demo_day_tasks "$told")"
  [ "$state" = succeeded ] || demo_day_failed=$((${demo_day_failed:-0} + 1))
}

# "8 tasks, 1,234 rows"
demo_day_tasks() {
  local tasks rows
  tasks=$(grep -c '^      "task": ' <<<"$1" || true)
  rows=$(awk '/^ *"rows":/ { rows += $2 } END { print rows + 0 }' <<<"$1")
  [ "$tasks" = 1 ] || printf '%s tasks, ' "$tasks"
  printf '%s rows' "$(grouped "$rows")"
}

# What the day left where people see it.
demo_day_left() {
  echo
  note "back in PostgreSQL: $(demo_psql rapidpro -Atc 'select count(*) from public.contact_feedback') contacts with a next message in rapidpro, $(
    demo_psql app -Atc 'select count(*) from public.user_insights'
  ) users in app, $(demo_psql anima -Atc 'select count(*) from public.predictions') predictions in anima"
  if [ "${demo_day_failed:-0}" -gt 0 ]; then
    fail_line "$demo_day_failed jobs did not succeed; see \`afluente runs\`"
    return 1
  fi
  done_line "every job of the day succeeded"
}

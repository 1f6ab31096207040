-- The database `anima`: what the AI project knows about each user, to train on.
--   psql -d anima [-v scale=1 | -v rows=200000] -f anima.sql
\ir words.sql

drop table if exists public.predictions, public.user_data, public.cohorts;

create table public.cohorts (
  id        int primary key,
  name      text not null,
  period    daterange not null,
  treatment text not null
);

insert into public.cohorts
select id, 'Turma 2026.' || id, daterange(date '2026-01-05' + id * 14, date '2026-01-05' + id * 14 + 84),
  (array['controle', 'lembrete', 'elogio', 'comparação social'])[1 + id % 4]
from generate_series(1, 12) as id;

create table public.user_data (
  user_id           bigint not null,
  contact_uuid      uuid,
  cohort_id         int not null references public.cohorts,
  messages_30d      int not null,
  replies_30d       int not null,
  avg_reply_seconds double precision,          -- NaN: sent a message, never got a reply
  engagement        real[] not null,           -- eight weeks, newest first; NULL: no messages that week
  answers           jsonb,
  went_silent       boolean,
  last_reply_at     timestamptz,
  updated_at        timestamptz not null
);

insert into public.user_data
select
  id,
  case when pg_temp.pick(id, 110, 12) > 1 then pg_temp.uuid_of(id, 2) end,
  pg_temp.pick(id, 111, 12),
  messages,
  replies,
  case when messages = 0 then null when replies = 0 then 'NaN' else pg_temp.pick(id, 113, 86400) / 7.0 end,
  array(select case when pg_temp.pick(id * 8 + week, 114, 9) > 1 then (pg_temp.pick(id * 8 + week, 115, 1000) / 1000.0)::real end
        from generate_series(1, 8) as week),
  case when pg_temp.pick(id, 116, 4) > 1 then jsonb_build_object(
    'leem_juntos', pg_temp.pick(id, 117, 7), 'confianca', pg_temp.pick(id, 118, 5),
    'barreira', (array['tempo', 'transporte', 'saúde', null])[pg_temp.pick(id, 119, 4)]) end,
  case when pg_temp.pick(id, 120, 15) > 1 then replies = 0 and messages > 3 end,
  case when replies > 0 then timestamptz '2026-01-20 08:00:00-03' + pg_temp.pick(id, 121, 1000000) * interval '1.37 seconds' end,
  timestamptz '2026-02-05 01:00:00-03' + pg_temp.pick(id, 122, 3600) * interval '0.25 seconds'
from (
  select id, messages, case when messages = 0 then 0 else pg_temp.pick(id, 123, messages + 1) - 1 end as replies
  from (select id, pg_temp.pick(id, 112, 40) - 1 as messages from generate_series(1, :users) as id offset 0) as sent
  offset 0
) as activity;

alter table public.user_data add primary key (user_id);

-- The application reads here which nudge to send; afluente writes it.
create table public.predictions (
  user_id           bigint primary key,
  contact_uuid      uuid,
  churn_probability double precision not null,
  next_nudge        text,
  model             text not null,
  scored_at         timestamptz not null
);

analyze public.user_data, public.cohorts, public.predictions;

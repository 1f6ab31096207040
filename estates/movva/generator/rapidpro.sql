-- The database `rapidpro`: contacts, flows and messages of the messaging platform.
--   psql -d rapidpro [-v scale=1 | -v rows=200000] -f rapidpro.sql
\ir words.sql

drop table if exists public.contacts, public.flows;

create table public.contacts (
  id              bigint not null,
  uuid            uuid not null,
  org_id          int not null,
  urn             text,                  -- tel:+5511... or whatsapp:5511...
  name            varchar(128),
  language        varchar(3),
  status          char(1) not null,      -- A active, B blocked, S stopped, V archived
  fields          jsonb not null,
  groups          text[] not null,
  ticket_count    int not null,
  current_flow_id int,
  is_active       boolean not null,
  created_on      timestamptz not null,
  modified_on     timestamptz not null,
  last_seen_on    timestamptz
);

insert into public.contacts
select
  id,
  pg_temp.uuid_of(id, 2),
  1,
  case when pg_temp.pick(id, 40, 250) = 1 then null
       when pg_temp.pick(id, 15, 5) <= 2 then 'tel:' || pg_temp.phone(id)
       else 'whatsapp:' || substr(pg_temp.phone(id), 2) end,
  case when pg_temp.pick(id, 41, 40) = 1 then null
       when pg_temp.pick(id, 41, 40) = 2 then ''
       else pg_temp.full_name(id) end,
  case when pg_temp.pick(id, 42, 10) > 1 then 'por' end,
  (array['A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'S', 'V'])[pg_temp.pick(id, 43, 10)],
  jsonb_strip_nulls(jsonb_build_object(
    'escola', jsonb_build_object('text', (pg_temp.schools())[pg_temp.pick(id, 44, 10)]),
    'municipio', jsonb_build_object('text', split_part((pg_temp.cities())[pg_temp.pick(id, 13, 10)], '|', 1)),
    'serie', jsonb_build_object('text', pg_temp.pick(id, 45, 9) || 'º ano', 'number', pg_temp.pick(id, 45, 9)),
    'turno', case when pg_temp.pick(id, 46, 3) > 1 then jsonb_build_object('text', (array['manhã', 'tarde', 'noite'])[pg_temp.pick(id, 46, 3)]) end)),
  case when pg_temp.pick(id, 47, 12) = 1 then array['Professores', 'Coordenação'] else array['Famílias'] end
    || case when pg_temp.pick(id, 48, 6) = 1 then array['Piloto "Leitura", 2026'] else '{}' end,
  case when pg_temp.pick(id, 49, 60) = 1 then 1 else 0 end,
  case when pg_temp.pick(id, 50, 5) = 1 then pg_temp.pick(id, 51, 48) end,
  pg_temp.pick(id, 52, 200) > 1,
  joined,
  -- An import of one school touches 50 contacts in one transaction: ties.
  case when id / 50 % 5 = 0 then timestamptz '2026-01-05 09:00:00-03' + id / 50 * interval '7 minutes'
       else timestamptz '2026-01-05 09:00:00-03' + pg_temp.pick(id, 53, 2000000) * interval '1 second' end,
  case when pg_temp.pick(id, 54, 4) > 1 then timestamptz '2026-01-05 09:00:00-03' + pg_temp.pick(id, 55, 2000000) * interval '1.000001 seconds' end
from (
  select id, timestamptz '2023-02-01 07:30:00-03' + id * interval '4 minutes' + pg_temp.pick(id, 56, 200000) * interval '1 millisecond' as joined
  from generate_series(1, :contacts) as id offset 0
) as contact;

alter table public.contacts add primary key (id);
create index contacts_modified on public.contacts (modified_on, id);
create unique index contacts_uuid on public.contacts (uuid);

create table public.flows (
  id                    int not null,
  uuid                  uuid not null,
  org_id                int not null,
  name                  varchar(64) not null,
  flow_type             char(1) not null,   -- M messaging, B background, V voice
  version_number        varchar(8) not null,
  is_active             boolean not null,
  is_archived           boolean not null,
  expires_after_minutes int,
  labels                text[],
  definition            jsonb not null,
  saved_on              timestamptz not null,
  modified_on           timestamptz not null
);

-- 48 flows of 4 to 15 nodes: each sends a nudge, waits for an answer and goes on by what it says.
insert into public.flows
select
  id,
  pg_temp.uuid_of(id, 3),
  1,
  name,
  (array['M', 'M', 'M', 'M', 'B', 'V'])[pg_temp.pick(id, 60, 6)],
  '13.' || pg_temp.pick(id, 61, 2) || '.0',
  true,
  pg_temp.pick(id, 62, 9) = 1,
  case when pg_temp.pick(id, 63, 5) > 1 then 720 * pg_temp.pick(id, 63, 14) end,
  case when pg_temp.pick(id, 64, 3) > 1 then array[(array['leitura', 'frequência', 'matrícula'])[pg_temp.pick(id, 65, 3)], '2026'] end,
  jsonb_build_object(
    'uuid', pg_temp.uuid_of(id, 3), 'name', name, 'spec_version', '13.1.0', 'language', 'por', 'type', 'messaging',
    'revision', pg_temp.pick(id, 66, 60), 'expire_after_minutes', 10080, 'localization', '{}'::jsonb,
    'nodes', (
      select jsonb_agg(jsonb_build_object(
        'uuid', pg_temp.uuid_of(id * 1000 + node, 4),
        'actions', jsonb_build_array(jsonb_build_object(
          'type', 'send_msg', 'uuid', pg_temp.uuid_of(id * 1000 + node, 5),
          'text', 'Olá, @contact.first_name! Passo ' || node || ' de ' || nodes || ': conte como foi. ✨',
          'quick_replies', jsonb_build_array('Sim', 'Não', 'Depois'))),
        'router', jsonb_build_object(
          'type', 'switch', 'operand', '@input.text', 'wait', jsonb_build_object('type', 'msg'),
          'cases', jsonb_build_array(
            jsonb_build_object('type', 'has_any_word', 'arguments', jsonb_build_array('sim s claro'), 'category_uuid', pg_temp.uuid_of(id * 1000 + node, 6)),
            jsonb_build_object('type', 'has_any_word', 'arguments', jsonb_build_array('não nao n'), 'category_uuid', pg_temp.uuid_of(id * 1000 + node, 7)))),
        'exits', jsonb_build_array(jsonb_build_object(
          'uuid', pg_temp.uuid_of(id * 1000 + node, 8),
          'destination_uuid', case when node < nodes then pg_temp.uuid_of(id * 1000 + node + 1, 4) end))) order by node)
      from generate_series(1, nodes) as node)),
  timestamptz '2026-01-02 10:00:00-03' + id * interval '5 hours',
  timestamptz '2026-01-02 10:00:00-03' + id * interval '5 hours 3 minutes 0.25 seconds'
from (
  select id, 3 + pg_temp.pick(id, 67, 12) as nodes,
    (array['Boas-vindas', 'Leitura em casa', 'Frequência', 'Matrícula', 'Rotina de sono', 'Prova diagnóstica', 'Pesquisa: satisfação', 'Formação de professores'])[1 + id % 8]
      || ' · ' || (1 + id / 8) || 'ª versão' as name
  from generate_series(1, 48) as id offset 0
) as flow;

alter table public.flows add primary key (id);
create unique index flows_uuid on public.flows (uuid);
analyze public.contacts, public.flows;

-- The platform reads here which message suits next, and when; afluente writes it.
drop table if exists public.contact_feedback;
create table public.contact_feedback (
  contact_id        bigint primary key,
  contact_uuid      uuid not null,
  segment           text not null,
  next_best_message text not null,
  best_hour         int not null
);

\ir msgs.sql

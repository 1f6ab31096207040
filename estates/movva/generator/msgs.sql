-- public.msgs: what RapidPro sent and received. Used by rapidpro.sql and, alone and larger, by the benchmarks:
--   psql -v rows=3000000 -f msgs.sql
\ir words.sql

drop table if exists public.msgs;
create table public.msgs (
  id             bigint not null,
  uuid           uuid not null,
  org_id         int not null,
  contact_id     bigint not null,
  contact_urn_id bigint,
  channel_id     int,
  flow_id        int,
  direction      char(1) not null,  -- I in, O out
  status         char(1) not null,  -- H handled, P pending, S sent, D delivered, R read, F failed
  msg_type       char(1) not null,  -- T text, V voice
  msg_count      smallint not null,
  text           text not null,
  attachments    text[],
  metadata       jsonb,
  cost           numeric(12,4),
  external_id    text,
  created_on     timestamptz not null,
  modified_on    timestamptz not null,
  sent_on        timestamptz
);

\set first 1
\set last :rows
\set late 0
\ir msgs-rows.sql

alter table public.msgs add primary key (id);
create index msgs_modified on public.msgs (modified_on, id);
create index msgs_contact on public.msgs (contact_id, created_on desc);
analyze public.msgs;

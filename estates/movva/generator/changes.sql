-- One more hour of life in all three databases, after everything that is there: updates, inserts and (users only)
-- deletes. Run it again for another hour. Connect to any database of the server.
\set ON_ERROR_STOP on

\connect rapidpro
select count(*) as rows, max(id) as last_id from public.msgs \gset
\ir words.sql
select greatest((select max(modified_on) from public.msgs), (select max(modified_on) from public.contacts)) + interval '1 hour' as moment \gset

begin;
-- Half a percent of the messages are confirmed by the carrier, in bursts that share a time stamp.
update public.msgs
set status = 'R', modified_on = timestamptz :'moment' + id % 20 * interval '1 minute'
where direction = 'O' and status in ('S', 'D') and pg_temp.pick(id, hashtext(:'moment'), 100) = 1;

-- One percent new messages.
select :last_id + 1 as first, :last_id + greatest(:rows / 100, 5) as last,
  extract(epoch from timestamptz :'moment' - (timestamptz '2026-01-05 08:00:00-03' + (:last_id + 1) * interval '11 seconds'))::bigint * 1000000 as late \gset
\ir msgs-rows.sql

-- Contacts: some move to another class, some stop, one in 500 is new.
update public.contacts
set fields = jsonb_set(fields, '{serie,text}', '"10º ano"'), modified_on = timestamptz :'moment' + interval '2 minutes'
where pg_temp.pick(id, hashtext(:'moment'), 150) = 1;
update public.contacts
set status = 'S', modified_on = timestamptz :'moment' + id % 60 * interval '1 second'
where status = 'A' and pg_temp.pick(id, hashtext(:'moment'), 150) = 2;
insert into public.contacts
select last_id + n, pg_temp.uuid_of(last_id + n, 2), 1, 'tel:' || pg_temp.phone(last_id + n), pg_temp.full_name(last_id + n), 'por', 'A',
  '{"escola": {"text": "EMEF Nova Esperança"}}', array['Famílias', 'Novos'], 0, null, true,
  timestamptz :'moment' + n * interval '1 second', timestamptz :'moment' + n * interval '1 second', null
from (select max(id) as last_id, greatest(count(*) / 500, 2) as new_ones from public.contacts) as known, generate_series(1, new_ones) as n;

-- A flow is published anew.
update public.flows
set definition = jsonb_set(definition, '{revision}', to_jsonb((definition ->> 'revision')::int + 1)),
    saved_on = timestamptz :'moment', modified_on = timestamptz :'moment'
where id = 7;
commit;

\connect app
\ir words.sql
select max(id) as last_id, max(updated_at) + interval '1 hour' as moment from public.orders \gset

begin;
update public.orders
set status = 'shipped', updated_at = timestamptz :'moment' + id % 7 * interval '1 second'
where status = 'paid' and pg_temp.pick(id, hashtext(:'moment'), 40) = 1;

select :last_id + 1 as first, :last_id + greatest(:last_id / 100, 3) as last,
  extract(epoch from timestamptz :'moment' - (timestamptz '2026-01-05 08:00:00-03' + (:last_id + 1) * interval '2 minutes'))::bigint * 1000000 as late,
  (select count(*) from public.users) as users \gset
\ir orders-rows.sql

update public.users set is_active = false, updated_at = timestamptz :'moment' where is_active and pg_temp.pick(id, hashtext(:'moment'), 300) = 1;
-- They asked to be forgotten (LGPD, article 18).
delete from public.users where pg_temp.pick(id, hashtext(:'moment'), 1000) = 2;
commit;

\connect anima
\ir words.sql
select max(updated_at) + interval '1 day' as moment from public.user_data \gset

update public.user_data
set messages_30d = messages_30d + 1, went_silent = replies_30d = 0, updated_at = :'moment'
where pg_temp.pick(user_id, hashtext(:'moment'), 20) = 1;

-- Adds the orders :first to :last. One every 2 minutes since 5 January 2026, :late microseconds later than that.
insert into public.orders
select
  id,
  pg_temp.pick(id, 90, :users),
  status,
  items,
  (select sum((item ->> 'quantity')::int * (item ->> 'unit_price')::numeric) from jsonb_array_elements(items) as item),
  case when pg_temp.pick(id, 93, 3) = 1 then pg_temp.pick(id, 94, 8) * 2.5 end,
  case when pg_temp.pick(id, 95, 4) = 1 then 0 else 9.90 + pg_temp.pick(id, 96, 300) / 10.0 end,
  case when pg_temp.pick(id, 93, 3) = 1 then 'VOLTA' || pg_temp.pick(id, 94, 8) end,
  case when pg_temp.pick(id, 97, 9) = 1 then 'Entregar na secretaria; falar com ' || pg_temp.first_name(id) || '.' else '' end,
  ordered_at,
  ordered_at + pg_temp.pick(id, 98, 5000) * interval '60 milliseconds',
  case when status = 'delivered' then (ordered_at + pg_temp.pick(id, 99, 12) * interval '1 day')::date end
from (
  select
    id,
    (array['draft', 'placed', 'paid', 'paid', 'shipped', 'shipped', 'delivered', 'delivered', 'delivered', 'cancelled'])[pg_temp.pick(id, 91, 10)]::public.order_status as status,
    timestamptz '2026-01-05 08:00:00-03' + id * interval '2 minutes' + (pg_temp.pick(id, 92, 999999) + :late) * interval '1 microsecond' as ordered_at,
    (select jsonb_agg(jsonb_build_object(
       'sku', (array['KIT-LEITURA', 'JOGO-MATEMATICA', 'CURSO-VINCULO', 'LICENCA-ESCOLA', 'CADERNO-ROTINA'])[pg_temp.pick(id * 8 + line, 100, 5)],
       'quantity', pg_temp.pick(id * 8 + line, 101, 4),
       'unit_price', round(pg_temp.pick(id * 8 + line, 102, 24000) / 100.0, 2)) order by line)
     from generate_series(1, pg_temp.pick(id, 103, 4)) as line) as items
  from generate_series(:first::bigint, :last::bigint) as id offset 0
) as purchase;

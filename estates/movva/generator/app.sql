-- The database `app`: people who use the application, and what they ordered (printed kits, courses, licences).
--   psql -d app [-v scale=1 | -v rows=200000] -f app.sql
\ir words.sql

drop table if exists public.users, public.orders;
drop type if exists public.user_role, public.order_status;
create type public.user_role as enum ('family', 'teacher', 'coordinator', 'manager');
create type public.order_status as enum ('draft', 'placed', 'paid', 'shipped', 'delivered', 'cancelled');

create table public.users (
  id            bigint not null,
  email         text,
  full_name     text not null,
  cpf           char(14),
  phone         text,
  role          public.user_role not null,
  school        text,
  city          text not null,
  state         char(2) not null,
  birth_date    date,
  score         real,
  preferences   jsonb,
  is_active     boolean not null,
  created_at    timestamptz not null,
  updated_at    timestamptz not null,
  last_login_at timestamptz
);

insert into public.users
select
  id,
  case when pg_temp.pick(id, 70, 30) > 1 then 'pessoa' || id || '@' || (array['escola', 'familia', 'professores'])[pg_temp.pick(id, 71, 3)] || '.movva.example' end,
  pg_temp.full_name(id),
  case when pg_temp.pick(id, 72, 8) > 1 then pg_temp.cpf(id) end,
  case when pg_temp.pick(id, 73, 10) > 1 then pg_temp.phone(id) when pg_temp.pick(id, 74, 2) = 1 then '' end,
  (array['family', 'family', 'family', 'teacher', 'teacher', 'coordinator', 'manager'])[pg_temp.pick(id, 75, 7)]::public.user_role,
  case when pg_temp.pick(id, 76, 9) > 1 then (pg_temp.schools())[pg_temp.pick(id, 44, 10)] end,
  split_part(city, '|', 1),
  split_part(city, '|', 2),
  case when pg_temp.pick(id, 77, 5) > 1 then date '1958-03-01' + pg_temp.pick(id, 78, 17000) end,
  case when pg_temp.pick(id, 79, 40) = 1 then 'NaN'::real when pg_temp.pick(id, 79, 40) > 4 then pg_temp.pick(id, 80, 10000) / 100.0 end,
  case when pg_temp.pick(id, 81, 3) > 1 then jsonb_build_object(
    'canal', (array['sms', 'whatsapp', 'e-mail'])[pg_temp.pick(id, 82, 3)], 'horario', pg_temp.pick(id, 83, 12) + 7 || 'h', 'novidades', pg_temp.pick(id, 84, 2) = 1) end,
  pg_temp.pick(id, 85, 25) > 1,
  joined,
  joined + pg_temp.pick(id, 86, 40000000) * interval '1 second',
  case when pg_temp.pick(id, 87, 6) > 1 then joined + pg_temp.pick(id, 88, 40000000) * interval '1.5 seconds' end
from (
  select id, (pg_temp.cities())[pg_temp.pick(id, 13, 10)] as city,
    timestamptz '2024-02-01 08:00:00-03' + id * interval '1 minute' + pg_temp.pick(id, 89, 59000) * interval '1 millisecond' as joined
  from generate_series(1, :users) as id offset 0
) as person;

create table public.orders (
  id           bigint not null,
  user_id      bigint not null,
  status       public.order_status not null,
  items        jsonb not null,              -- [{"sku", "quantity", "unit_price"}]
  subtotal     numeric(12,2) not null,
  discount_pct numeric(5,2),
  shipping     numeric(12,2) not null,
  coupon       text,
  notes        text not null,
  ordered_at   timestamptz not null,
  updated_at   timestamptz not null,
  delivered_on date
);

\set first 1
\set last :orders
\set late 0
\ir orders-rows.sql

alter table public.users add primary key (id);
alter table public.orders add primary key (id);
create index orders_updated on public.orders (updated_at, id);
create index orders_user on public.orders (user_id);
analyze public.users, public.orders;

-- What the warehouse knows of each user; afluente writes it.
drop table if exists public.user_insights;
create table public.user_insights (
  user_id          bigint primary key,
  segment          text not null,
  messages_30d     bigint not null,
  replies_30d      bigint not null,
  reply_rate       double precision,
  orders           bigint not null,
  ordered_total    numeric(14,2) not null,
  days_since_reply bigint
);

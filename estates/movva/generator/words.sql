-- What all generator files share: the size, choices by arithmetic, and words. Everything lives in pg_temp, so a
-- database keeps no trace of it. No random(): the same size gives the same rows on every machine.
\set ON_ERROR_STOP on
set client_min_messages = warning;
set datestyle = 'ISO, YMD';
set time zone 'America/Sao_Paulo';

-- Size: -v rows=N is the number of messages; -v scale=S is the same as rows = S * 200,000.
\if :{?rows}
\else
  \if :{?scale}
  \else
    \set scale 1
  \endif
  select (200000 * :scale)::bigint as rows \gset
\endif
select greatest(:rows / 10, 10) as contacts, greatest(:rows / 40, 10) as users, greatest(:rows / 20, 10) as orders \gset

-- 1..n, by id and a salt (one salt for each decision).
create or replace function pg_temp.pick(id bigint, salt bigint, n int) returns int immutable language sql
  as $$ select (1 + (hashint8extended(id, salt) & 9223372036854775807) % n)::int $$;

create or replace function pg_temp.uuid_of(id bigint, salt int) returns uuid immutable language sql
  as $$ select md5(salt::text || ':' || id::text)::uuid $$;

create or replace function pg_temp.first_names() returns text[] immutable language sql as $$ select array[
  'Ana', 'Antônia', 'Beatriz', 'Camila', 'Cláudia', 'Conceição', 'Débora', 'Edilene', 'Fátima', 'Francisca',
  'Gabriela', 'Helena', 'Inês', 'Joana', 'Josefa', 'Juliana', 'Larissa', 'Luciana', 'Márcia', 'Maria das Graças',
  'Mônica', 'Patrícia', 'Raimunda', 'Rosângela', 'Simone', 'Tatiana', 'Vânia', 'Adriano', 'Antônio', 'Carlos',
  'Edson', 'Francisco', 'Geraldo', 'Jefferson', 'João', 'José', 'Luís', 'Márcio', 'Raimundo', 'Sebastião'] $$;

create or replace function pg_temp.child_names() returns text[] immutable language sql as $$ select array[
  'Miguel', 'Arthur', 'Heitor', 'Bernardo', 'Davi', 'Théo', 'Gabriel', 'Enzo', 'Antônio', 'Ravi',
  'Helena', 'Alice', 'Laura', 'Valentina', 'Sophia', 'Maria Júlia', 'Heloísa', 'Lívia', 'Cecília', 'Maitê'] $$;

create or replace function pg_temp.surnames() returns text[] immutable language sql as $$ select array[
  'Silva', 'Santos', 'Oliveira', 'Souza', 'Rodrigues', 'Ferreira', 'Alves', 'Pereira', 'Lima', 'Gomes',
  'Costa', 'Ribeiro', 'Martins', 'Carvalho', 'Araújo', 'Conceição', 'Assunção', 'Magalhães', 'Guimarães', 'Simões',
  'D''Ávila', 'de Sá', 'dos Anjos', 'Nascimento', 'Brandão', 'Falcão', 'Antunes', 'Xavier', 'Queiroz', 'Muñoz'] $$;

create or replace function pg_temp.schools() returns text[] immutable language sql as $$ select array[
  'EMEF Paulo Freire', 'EE Profª Maria José', 'EMEB Cecília Meireles', 'CEU Três Pontes', 'EM Anísio Teixeira',
  'EE Dom Pedro II', 'EMEF Zilda Arns', 'Colégio Estadual João XXIII', 'EM Rachel de Queiroz', 'EMEI Vovó Sebastiana'] $$;

create or replace function pg_temp.cities() returns text[] immutable language sql as $$ select array[
  'São Paulo|SP|11', 'Santo André|SP|11', 'Rio de Janeiro|RJ|21', 'Niterói|RJ|21', 'Belo Horizonte|MG|31',
  'Salvador|BA|71', 'Recife|PE|81', 'Fortaleza|CE|85', 'Goiânia|GO|62', 'Belém|PA|91'] $$;

-- What a contact is called: NULL for some, as people sign up by SMS without a name, and empty for a few.
create or replace function pg_temp.first_name(contact bigint) returns text immutable language sql
  as $$ select (pg_temp.first_names())[pg_temp.pick(contact, 11, 40)] $$;

create or replace function pg_temp.full_name(person bigint) returns text immutable language sql
  as $$ select (pg_temp.first_names())[pg_temp.pick(person, 11, 40)] || ' ' || (pg_temp.surnames())[pg_temp.pick(person, 12, 30)] $$;

-- A number that nobody has: Brazilian mobile numbers never start with 90.
create or replace function pg_temp.phone(person bigint) returns text immutable language sql
  as $$ select '+55' || split_part((pg_temp.cities())[pg_temp.pick(person, 13, 10)], '|', 3) || '90' || lpad((person % 10000000)::text, 7, '0') $$;

-- A CPF that nobody has: its first check digit is wrong by one.
create or replace function pg_temp.cpf(person bigint) returns text immutable language sql as $$
  with digits as (select lpad(((person * 7919 + 104729) % 1000000000)::text, 9, '0') as nine),
       check_digit as (select nine, sum(substr(nine, i, 1)::int * (11 - i)) * 10 % 11 % 10 as right_one
                       from digits, generate_series(1, 9) i group by nine)
  select format('%s.%s.%s-%s%s', substr(nine, 1, 3), substr(nine, 4, 3), substr(nine, 7, 3),
                (right_one + 1) % 10, person % 10)
  from check_digit $$;

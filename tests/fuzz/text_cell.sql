-- Values as PostgreSQL prints them: the corpus of text_cell.cpp, one file a value, made by
--   psql -X -d DATABASE -f text_cell.sql        (in corpus/text_cell)
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET extra_float_digits = 1;
SET bytea_output = 'hex';
\o bool
SELECT true AS v \gset
\qecho -n :v
\o int
SELECT '-9223372036854775808'::bigint AS v \gset
\qecho -n :v
\o float
SELECT '-1.7976931348623157e308'::float8 AS v \gset
\qecho -n :v
\o float_small
SELECT '5e-324'::float8 AS v \gset
\qecho -n :v
\o nan
SELECT 'NaN'::float8 AS v \gset
\qecho -n :v
\o infinity
SELECT '-Infinity'::float8 AS v \gset
\qecho -n :v
\o numeric
SELECT '-1234567890123456789012345678.0123456789'::numeric AS v \gset
\qecho -n :v
\o numeric_small
SELECT '12.3400'::numeric AS v \gset
\qecho -n :v
\o text
SELECT 'São João da Boa Vista, 📱' AS v \gset
\qecho -n :v
\o bpchar
SELECT 'SP'::char(20) AS v \gset
\qecho -n :v
\o jsonb
SELECT '{"a": [1, null, "x"]}'::jsonb AS v \gset
\qecho -n :v
\o bytea
SELECT decode(repeat('00ff', 20), 'hex') AS v \gset
\qecho -n :v
\o uuid
SELECT '6f9619ff-8b86-d011-b42d-00c04fc964ff'::uuid AS v \gset
\qecho -n :v
\o date_bc
SELECT '4713-01-01 BC'::date AS v \gset
\qecho -n :v
\o date_late
SELECT '5874897-12-31'::date AS v \gset
\qecho -n :v
\o date_infinity
SELECT '-infinity'::date AS v \gset
\qecho -n :v
\o time
SELECT '24:00:00'::time AS v \gset
\qecho -n :v
\o timetz
SELECT '10:00:00.000001+05:30:15'::timetz AS v \gset
\qecho -n :v
\o timestamp
SELECT '294276-12-31 23:59:59.999999'::timestamp AS v \gset
\qecho -n :v
\o timestamptz
SELECT '0044-03-15 12:00:00.5+00 BC'::timestamptz AS v \gset
\qecho -n :v
\o interval
SELECT '1 year 2 mons -3 days +04:05:06.789'::interval AS v \gset
\qecho -n :v
\o interval_minus
SELECT '-178956970 years -8 mons -2147483648 days -2562047788:00:54.775807'::interval AS v \gset
\qecho -n :v
\o inet
SELECT '2001:db8::ff00:42:8329'::inet AS v \gset
\qecho -n :v
\o array_int
SELECT '{1,NULL,-2147483648}'::int[] AS v \gset
\qecho -n :v
\o array_text
SELECT ARRAY['a, b', '', NULL, 'NULL', 'q"q', 'b\b', '{}', 'São João da Boa Vista'] AS v \gset
\qecho -n :v
\o array_text2
SELECT ARRAY[ARRAY['a', 'b "c"'], ARRAY[NULL, '']] AS v \gset
\qecho -n :v
\o array_numeric3
SELECT '{{{1.5,NULL},{2,3}},{{-0.0001,4},{5,6}}}'::numeric[] AS v \gset
\qecho -n :v
\o array_bounds
SELECT '[0:1][2:3]={{1,2},{3,4}}'::int[] AS v \gset
\qecho -n :v
\o array_empty
SELECT '{}'::int[] AS v \gset
\qecho -n :v
\o array_timestamp
SELECT '{"2026-11-23 10:00:00",infinity,NULL}'::timestamp[] AS v \gset
\qecho -n :v
\o array_bytea
SELECT ARRAY['\x00ff'::bytea, NULL, ''] AS v \gset
\qecho -n :v
\o array_box
SELECT '{(1,1),(0,0);(2,2),(1,1)}'::box[] AS v \gset
\qecho -n :v
\o array_long
SELECT array_agg(i) AS v FROM generate_series(1, 3000) i \gset
\qecho -n :v

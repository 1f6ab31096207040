-- Rows as PostgreSQL sends them: the corpus of copy_tuple.cpp, one file a row, made by
--   psql -X -d DATABASE -f corpus.sql        (in corpus/copy_tuple)
-- The columns are those of copy_tuple.cpp, in its order.
CREATE TEMP TABLE v (n int, b bool, i2 smallint, i4 int, i8 bigint, o oid, f4 real, f8 float8, t text, j jsonb, y bytea,
  u uuid, d date, ti time, tz timetz, ts timestamp, tstz timestamptz, iv interval, n4 numeric(4,2), n38 numeric(38,10),
  ai int[], at text[], a2 bigint[][], an numeric(12,4)[]);
INSERT INTO v VALUES
  (1, true, 7, 42, 1234567890123, 1700, 1.5, 2.25, 'São João da Boa Vista', '{"a": [1, null]}', '\x00ff41',
   '6f9619ff-8b86-d011-b42d-00c04fc964ff', '2026-11-23', '10:00:00.000001', '10:00:00-03', '2026-11-23 10:00:00',
   '2026-11-23 10:00:00-03', '1 year 2 months 3 days 04:05:06', 12.34, 1234567890.0123456789, '{1,NULL,3}',
   '{"a, b",""}', '{{1,2},{3,NULL}}', '{1.5,NULL,-2.25}'),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL, NULL),
  (3, false, -32768, -2147483648, -9223372036854775808, 4294967295, 'NaN', '-Infinity', '', '{}', '',
   '00000000-0000-0000-0000-000000000000', '-infinity', '24:00:00', '24:00:00+15:59', 'infinity', '-infinity',
   '-1 month 30 days -0.000001 seconds', -99.99, -9999999999999999999999999999.9999999999, '{}', '{}', '{}', '{}'),
  (4, true, 1, 1, 1, 1, 1, 1, repeat('mensagem 📱 ', 40), '[1, 2, 3]', decode(repeat('ab', 300), 'hex'),
   'ffffffff-ffff-ffff-ffff-ffffffffffff', '4713-01-01 BC', '00:00', '00:00+00', '4713-01-01 BC', '1970-01-01 00:00+00',
   '00:00', 0, 0, (SELECT array_agg(i) FROM generate_series(1, 3000) i), ARRAY[repeat('x', 100), NULL, 'é'],
   ARRAY[ARRAY[1, 2, 3], ARRAY[4, 5, 6]], '{0.0001}'),
  (5, true, 1, 1, 1, 1, 1, 1, 'x', 'null', 'x', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '2000-01-01', '00:00', '00:00+00',
   '2000-01-01', '2000-01-01 00:00+00', '00:00', 'NaN', 0, '{{1},{2}}', '[0:1]={a,b}', '{1,2}', '{NaN}');
\copy (SELECT b, i2, i4, i8, o, f4, f8, t, j, y, u, d, ti, tz, ts, tstz, iv, n4, n38, ai, at, a2, an FROM v WHERE n = 1) TO 'usual.bin' (FORMAT binary)
\copy (SELECT b, i2, i4, i8, o, f4, f8, t, j, y, u, d, ti, tz, ts, tstz, iv, n4, n38, ai, at, a2, an FROM v WHERE n = 2) TO 'nulls.bin' (FORMAT binary)
\copy (SELECT b, i2, i4, i8, o, f4, f8, t, j, y, u, d, ti, tz, ts, tstz, iv, n4, n38, ai, at, a2, an FROM v WHERE n = 3) TO 'extremes.bin' (FORMAT binary)
\copy (SELECT b, i2, i4, i8, o, f4, f8, t, j, y, u, d, ti, tz, ts, tstz, iv, n4, n38, ai, at, a2, an FROM v WHERE n = 4) TO 'long.bin' (FORMAT binary)
\copy (SELECT b, i2, i4, i8, o, f4, f8, t, j, y, u, d, ti, tz, ts, tstz, iv, n4, n38, ai, at, a2, an FROM v WHERE n = 5) TO 'refused.bin' (FORMAT binary)

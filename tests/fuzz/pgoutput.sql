-- Streams as PostgreSQL sends them: the corpus of pgoutput.cpp, made in corpus/pgoutput by
--   psql -X -q -At -d DATABASE -f ../../pgoutput.sql
-- on a server with wal_level = logical. Each message has its length in front of it, 4 bytes.
SET synchronous_commit = on;  -- What is not flushed is not sent.
CREATE TABLE fz (id int PRIMARY KEY, name text, blob text, n numeric, at timestamptz, tags text[]);
ALTER TABLE fz ALTER blob SET STORAGE EXTERNAL;
CREATE TABLE fzfull (a text, b int, v jsonb, PRIMARY KEY (a, b));
ALTER TABLE fzfull REPLICA IDENTITY FULL;
CREATE TYPE fzmood AS ENUM ('sad', 'glad');
ALTER TABLE fzfull ADD mood fzmood;
CREATE PUBLICATION fzpub FOR TABLE fz, fzfull;
SELECT 1 FROM pg_create_logical_replication_slot('fzslot', 'pgoutput');
INSERT INTO fz SELECT i, 'n' || i, repeat('x', 2100), i / 3.0, now(), ARRAY['a', NULL] FROM generate_series(1, 3) i;
UPDATE fz SET name = NULL WHERE id = 1;
UPDATE fz SET id = 10 WHERE id = 2;
DELETE FROM fz WHERE id = 3;
INSERT INTO fzfull VALUES ('k', 1, '{"a": [1, null]}', 'glad'), ('', -1, NULL, NULL);
UPDATE fzfull SET v = '[]', b = 2 WHERE a = 'k';
DELETE FROM fzfull WHERE a = '';
SELECT 1 FROM pg_logical_emit_message(true, 'heart', 'beat');
ALTER TABLE fz ADD more int;
UPDATE fz SET more = 1 WHERE id = 10;
TRUNCATE fz, fzfull;
BEGIN;
INSERT INTO fz SELECT i, 'n', 'b' FROM generate_series(1, 400) i;
SAVEPOINT a;
INSERT INTO fz SELECT i, 'gone', 'b' FROM generate_series(401, 700) i;
ROLLBACK TO a;
INSERT INTO fz VALUES (5000, 'last', NULL);
COMMIT;
SET logical_decoding_work_mem = '64kB';
-- The first and the last messages, and all that frame a transaction which is sent before it commits.
\set take 'WITH m AS (SELECT row_number() OVER () AS n, count(*) OVER () AS c, data FROM pg_logical_slot_peek_binary_changes(''fzslot'', NULL, NULL, ''publication_names'', ''fzpub'', ''messages'', ''true'', '
\set hex ') SELECT encode(int4send(length(data)) || data, ''hex'') FROM m WHERE n <= 60 OR n > c - 6 OR get_byte(data, 0) IN (65, 69, 83, 99)'
\o | xxd -r -p > text.bin
:take 'proto_version', '1') :hex;
\o | xxd -r -p > binary.bin
:take 'proto_version', '1', 'binary', 'true') :hex;
\o | xxd -r -p > streamed.bin
:take 'proto_version', '2', 'binary', 'true', 'streaming', 'true') :hex;
\o
SELECT 1 FROM pg_drop_replication_slot('fzslot');
DROP PUBLICATION fzpub;
DROP TABLE fz, fzfull;
DROP TYPE fzmood;

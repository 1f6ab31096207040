// Enums, domains, composites and extensions' types.
#include "integration/type_corpus.h"

namespace afluente::test {

std::string TypeSetup() {
  return R"(
    create extension if not exists hstore;
    create extension if not exists citext;
    create extension if not exists ltree;
    create type mood as enum ('sad', 'ok', 'very happy', 'it''s "quoted"', 'ação', '');
    create type pair as (a integer, b text);
    create type nested as (p pair, t timestamptz, xs numeric[]);
    create type floatrange as range (subtype = float8);
    create domain positive as integer check (value > 0);
    create domain email as text check (value like '%@%');
    create domain price as numeric(12,4);
    create domain tags as text[];
    create domain small_positive as positive check (value < 100);
    create domain spot as point;
    create domain feeling as mood;
  )";
}

std::vector<TypeCase> UserTypeCases() {
  return {
      {.name = "Enum",
       .pg_type = "mood",
       .duck_type = "VARCHAR",
       .values = {"sad", "ok", "very happy", "it's \"quoted\"", "ação", ""}},
      {.name = "Composite",
       .pg_type = "pair",
       .duck_type = "VARCHAR",
       .values = {"(1,a)", "(,)", "(-1,\"\")", "(2,\"x, y\")", "(3,\"say \"\"hi\"\"\")",
                  "(4,\"a\\\\b\")", "(5,NULL)"}},
      {.name = "CompositeNested",
       .pg_type = "nested",
       .duck_type = "VARCHAR",
       .values = {"(\"(1,\"\"a b\"\")\",\"2020-01-01 10:00:00-03\",\"{1.10,NULL}\")", "(,,)"}},
      {.name = "RangeOfUser",
       .pg_type = "floatrange",
       .duck_type = "VARCHAR",
       .values = {"empty", "[0.1,1e300)", "(NaN,NaN]"}},
      {.name = "DomainInteger",
       .pg_type = "positive",
       .duck_type = "INTEGER",
       .values = {"1", "2147483647"}},
      {.name = "DomainOfDomain",
       .pg_type = "small_positive",
       .duck_type = "INTEGER",
       .values = {"1", "99"}},
      {.name = "DomainText",
       .pg_type = "email",
       .duck_type = "VARCHAR",
       .values = {"a@b", "ção@movva.example"}},
      {.name = "DomainNumeric",
       .pg_type = "price",
       .duck_type = "DECIMAL(12,4)",
       .print = Print::kDecimal,
       .values = {"0", "0.0001", "99999999.9999", "-1.5"}},
      {.name = "DomainArray",
       .pg_type = "tags",
       .duck_type = "VARCHAR[]",
       .list_depth = 1,
       .values = {"{}", "{a,NULL,\"b c\"}"}},
      {.name = "DomainPoint", .pg_type = "spot", .duck_type = "VARCHAR", .values = {"(1,2)"}},
      {.name = "DomainEnum", .pg_type = "feeling", .duck_type = "VARCHAR", .values = {"ok"}},
      {.name = "Hstore",
       .pg_type = "hstore",
       .duck_type = "VARCHAR",
       .values = {"", "a=>1", "a=>NULL, b=>\"x y\"", "\"ç\"=>\"\\\"q\\\"\"", "k=>\"\""}},
      {.name = "Ltree", .pg_type = "ltree", .duck_type = "VARCHAR", .values = {"", "a.b.c"}},
  };
}

}  // namespace afluente::test

// Random values by the thousand: PostgreSQL is the oracle, column by column.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "integration/type_corpus.h"
#include "integration/type_print.h"
#include "support/movement.h"

namespace afluente::test {
namespace {

constexpr int kRows = 4000;

struct RandomColumn {
  TypeCase type_case;
  const char* value;  // SQL; `r` is a fresh random text of 32 hexadecimal digits.
};

std::vector<RandomColumn> RandomColumns() {
  const auto of = [](const char* name, const char* type, Print print, int depth = 0) {
    return TypeCase{.name = name, .pg_type = type, .print = print, .list_depth = depth};
  };
  return {
      {of("i2", "smallint", Print::kPlain), "('x' || substr(r, 1, 4))::bit(16)::int - 32768"},
      {of("i4", "integer", Print::kPlain), "('x' || substr(r, 1, 8))::bit(32)::int"},
      {of("i8", "bigint", Print::kPlain), "('x' || substr(r, 1, 16))::bit(64)::bigint"},
      {of("b", "boolean", Print::kBool), "r < '8'"},
      {of("f8", "float8", Print::kFloat8), "(random() - 0.5) * 10 ^ (random() * 600 - 300)"},
      {of("f4", "float4", Print::kFloat4), "(random() - 0.5) * 10 ^ (random() * 70 - 35)"},
      {of("d9", "numeric(9,4)", Print::kDecimal), "((random() - 0.5) * 199998)::numeric(9,4)"},
      {of("d18", "numeric(18,6)", Print::kDecimal),
       "(translate(substr(r, 1, 17), 'abcdef', '012345')::numeric - 5e16) / 1000000"},
      {of("d38", "numeric(38,12)", Print::kDecimal),
       "(translate(r, 'abcdef', '012345')::numeric - 5e31) / 10::numeric ^ (6 + (random() * "
       "6)::int)"},
      {of("n", "numeric", Print::kPlain),
       "(translate(r || r, 'abcdef', '012345')::numeric - 5e63) / 10::numeric ^ (random() * "
       "40)::int"},
      {of("day", "date", Print::kDate), "date '0100-01-01 BC' + (random() * 4000000)::int"},
      {of("ts", "timestamp", Print::kTimestamp),
       "timestamp '2000-01-01' + make_interval(secs => (random() - 0.5) * 1.2e11)"},
      {of("tz", "timestamptz", Print::kTimestamptz),
       "timestamptz '2000-01-01 00:00+00' + make_interval(secs => (random() - 0.5) * 1.2e11)"},
      {of("tm", "time", Print::kPlain), "time '00:00' + make_interval(secs => random() * 86399)"},
      {of("iv", "interval", Print::kInterval),
       "make_interval(months => ((random() - 0.5) * 10000)::int, days => ((random() - 0.5) * "
       "3)::int, "
       "secs => (random() - 0.5) * 10 ^ (random() * 10))"},
      {of("u", "uuid", Print::kPlain), "r::uuid"},
      {of("raw", "bytea", Print::kBytea), "decode(substr(r, 1, 2 * (random() * 16)::int), 'hex')"},
      {of("tx", "text", Print::kPlain),
       "(select string_agg(chr((array[32 + (random() * 94)::int, 192 + (random() * 300)::int, "
       "19968 + (random() * 20000)::int, 128512 + (random() * 70)::int])[1 + (random() * "
       "3.99)::int "
       "% 4]), '') from generate_series(1, ('x' || substr(r, 1, 1))::bit(4)::int) where r is not "
       "null)"},
      {of("jb", "jsonb", Print::kPlain),
       "jsonb_build_object(substr(r, 1, 3), random(), 'list', jsonb_build_array(r, null, 1))"},
      {of("ia", "integer[]", Print::kPlain, 1),
       "(select array_agg(case when random() < 0.2 then null else (random() * 1e9)::int end) "
       "from generate_series(1, ('x' || substr(r, 1, 1))::bit(4)::int) where r is not null)"},
      {of("ta", "text[]", Print::kPlain, 1),
       "array[substr(r, 1, (random() * 20)::int), null, '', E'a\"\\\\ b']"},
      {of("ip", "inet", Print::kPlain),
       "'0.0.0.0'::inet + ('x' || substr(r, 1, 8))::bit(32)::bigint"},
      {of("pt", "point", Print::kPlain), "point(random() * 1e6, (random() - 0.5) * 1e-6)"},
      {of("rg", "int4range", Print::kPlain),
       "int4range((random() * 100)::int, 100 + (random() * 100)::int, '[]')"},
  };
}

TEST(RandomTypesTest, EveryColumnAgreesWithPostgres) {
  const char* chosen = std::getenv("AFLUENTE_SEED");
  const unsigned seed = chosen != nullptr ? static_cast<unsigned>(std::atoi(chosen))
                                          : std::random_device()() % 1000000;
  std::cout << "AFLUENTE_SEED=" << seed << "\n";
  const auto database = PgCluster::Shared().CreateDatabase();
  std::string columns;
  std::string values;
  for (const RandomColumn& column : RandomColumns()) {
    columns += fmt::format(", {} {}", column.type_case.name, column.type_case.pg_type);
    values += fmt::format(", case when random() < 0.1 then null else {} end", column.value);
  }
  database->Exec(
      fmt::format("select setseed({}); create table t(id int primary key{});"
                  "insert into t select id{} from (select i as id, md5(random()::text) as r "
                  "from generate_series(1, {}) i offset 0) x",
                  static_cast<double>(seed) / 1e6, columns, values, kRows));
  const EstateFolder estate({{"src", database->dsn()}});
  estate.Integration("t",
                     "source: { connection: src, table: public.t }\n"
                     "destination: { table: dw.d.t }\nmode: snapshot\nparallel: 2\n");
  const Outcome outcome = estate.Run({"run", "t"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.ToString();
  for (const RandomColumn& column : RandomColumns()) {
    const TypeCase& type_case = column.type_case;
    const auto select = [&](const std::string& text, const char* table) {
      return fmt::format("select id, {} from (select id, {} as v from {}) x order by id", text,
                         type_case.name, table);
    };
    const bool is_text = estate.Query(fmt::format("select distinct typeof({}) from dw.d.t",
                                                  type_case.name))[0][0] == "VARCHAR";
    const Rows want = database->Query(select(PgText(type_case), "t"));
    const Rows got = estate.Query(select(is_text ? "v" : DuckText(type_case), "dw.d.t"));
    ASSERT_EQ(got.size(), want.size());
    int shown = 0;
    for (std::size_t i = 0; i < want.size() && shown < 5; ++i) {
      if (got[i] == want[i]) continue;
      ++shown;
      ADD_FAILURE() << type_case.pg_type << " row " << i + 1 << ": PostgreSQL says "
                    << want[i][1].value_or("NULL") << ", the warehouse "
                    << got[i][1].value_or("NULL");
    }
  }
  std::cout << "types: " << kRows * static_cast<int>(RandomColumns().size())
            << " random values compared with PostgreSQL's text\n";
}

}  // namespace
}  // namespace afluente::test

// Every built-in PostgreSQL type, moved by a snapshot and compared with what
// PostgreSQL's own ::text says of it.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <iostream>
#include <map>
#include <memory>

#include "integration/type_corpus.h"
#include "integration/type_print.h"
#include "support/movement.h"

namespace afluente::test {
namespace {

std::string TableOf(const TypeCase& type_case) {
  std::string table = "v_" + type_case.name;
  for (char& letter : table) letter = static_cast<char>(std::tolower(letter));
  return table;
}

std::string Shortened(const Cell& cell) {
  if (!cell) return "NULL";
  if (cell->size() <= 120) return "'" + *cell + "'";
  return fmt::format("'{}...' ({} bytes)", cell->substr(0, 120), cell->size());
}

/// All tables stand in one database and are moved by one `run --all`; each test
/// then compares one of them.
class TypesTest : public testing::TestWithParam<TypeCase> {
 protected:
  static void SetUpTestSuite() {
    if (database_) return;
    database_ = PgCluster::Shared().CreateDatabase();
    estate_ = std::make_unique<EstateFolder>(
        std::map<std::string, std::string>{{"src", database_->dsn()}});
    database_->Exec(TypeSetup());
    for (const TypeCase& type_case : AllTypeCases()) {
      try {
        Create(type_case);
      } catch (const std::exception& error) {
        ADD_FAILURE() << type_case.name << ": " << error.what();
      }
    }
    const Outcome outcome = estate_->Run({"run", "--all"});
    if (outcome.exit_code != 0) std::cerr << outcome.ToString() << "\n";
    ReadTypes();
    ReadValues();
  }

  static void TearDownTestSuite() {
    std::cout << "types: " << compared_ << " values of " << AllTypeCases().size()
              << " columns compared with PostgreSQL's text, " << differing_ << " differ\n";
    estate_.reset();
    database_.reset();
  }

  static void Create(const TypeCase& type_case) {
    const std::string table = TableOf(type_case);
    std::string rows;
    int id = 0;
    for (const std::string& value : type_case.values) {
      rows += fmt::format("({}, {}), ", ++id, SqlValue(type_case, value));
    }
    database_->Exec(
        fmt::format("create table {0} (id integer primary key, v {1}); "
                    "insert into {0} values {2} ({3}, null)",
                    table, type_case.pg_type, rows, ++id));
    estate_->Integration(
        "types-" + table.substr(2),
        fmt::format("source: {{ connection: src, table: public.{0} }}\n"
                    "destination: {{ table: dw.types.{0} }}\n"
                    "mode: snapshot\n{1}",
                    table, type_case.as_text ? "columns: { v: { type: text } }\n" : ""));
  }

  static void ReadTypes() {
    for (const Row& row :
         estate_->Query("select table_name, data_type from information_schema.columns where "
                        "table_catalog = 'dw' and table_schema = 'types' and column_name = 'v'")) {
      duck_types_[row[0].value_or("")] = row[1].value_or("");
    }
  }

  static std::string Select(const TypeCase& type_case) {
    const std::string table = TableOf(type_case);
    return fmt::format("select '{0}' as t, id::varchar as id, {1} as v from dw.types.{0}", table,
                       duck_types_[table] == "VARCHAR" ? "v" : DuckText(type_case));
  }

  /// All tables in one query: a process for each would take most of the time.
  static void ReadValues() {
    std::string all;
    for (const TypeCase& type_case : AllTypeCases()) {
      if (!duck_types_.contains(TableOf(type_case))) continue;
      all += (all.empty() ? "" : " union all ") + Select(type_case);
    }
    try {
      for (const Row& row :
           estate_->Query("select t, id, v from (" + all + ") order by t, id::int")) {
        values_[row[0].value_or("")].push_back({row[1], row[2]});
      }
    } catch (const std::exception& error) {  // One type spoils it: each test asks for itself.
      std::cerr << error.what() << "\n";
      values_.clear();
    }
  }

  static Rows ValuesOf(const TypeCase& type_case) {
    if (!values_.empty()) return values_[TableOf(type_case)];
    Rows rows;
    for (const Row& row :
         estate_->Query("select t, id, v from (" + Select(type_case) + ") order by id::int")) {
      rows.push_back({row[1], row[2]});
    }
    return rows;
  }

  static inline std::map<std::string, std::string> duck_types_;
  static inline std::map<std::string, Rows> values_;
  static inline std::unique_ptr<PgDatabase> database_;
  static inline std::unique_ptr<EstateFolder> estate_;
  static inline std::size_t compared_ = 0;
  static inline std::size_t differing_ = 0;
};

TEST_P(TypesTest, ArrivesAsPostgresPrintsIt) {
  const TypeCase& type_case = GetParam();
  const std::string table = TableOf(type_case);
  const std::string duck_type = duck_types_[table];
  ASSERT_NE(duck_type, "") << "dw.types." << table << " is not there";
  if (!type_case.duck_type.empty()) {
    EXPECT_EQ(duck_type, type_case.duck_type);
  }
  const Rows want =
      database_->Query(fmt::format("select id, {} from {} order by id", PgText(type_case), table));
  const Rows got = ValuesOf(type_case);
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    ++compared_;
    if (got[i] == want[i]) continue;
    ++differing_;
    ADD_FAILURE() << type_case.pg_type << " row " << want[i][0].value_or("?")
                  << ": PostgreSQL says " << Shortened(want[i][1]) << ", the warehouse "
                  << Shortened(got[i][1]);
  }
}

INSTANTIATE_TEST_SUITE_P(Postgres, TypesTest, testing::ValuesIn(AllTypeCases()),
                         [](const auto& row) { return row.param.name; });

TEST(TypeCorpusTest, HasAtLeast400Values) {
  std::size_t values = 0;
  for (const TypeCase& type_case : AllTypeCases()) values += type_case.values.size() + 1;
  EXPECT_GE(values, 400U);
}

}  // namespace
}  // namespace afluente::test

// Every type there and back: PostgreSQL, the warehouse, PostgreSQL again, and
// both ends print the same.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "integration/type_corpus.h"
#include "support/estate_folder.h"
#include "support/pg_cluster.h"

namespace afluente::test {
namespace {

std::string NameOf(const TypeCase& type_case) {
  std::string name = type_case.name;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char letter) { return std::tolower(letter); });
  return name;
}

/// All but the one value whose text PostgreSQL itself does not take back: regclass 0 prints "-".
std::vector<TypeCase> Corpus() {
  std::vector<TypeCase> cases = AllTypeCases();
  for (TypeCase& type_case : cases) {
    if (type_case.pg_type == "regclass") std::erase(type_case.values, "0");
  }
  return cases;
}

/// All tables stand in one database; two runs of all integrations move them.
class ReverseTypesTest : public testing::TestWithParam<TypeCase> {
 protected:
  static void SetUpTestSuite() {
    if (database_) return;
    database_ = PgCluster::Shared().CreateDatabase();
    estate_ = std::make_unique<EstateFolder>(
        std::map<std::string, std::string>{{"src", database_->dsn()}});
    database_->Exec(TypeSetup());
    std::vector<std::string> there = {"run"};
    std::vector<std::string> back = {"run"};
    for (const TypeCase& type_case : Corpus()) {
      const std::string name = NameOf(type_case);
      std::string rows;
      int id = 0;
      for (const std::string& value : type_case.values) {
        rows += fmt::format("({}, {}), ", ++id, SqlValue(type_case, value));
      }
      database_->Exec(
          fmt::format("create table v_{0} (id integer primary key, v {1});"
                      "insert into v_{0} values {2} ({3}, null);"
                      "create table r_{0} (id integer primary key, v {1})",
                      name, type_case.pg_type, rows, ++id));
      estate_->Integration(
          "there-" + name,
          fmt::format("source: {{ connection: src, table: public.v_{0} }}\n"
                      "destination: {{ table: dw.types.v_{0} }}\n"
                      "mode: snapshot\n{1}",
                      name, type_case.as_text ? "columns: { v: { type: text } }\n" : ""));
      estate_->Integration(
          "back-" + name,
          fmt::format("source: {{ warehouse_table: dw.types.v_{0} }}\n"
                      "destination: {{ connection: src, table: public.r_{0}, key: [id] }}\n"
                      "mode: snapshot\n",
                      name));
      there.push_back("there-" + name);
      back.push_back("back-" + name);
    }
    for (const auto& args : {there, back}) {
      const Outcome outcome = estate_->Run(args);
      if (outcome.exit_code != 0) std::cerr << outcome.err << "\n";
    }
  }

  static void TearDownTestSuite() {
    estate_.reset();
    database_.reset();
  }

  static inline std::unique_ptr<PgDatabase> database_;
  static inline std::unique_ptr<EstateFolder> estate_;
};

TEST_P(ReverseTypesTest, BothEndsPrintTheSame) {
  const std::string name = NameOf(GetParam());
  // DuckDB may lose the sign of zero as it compresses: see docs/types.md.
  const std::string text = R"(regexp_replace(v::text, '(^|[{,])-0($|[,}])', '\10\2', 'g'))";
  const auto rows = [&](const std::string& prefix) {
    return Lines(
        database_->Query(fmt::format("select id, {} from {}_{} order by id", text, prefix, name)));
  };
  EXPECT_EQ(rows("r"), rows("v"));
}

INSTANTIATE_TEST_SUITE_P(All, ReverseTypesTest, testing::ValuesIn(Corpus()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace afluente::test

// Every type of the corpus through the stream, in both forms, against a snapshot of the same rows.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "integration/type_corpus.h"
#include "support/movement.h"

namespace afluente::test {
namespace {

struct FormCase {
  std::string name;
  bool binary = false;  // Only types that have a natural form.
};

class CdcTypesTest : public testing::TestWithParam<FormCase> {
 protected:
  static std::string TableOf(const TypeCase& type_case) {
    std::string table = "v_" + type_case.name;
    for (char& letter : table) letter = static_cast<char>(std::tolower(letter));
    return table;
  }
  // A type that is moved as text needs the text form of the whole stream.
  static bool HasNaturalForm(const TypeCase& type_case) {
    return !type_case.as_text && !type_case.duck_type.empty() &&
           type_case.duck_type.find("VARCHAR") == std::string::npos;
  }
};

TEST_P(CdcTypesTest, ArriveAsASnapshotYieldsThem) {
  const auto database = PgCluster::Shared().CreateDatabase();
  const EstateFolder estate({{"src", database->dsn()}});
  database->Exec(TypeSetup());
  std::vector<TypeCase> cases;
  for (TypeCase& type_case : AllTypeCases()) {
    if (GetParam().binary && !HasNaturalForm(type_case)) continue;
    // The log prints xml without its declaration; docs/types.md says so.
    if (type_case.pg_type == "xml") {
      std::erase_if(type_case.values,
                    [](const std::string& value) { return value.starts_with("<?xml"); });
    }
    cases.push_back(std::move(type_case));
  }
  for (const TypeCase& type_case : cases) {
    const std::string table = TableOf(type_case);
    database->Exec(
        fmt::format("create table {} (id integer primary key, v {})", table, type_case.pg_type));
    for (const std::string mode : {"snapshot", "cdc"}) {
      estate.Integration(
          mode + "-" + table.substr(2),
          fmt::format("source: {{ connection: src, table: public.{0} }}\n"
                      "destination: {{ table: dw.{1}.{0} }}\nmode: {1}\n{2}",
                      table, mode,
                      type_case.as_text ? "columns: { v: { type: text } }\n" : ""));
    }
  }
  const Outcome copied = estate.Run({"run", "--all"});
  ASSERT_EQ(copied.exit_code, 0) << copied.ToString();
  std::size_t values = 0;
  for (const TypeCase& type_case : cases) {
    std::string rows;
    int id = 0;
    for (const std::string& value : type_case.values) {
      rows += fmt::format("({}, {}), ", ++id, SqlValue(type_case, value));
    }
    database->Exec(
        fmt::format("insert into {} values {} ({}, null)", TableOf(type_case), rows, id + 1));
    values += type_case.values.size() + 1;
  }
  const Outcome followed = estate.Run({"run", "--all"});
  ASSERT_EQ(followed.exit_code, 0) << followed.ToString();

  std::size_t compared = 0;
  const auto compare = [&](const std::string& question) {
    for (const Row& row : estate.Query(question)) {
      EXPECT_EQ(row[1], "0") << *row[0];
      EXPECT_EQ(row[2], "0") << *row[0];
      compared += std::stoul(*row[3]);
    }
  };
  // All tables in one question would be more than a reader's memory.
  constexpr std::size_t kQuestionSize = std::size_t{1} << 14U;
  std::string question;
  for (const TypeCase& type_case : cases) {
    const std::string table = TableOf(type_case);
    const auto rows = [&](const std::string& mode) {
      return fmt::format("select id, typeof(v) as t, v::varchar as v from dw.{}.{}", mode, table);
    };
    question += fmt::format(
        "{0}select '{1}' as name, (select count(*) from ({2} except {3})) as missing, (select "
        "count(*) from ({3} except {2})) as other, (select count(*) from dw.cdc.{1}) as rows",
        question.empty() ? "" : " union all ", table, rows("snapshot"), rows("cdc"));
    if (question.size() < kQuestionSize) continue;
    compare(question);
    question.clear();
  }
  if (!question.empty()) compare(question);
  EXPECT_EQ(compared, values);
  std::cout << "cdc types, " << GetParam().name << ": " << compared << " values of "
            << cases.size() << " columns\n";
}

INSTANTIATE_TEST_SUITE_P(Postgres, CdcTypesTest,
                         testing::Values(FormCase{"Text", false}, FormCase{"Binary", true}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace afluente::test

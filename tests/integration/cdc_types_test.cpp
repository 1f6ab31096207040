// Every type of the corpus through the stream, in both forms, against a snapshot of the same rows.
#include <fmt/format.h>

#include <algorithm>
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
  for (const TypeCase& type_case : AllTypeCases()) {
    if (!GetParam().binary || HasNaturalForm(type_case)) cases.push_back(type_case);
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
                      table, mode, type_case.as_text ? "columns: { v: { type: text } }\n" : ""));
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

  // In parts: a query over all tables would not fit the memory of `afluente query`.
  constexpr std::size_t kTablesAQuery = 20;
  std::size_t compared = 0;
  for (std::size_t first = 0; first < cases.size(); first += kTablesAQuery) {
    std::string all;
    for (std::size_t i = first; i < std::min(cases.size(), first + kTablesAQuery); ++i) {
      const std::string table = TableOf(cases[i]);
      const auto rows = [&](const std::string& mode) {
        return fmt::format("select id, typeof(v) as t, v::varchar as v from dw.{}.{}", mode, table);
      };
      all += fmt::format(
          "{0}select '{1}' as name, (select count(*) from ({2} except {3})) as missing, (select "
          "count(*) from ({3} except {2})) as other, (select count(*) from dw.cdc.{1}) as rows",
          all.empty() ? "" : " union all ", table, rows("snapshot"), rows("cdc"));
    }
    for (const Row& row : estate.Query(all)) {
      // xml_out drops the declaration of a document, which `::text` keeps: the
      // stream has no other text to send.
      const std::string differing = *row[0] == "v_xml" ? "1" : "0";
      EXPECT_EQ(row[1], differing) << *row[0];
      EXPECT_EQ(row[2], differing) << *row[0];
      compared += std::stoul(*row[3]);
    }
  }
  EXPECT_EQ(compared, values);
  std::cout << "cdc types, " << GetParam().name << ": " << compared << " values of " << cases.size()
            << " columns\n";
}

INSTANTIATE_TEST_SUITE_P(Postgres, CdcTypesTest,
                         testing::Values(FormCase{"Text", false}, FormCase{"Binary", true}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace afluente::test

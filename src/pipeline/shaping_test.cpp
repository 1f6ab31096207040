#include "pipeline/shaping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/test_duckdb.h"

namespace afluente::pipeline {
namespace {

using data::Kind;
using estate::Mask;
using testing::ElementsAre;

// What the shaping makes of (id, name, paid), run by DuckDB over two rows.
std::vector<std::string> Shaped(const estate::Integration& integration) {
  const data::Schema schema = {{"id", {Kind::kInt64, 0, 0, nullptr}, false},
                               {"full name", {Kind::kText, 0, 0, nullptr}, true},
                               {"paid", data::LogicalType::Decimal(8, 2), true}};
  const data::TestDuckdb duckdb;
  const Status created =
      data::Execute(duckdb.connection(),
                    "CREATE TABLE lane(id BIGINT, \"full name\" VARCHAR, paid DECIMAL(8,2)); "
                    "INSERT INTO lane VALUES (1, 'Ana Souza', 12.50), (2, NULL, NULL)");
  if (!created.ok()) return {created.error().message()};
  const std::string select = ShapingSelect(integration, schema, "lane");
  std::vector<std::string> rows =
      duckdb.Rows("SELECT string_agg(column_name, ',') FROM (DESCRIBE " + select + ")");
  for (std::string& row : duckdb.Rows(select)) rows.push_back(std::move(row));
  return rows;
}

TEST(ShapingTest, WithoutRulesRowsStayAsTheyAre) {
  EXPECT_THAT(Shaped({}), ElementsAre("id,full name,paid", "1|Ana Souza|12.50", "2|NULL|NULL"));
}

TEST(ShapingTest, RenamesAndCasts) {
  estate::Integration integration;
  integration.columns["full name"].rename = "na\"me";
  integration.columns["paid"].type = "DOUBLE";
  integration.columns["id"].rename = "key";
  integration.columns["id"].type = "VARCHAR";
  EXPECT_THAT(Shaped(integration),
              ElementsAre("key,na\"me,paid", "1|Ana Souza|12.5", "2|NULL|NULL"));
}

struct MaskCase {
  std::string name;
  Mask mask;
  std::string value;  // SQL.
  std::string want;
};

std::ostream& operator<<(std::ostream& out, const MaskCase& row) { return out << row.value; }

class MaskTest : public testing::TestWithParam<MaskCase> {};

TEST_P(MaskTest, Hides) {
  const data::TestDuckdb duckdb;
  EXPECT_THAT(duckdb.Rows("SELECT " + MaskExpression(GetParam().mask, "a\"b") + " FROM (SELECT " +
                          GetParam().value + " AS \"a\"\"b\")"),
              ElementsAre(GetParam().want));
}

INSTANTIATE_TEST_SUITE_P(
    Masks, MaskTest,
    testing::Values(MaskCase{"Redact", Mask::kRedact, "'Ana'", "***"},
                    MaskCase{"RedactNull", Mask::kRedact, "NULL::VARCHAR", "NULL"},
                    MaskCase{"RedactEmpty", Mask::kRedact, "''", "***"},
                    MaskCase{"RedactNumber", Mask::kRedact, "42", "***"},
                    MaskCase{"Last4", Mask::kLast4, "'+5511987654321'", "***4321"},
                    MaskCase{"Last4OfFive", Mask::kLast4, "'54321'", "***4321"},
                    MaskCase{"Last4OfFour", Mask::kLast4, "'4321'", "***"},
                    MaskCase{"Last4OfNothing", Mask::kLast4, "''", "***"},
                    MaskCase{"Last4Null", Mask::kLast4, "NULL::VARCHAR", "NULL"},
                    MaskCase{"Last4CountsLetters", Mask::kLast4, "'ação é'", "***ão é"},
                    MaskCase{"Last4Number", Mask::kLast4, "123456::BIGINT", "***3456"},
                    MaskCase{"Null", Mask::kNull, "'Ana'", "NULL"}),
    [](const auto& row) { return row.param.name; });

TEST(ShapingTest, ATransformSeesOnlyWhatAMaskLeaves) {
  estate::Integration integration;
  integration.columns["full name"].mask = Mask::kRedact;
  integration.columns["full name"].rename = "name";
  integration.transform = "SELECT id, name || '!' AS shown FROM batch WHERE name IS NOT NULL";
  EXPECT_THAT(Shaped(integration), ElementsAre("id,shown", "1|***!"));
}

struct FormCase {
  std::string name;
  std::string transform;
};

std::ostream& operator<<(std::ostream& out, const FormCase& row) { return out << row.transform; }

class TransformFormTest : public testing::TestWithParam<FormCase> {};

TEST_P(TransformFormTest, Runs) {
  estate::Integration integration;
  integration.transform = GetParam().transform;
  EXPECT_THAT(Shaped(integration), ElementsAre("id", "1", "2"));
}

INSTANTIATE_TEST_SUITE_P(
    Forms, TransformFormTest,
    testing::Values(FormCase{"Select", "SELECT id FROM batch"},
                    FormCase{"FromFirst", "FROM batch SELECT id"},
                    FormCase{"With", "WITH x AS (SELECT id FROM batch) SELECT * FROM x"},
                    FormCase{"Comment", "SELECT id FROM batch -- all of them"},
                    FormCase{"Lines", "\nSELECT id\n  FROM batch\n"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace afluente::pipeline

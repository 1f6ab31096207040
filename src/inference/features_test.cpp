#include "inference/features.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "data/test_duckdb.h"

namespace afluente::inference {
namespace {

using testing::HasSubstr;

/// The rows of `from` as the plan encodes them, "1 0.5 -" a row; missing is "-".
std::vector<std::string> Encoded(const FeaturePlan& plan, const std::string& from) {
  const data::TestDuckdb duckdb;
  auto result =
      data::Query(duckdb.connection(), "SELECT 42, " + plan.SelectList() + " FROM " + from);
  if (!result.ok()) return {result.error().message()};
  Matrix matrix;
  while (true) {
    const data::DuckChunk chunk(duckdb_fetch_chunk(result.value().get()));
    if (chunk.get() == nullptr) break;
    plan.Encode(chunk.get(), 1, matrix);
  }
  std::vector<std::string> rows(matrix.rows());
  for (std::size_t i = 0; i < matrix.values.size(); ++i) {
    const float value = matrix.values[i];
    std::string& row = rows[i / matrix.columns];
    row += (row.empty() ? "" : " ") + (std::isnan(value) ? "-" : fmt::format("{:g}", value));
  }
  return rows;
}

TEST(Features, TypesAreNumbersTextsOrRefusedWithACure) {
  struct Case {
    std::string type;
    std::string answer;  // "number", "text", or a part of the refusal.
  };
  const Case cases[] = {
      {"BOOLEAN", "number"},
      {"HUGEINT", "number"},
      {"DECIMAL(12,4)", "number"},
      {"DOUBLE", "number"},
      {"VARCHAR", "text"},
      {"ENUM('a', 'b')", "text"},
      {"TIMESTAMP WITH TIME ZONE", "date_diff('hour', seen, cut_off)"},
      {"DATE", "make it a distance"},
      {"UUID", "an identifier says nothing"},
      {"INTEGER[]", "name the others in `features`"},
      {"DECIMAL(3,1)[]", "which is no feature"},
      {"STRUCT(a INTEGER)", "which is no feature"},
      {"BLOB", "which is no feature"},
  };
  for (const Case& c : cases) {
    const auto kind = KindOf({"seen", c.type});
    if (kind.ok()) {
      EXPECT_EQ(kind.value() == FeatureKind::kText ? "text" : "number", c.answer) << c.type;
    } else {
      EXPECT_THAT(kind.error().message(), HasSubstr(c.answer)) << c.type;
      EXPECT_THAT(kind.error().message(), HasSubstr("column seen")) << c.type;
    }
  }
}

TEST(Features, CellsBecomeNumbersAndWhatIsUnknownIsMissing) {
  const FeaturePlan plan({{"n", FeatureKind::kNumber, {}},
                          {"flag", FeatureKind::kNumber, {}},
                          {"kind", FeatureKind::kText, {"rare", "often, é"}}});
  EXPECT_EQ(
      Encoded(plan,
              "(VALUES (1.5, true, 'rare'), (-2, false, 'often, é'), (NULL, NULL, NULL), "
              "('NaN'::DOUBLE, true, 'new'), ('-inf'::DOUBLE, true, '')) AS t(n, flag, kind)"),
      (std::vector<std::string>{"1.5 1 0", "-2 0 1", "- - -", "- 1 -", "-1e+30 1 -"}));
}

TEST(Features, MoreRowsThanAChunkKeepTheirOrder) {
  const FeaturePlan plan({{"i", FeatureKind::kNumber, {}}});
  const auto rows = Encoded(plan, "range(5000) AS t(i)");
  ASSERT_EQ(rows.size(), 5'000U);
  EXPECT_EQ(rows[0], "0");
  EXPECT_EQ(rows[4'999], "4999");
}

TEST(Features, ATableThatHasChangedSinceTheFitIsRefused) {
  const FeaturePlan plan(
      {{"sent_7d", FeatureKind::kNumber, {}}, {"barrier", FeatureKind::kText, {}}});
  EXPECT_TRUE(plan.CheckTable("a.b.c", {{"barrier", "VARCHAR"}, {"SENT_7D", "BIGINT"}}).ok());
  const auto gone = plan.CheckTable("a.b.c", {{"barrier", "VARCHAR"}, {"sent_70d", "BIGINT"}});
  ASSERT_FALSE(gone.ok());
  EXPECT_THAT(gone.error().message(), HasSubstr("did you mean \"sent_70d\""));
  const auto other = plan.CheckTable("a.b.c", {{"barrier", "BIGINT"}, {"sent_7d", "BIGINT"}});
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(other.error().message(), HasSubstr("barrier was a text; in a.b.c it is BIGINT"));
}

TEST(Features, AreReadAgainAsTheyWereWritten) {
  const std::vector<Feature> features = {{"a\"b", FeatureKind::kNumber, {}},
                                         {"c", FeatureKind::kText, {"x", "", "ção"}}};
  const auto again = FeaturesFromJson(nlohmann::json::parse(ToJson(features).dump()));
  EXPECT_EQ(ToJson(again), ToJson(features));
  EXPECT_EQ(again[1].categories, features[1].categories);
}

}  // namespace
}  // namespace afluente::inference

#include "comparison/side.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "data/test_duckdb.h"

namespace afluente::comparison {
namespace {

using testing::SizeIs;

class SideTest : public testing::Test {
 protected:
  SideTest() {
    EXPECT_TRUE(data::Execute(duckdb_.connection(),
                              "CREATE TABLE a AS SELECT i AS id, 'name ' || i AS name FROM "
                              "range(1000) t(i); CREATE TABLE b AS FROM a")
                    .ok());
  }

  Side Of(const std::string& table, std::vector<std::size_t> key = {0}) {
    return {Side::Dialect::kDuckdb,
            table + " WHERE true",
            {"id::VARCHAR", "name"},
            std::move(key),
            [this](const std::string& sql) { return data::QueryCells(duckdb_.connection(), sql); }};
  }

  void Sql(const std::string& sql) { ASSERT_TRUE(data::Execute(duckdb_.connection(), sql).ok()); }

  Rows Asked(const std::string& sql) { return data::QueryCells(duckdb_.connection(), sql).value(); }

  static std::map<std::string, std::string> ToMap(const Rows& rows) {
    std::map<std::string, std::string> map;
    for (const auto& row : rows) map[row[0].text] = row[1].text + "|" + row.back().text;
    return map;
  }

  data::TestDuckdb duckdb_;
};

TEST_F(SideTest, EqualTablesHaveEqualSlices) {
  const auto a = Of("a").Slices(2, 0, {});
  const auto b = Of("b").Slices(2, 0, {});
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(ToMap(a.value()), ToMap(b.value()));
  std::uint64_t rows = 0;
  for (const auto& row : a.value()) rows += std::stoull(row[1].text);
  EXPECT_EQ(rows, 1000U);
}

TEST_F(SideTest, OneChangedValueIsInOneSliceAndOneRow) {
  Sql("UPDATE b SET name = 'other' WHERE id = 7");
  const auto a = ToMap(Of("a").Slices(2, 0, {}).value());
  const auto b = ToMap(Of("b").Slices(2, 0, {}).value());
  std::vector<std::string> differing;
  for (const auto& [slice, sum] : a) {
    if (b.at(slice) != sum) differing.push_back(slice);
  }
  ASSERT_THAT(differing, SizeIs(1));
  const auto ours = ToMap(Asked(Of("a").RowHashesSql(2, differing)));
  const auto theirs = ToMap(Asked(Of("b").RowHashesSql(2, differing)));
  std::vector<std::string> keys;
  for (const auto& [key, hash] : ours) {
    if (theirs.at(key) != hash) keys.push_back(key);
  }
  ASSERT_THAT(keys, SizeIs(1));
  const auto columns = Of("b").Columns(keys);
  ASSERT_THAT(columns.value(), SizeIs(1));
  EXPECT_EQ(columns.value().front()[1].text, "7");
}

TEST_F(SideTest, FineSlicesAreWithinCoarseOnes) {
  const auto coarse = Of("a").Slices(1, 0, {});
  const std::string first = coarse.value().front()[0].text;
  const auto fine = Of("a").Slices(3, 1, {first});
  std::uint64_t rows = 0;
  for (const auto& row : fine.value()) {
    EXPECT_TRUE(row[0].text.starts_with(first));
    rows += std::stoull(row[1].text);
  }
  EXPECT_EQ(std::to_string(rows), coarse.value().front()[1].text);
}

// Where a value ends must count: ('ab', 'c') is not ('a', 'bc'), and NULL is not ''.
TEST_F(SideTest, ColumnsDoNotRunTogether) {
  Sql("CREATE TABLE c(x VARCHAR, y VARCHAR); INSERT INTO c VALUES ('ab', 'c'), ('a', 'bc'), "
      "('abc', ''), ('abc', NULL), (NULL, 'abc')");
  const Side side(
      Side::Dialect::kDuckdb, "c WHERE true", {"x", "y"}, {0, 1},
      [this](const std::string& sql) { return data::QueryCells(duckdb_.connection(), sql); });
  std::set<std::string> hashes;
  const auto slices = side.Slices(32, 0, {});
  for (const auto& row : slices.value()) hashes.insert(row[0].text + row[2].text);
  EXPECT_THAT(hashes, SizeIs(5));
}

TEST_F(SideTest, SumsNameTheColumnThatDiffers) {
  Sql("UPDATE b SET name = NULL WHERE id = 7");
  const auto a = Of("a", {}).ColumnSums();
  const auto b = Of("b", {}).ColumnSums();
  EXPECT_EQ(a.value()[0][0].text, b.value()[0][0].text);
  EXPECT_NE(a.value()[0][1].text, b.value()[0][1].text);
  const auto counts = Of("b").NotNulls({"id", "name"});
  EXPECT_EQ(counts.value()[0][0].text, "1000");
  EXPECT_EQ(counts.value()[0][2].text, "999");
}

}  // namespace
}  // namespace afluente::comparison

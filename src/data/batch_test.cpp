#include "data/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "data/test_duckdb.h"

namespace afluente::data {
namespace {

using testing::ElementsAre;

LogicalType Plain(Kind kind) { return {kind, 0, 0, nullptr}; }
LogicalType Ints() { return LogicalType::List(Plain(Kind::kInt32)); }

void WriteInts(VectorWriter& out, std::size_t row, std::size_t length, std::int32_t first) {
  const std::size_t begin = out.OpenList(row, length);
  for (std::size_t i = 0; i < length; ++i) {
    out.child().Set(begin + i, first + static_cast<std::int32_t>(i));
  }
}

TEST(VectorWriterTest, WritesValuesAndNulls) {
  TestColumn column(Plain(Kind::kInt64));
  column.writer().Set(0, std::int64_t{-1});
  column.writer().SetNull(1);
  column.writer().Set(2, std::int64_t{7});
  EXPECT_THAT(column.Rows(3), ElementsAre("-1", "NULL", "7"));
}

TEST(VectorWriterTest, WritesShortAndLongBytes) {
  const std::string at_inline_limit = "twelve bytes";
  const std::string past_it = "13 bytes long";
  ASSERT_EQ(at_inline_limit.size(), 12U);
  TestColumn column(Plain(Kind::kText));
  column.writer().SetBytes(0, "", 0);
  column.writer().SetBytes(1, at_inline_limit.data(), at_inline_limit.size());
  column.writer().SetBytes(2, past_it.data(), past_it.size());
  EXPECT_THAT(column.Rows(3), ElementsAre("", at_inline_limit, past_it));
}

TEST(VectorWriterTest, TakesBackARowThatWasNull) {
  TestColumn column(Plain(Kind::kInt32));
  column.writer().SetNull(0);
  column.writer().TakeBack(0);
  column.writer().Set(0, std::int32_t{5});
  EXPECT_THAT(column.Rows(1), ElementsAre("5"));
}

TEST(ListTest, HoldsEmptyAndNullAndNullElements) {
  TestColumn column(Ints());
  VectorWriter& out = column.writer();
  WriteInts(out, 0, 2, 10);
  out.SetNull(1);
  out.OpenList(2, 0);
  const std::size_t first = out.OpenList(3, 2);
  out.child().SetNull(first);
  out.child().Set(first + 1, std::int32_t{4});
  EXPECT_THAT(column.Rows(4), ElementsAre("[10, 11]", "NULL", "[]", "[NULL, 4]"));
}

// DuckDB gives a list room for 2048 elements; the rest is ours to ask for.
TEST(ListTest, KeepsElementsAndNullsWhenItGrows) {
  TestColumn column(Ints());
  VectorWriter& out = column.writer();
  constexpr std::size_t kRows = 100;
  constexpr std::size_t kLength = 100;
  for (std::size_t row = 0; row < kRows; ++row) {
    WriteInts(out, row, kLength, static_cast<std::int32_t>(row * kLength));
    out.child().SetNull(row * kLength + row);
  }
  const auto rows = column.Rows(kRows, "list_sum(v) || ' ' || list_count(v) || ' ' || len(v)");
  ASSERT_EQ(rows.size(), kRows);
  for (std::size_t row = 0; row < kRows; ++row) {
    const std::size_t sum = kLength * (row * kLength) + kLength * (kLength - 1) / 2;
    const std::size_t without_null = sum - (row * kLength + row);
    EXPECT_EQ(rows[row], std::to_string(without_null) + " 99 100") << row;
  }
}

TEST(ListTest, GrowsForOneLongValue) {
  TestColumn column(Ints());
  constexpr std::size_t kLength = 1'000'000;
  WriteInts(column.writer(), 0, 1, 0);
  WriteInts(column.writer(), 1, kLength, 1);
  EXPECT_THAT(column.Rows(2, "len(v) || ' ' || v[-1]"), ElementsAre("1 0", "1000000 1000000"));
}

TEST(ListTest, StartsAgainInTheNextChunk) {
  TestColumn column(Ints());
  WriteInts(column.writer(), 0, 5000, 0);
  column.writer().child().SetNull(3);
  column.writer().SetNull(1);
  EXPECT_THAT(column.Rows(2, "list_count(v)"), ElementsAre("4999", "NULL"));
  column.Reset();
  WriteInts(column.writer(), 0, 4, 40);
  WriteInts(column.writer(), 1, 3000, 0);
  EXPECT_THAT(column.Rows(2, "list_count(v) || ' ' || v[4]"), ElementsAre("4 43", "3000 3"));
}

TEST(ListTest, TakesBackARowWithItsElements) {
  TestColumn column(Ints());
  VectorWriter& out = column.writer();
  WriteInts(out, 0, 2, 1);
  const std::size_t before = out.list_size();
  const std::size_t first = out.OpenList(1, 3);
  out.child().SetNull(first);
  out.child().SetNull(first + 1);
  out.TakeBack(1);
  out.TruncateList(before);
  WriteInts(out, 1, 3, 7);
  EXPECT_THAT(column.Rows(2), ElementsAre("[1, 2]", "[7, 8, 9]"));
}

TEST(ListTest, TakesBackARowThatMadeItGrow) {
  TestColumn column(Ints());
  VectorWriter& out = column.writer();
  WriteInts(out, 0, 2000, 0);
  out.child().SetNull(1999);
  const std::size_t before = out.list_size();
  out.OpenList(1, 9000);
  out.child().SetNull(before + 5);
  out.TakeBack(1);
  out.TruncateList(before);
  WriteInts(out, 1, 10, 7);
  EXPECT_THAT(column.Rows(2, "list_count(v)"), ElementsAre("1999", "10"));
}

TEST(NestedListTest, HoldsListsOfLists) {
  TestColumn column(LogicalType::List(Ints()));
  VectorWriter& out = column.writer();
  const std::size_t first = out.OpenList(0, 2);
  WriteInts(out.child(), first, 2, 1);
  WriteInts(out.child(), first + 1, 1, 3);
  out.SetNull(1);
  out.OpenList(2, 0);
  EXPECT_THAT(column.Rows(3), ElementsAre("[[1, 2], [3]]", "NULL", "[]"));
}

TEST(NestedListTest, GrowsOnBothLevels) {
  TestColumn column(LogicalType::List(Ints()));
  VectorWriter& out = column.writer();
  constexpr std::size_t kRows = 50;
  constexpr std::size_t kInner = 100;  // 5,000 lists of 3: both levels grow, at different times.
  for (std::size_t row = 0; row < kRows; ++row) {
    const std::size_t first = out.OpenList(row, kInner);
    for (std::size_t i = 0; i < kInner; ++i) {
      const auto value = static_cast<std::int32_t>(row * kInner + i);
      const std::size_t begin = out.child().OpenList(first + i, 3);
      out.child().child().Set(begin, value);
      out.child().child().SetNull(begin + 1);
      out.child().child().Set(begin + 2, -value);
    }
  }
  const auto rows =
      column.Rows(kRows,
                  "len(v) || ' ' || v[1]::VARCHAR || ' ' || v[100]::VARCHAR || ' ' || "
                  "list_count(flatten(v))");
  ASSERT_EQ(rows.size(), kRows);
  for (std::size_t row = 0; row < kRows; ++row) {
    const std::string low = std::to_string(row * kInner);
    const std::string high = std::to_string(row * kInner + kInner - 1);
    EXPECT_EQ(rows[row], "100 [" + low + ", NULL, " + (row == 0 ? "0" : "-" + low) + "] [" + high +
                             ", NULL, -" + high + "] 200");
  }
}

TEST(NestedListTest, TakesBackARow) {
  TestColumn column(LogicalType::List(Ints()));
  VectorWriter& out = column.writer();
  const std::size_t before = out.list_size();
  std::size_t first = out.OpenList(0, 2);
  WriteInts(out.child(), first, 3, 1);
  out.child().SetNull(first + 1);
  out.TakeBack(0);
  out.TruncateList(before);
  first = out.OpenList(0, 2);
  WriteInts(out.child(), first, 1, 8);
  WriteInts(out.child(), first + 1, 1, 9);
  EXPECT_THAT(column.Rows(1), ElementsAre("[[8], [9]]"));
}

TEST(BatchTest, FillsEveryColumnOfAChunk) {
  const Schema schema = {{"id", Plain(Kind::kInt32), false}, {"name", Plain(Kind::kText), true}};
  const DuckType id = schema[0].type.ToDuckdb();
  const DuckType name = schema[1].type.ToDuckdb();
  std::array types = {id.get(), name.get()};
  const DuckChunk chunk(duckdb_create_data_chunk(types.data(), types.size()));
  Batch batch(schema);
  batch.Attach(chunk.get());
  for (std::size_t row = 0; row < Batch::kRows; ++row) {
    batch.columns()[0].Set(row, static_cast<std::int32_t>(row));
    batch.columns()[1].SetNull(row);
  }
  batch.Finish(Batch::kRows);
  EXPECT_EQ(duckdb_data_chunk_get_size(chunk.get()), Batch::kRows);
  EXPECT_EQ(duckdb_vector_size(), Batch::kRows);
}

}  // namespace
}  // namespace afluente::data

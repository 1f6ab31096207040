#include "connectors/postgres/copy_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/postgres/test_bytes.h"
#include "data/test_duckdb.h"

namespace afluente::postgres {
namespace {

using data::Kind;
using data::LogicalType;
using testing::ElementsAre;
using testing::HasSubstr;

LogicalType Plain(Kind kind) { return {kind, 0, 0, nullptr}; }

data::Schema Contacts() {
  return {{"id", Plain(Kind::kInt64), false},
          {"name", Plain(Kind::kText), true},
          {"scores", LogicalType::List(Plain(Kind::kInt32)), true},
          {"paid", LogicalType::Decimal(6, 2), true}};
}

// A row as it should be, one whose last column fails, and one of NULLs.
std::string Good(std::int64_t id) {
  return Tuple({Int64(id), "a name past inlining", Array({{2}}, {Int32(7), std::nullopt}),
                Numeric(0, 0, {12, 3400})});
}
std::string Bad(std::int64_t id) {
  return Tuple({Int64(id), std::nullopt, Array({{3}}, {std::nullopt, std::nullopt, Int32(1)}),
                Numeric(0, kNumericNan, {})});
}
std::string Nulls(std::int64_t id) {
  return Tuple({Int64(id), std::nullopt, std::nullopt, std::nullopt});
}

// Decodes tuples into a chunk of the schema and reads it back through DuckDB.
class CopyTupleTest : public testing::Test {
 protected:
  CopyTupleTest() : schema_(Contacts()), batch_(schema_), decoder_(schema_, Forms()) {
    std::vector<data::DuckType> types;
    std::vector<duckdb_logical_type> raw;
    for (const data::Column& column : schema_) {
      types.push_back(column.type.ToDuckdb());
      raw.push_back(types.back().get());
    }
    chunk_ = data::DuckChunk(duckdb_create_data_chunk(raw.data(), raw.size()));
    batch_.Attach(chunk_.get());
  }

  Status Decode(const std::string& tuple) {
    const Status status = decoder_.DecodeTuple(tuple, rows_, batch_);
    if (status.ok()) ++rows_;
    return status;
  }

  std::vector<std::string> Rows() {
    batch_.Finish(rows_);
    const duckdb_connection connection = duckdb_.connection();
    EXPECT_TRUE(data::Execute(connection,
                              "CREATE TABLE t(id BIGINT, name VARCHAR, scores INTEGER[], "
                              "paid DECIMAL(6,2))")
                    .ok());
    duckdb_appender appender = nullptr;
    duckdb_appender_create(connection, nullptr, "t", &appender);
    EXPECT_EQ(duckdb_append_data_chunk(appender, chunk_.get()), DuckDBSuccess);
    duckdb_appender_destroy(&appender);
    return duckdb_.Rows("SELECT * FROM t ORDER BY rowid");
  }

  static std::vector<TextForm> Forms() { return std::vector<TextForm>(4, TextForm::kPlain); }

  data::TestDuckdb duckdb_;
  data::Schema schema_;
  data::Batch batch_;
  data::DuckChunk chunk_;
  CopyDecoder decoder_;
  std::size_t rows_ = 0;
};

constexpr const char* kGoodRow = "|a name past inlining|[7, NULL]|12.34";

TEST_F(CopyTupleTest, DecodesRowsAndNulls) {
  const std::string first = Good(1);
  const std::string second = Nulls(2);
  ASSERT_TRUE(Decode(first).ok());
  ASSERT_TRUE(Decode(second).ok());
  EXPECT_THAT(Rows(), ElementsAre(std::string("1") + kGoodRow, "2|NULL|NULL|NULL"));
}

TEST_F(CopyTupleTest, ABadRowNamesItsColumnAndLeavesNoTrace) {
  const std::string before = Good(1);
  const std::string after = Good(3);
  const std::string nulls = Nulls(4);
  ASSERT_TRUE(Decode(before).ok());
  const Status failed = Decode(Bad(2));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kConversion);
  EXPECT_THAT(failed.error().message(), HasSubstr("column \"paid\" holds NaN"));
  ASSERT_TRUE(Decode(after).ok());
  ASSERT_TRUE(Decode(nulls).ok());
  EXPECT_THAT(Rows(), ElementsAre(std::string("1") + kGoodRow, std::string("3") + kGoodRow,
                                  "4|NULL|NULL|NULL"));
}

TEST_F(CopyTupleTest, ABadRowAtTheEndLeavesNoTrace) {
  const std::string before = Good(1);
  ASSERT_TRUE(Decode(before).ok());
  EXPECT_FALSE(Decode(Bad(2)).ok());
  EXPECT_THAT(Rows(), ElementsAre(std::string("1") + kGoodRow));
}

TEST_F(CopyTupleTest, MessagesHoldNoValues) {
  const Status failed = Decode(Tuple({Int64(5), "secret \xff", std::nullopt, std::nullopt}));
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message(), testing::Not(HasSubstr("secret")));
}

TEST_F(CopyTupleTest, ATupleCutAnywhereIsABrokenStream) {
  const std::string whole = Good(1);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<char> bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const Status failed = decoder_.DecodeTuple({bytes.data(), size}, 0, batch_);
    ASSERT_FALSE(failed.ok()) << size;
    EXPECT_EQ(failed.error().kind(), ErrorKind::kInternal) << size;
  }
}

struct BrokenCase {
  std::string name;
  std::string tuple;
};

std::ostream& operator<<(std::ostream& out, const BrokenCase& row) { return out << row.name; }

class BrokenTupleTest : public CopyTupleTest, public testing::WithParamInterface<BrokenCase> {};

TEST_P(BrokenTupleTest, IsABrokenStream) {
  const Status failed = Decode(GetParam().tuple);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kInternal);
  EXPECT_EQ(decoder_.DescribeRow(GetParam().tuple, {3}), "");
}

INSTANTIATE_TEST_SUITE_P(
    Tuples, BrokenTupleTest,
    testing::Values(BrokenCase{"OneFieldTooFew", Tuple({Int64(1), "x", std::nullopt})},
                    BrokenCase{"OneFieldTooMany",
                               Tuple({Int64(1), "x", std::nullopt, std::nullopt, std::nullopt})},
                    BrokenCase{"Trailer", Int16(-1)},
                    BrokenCase{"LengthPastTheEnd", Int16(4) + Int32(0x7fffffff) + Int64(1)}),
    [](const auto& row) { return row.param.name; });

TEST_F(CopyTupleTest, BytesBehindTheLastFieldAreABrokenStream) {
  const Status failed = Decode(Good(1) + "x");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kInternal);
}

TEST_F(CopyTupleTest, DescribesARowByItsKey) {
  EXPECT_EQ(decoder_.DescribeRow(Good(-5), {0}), "id=-5");
  EXPECT_EQ(decoder_.DescribeRow(Good(5), {0, 1}), "id=5, name=a name past inlining");
  EXPECT_EQ(decoder_.DescribeRow(Nulls(5), {1}), "name=NULL");
  EXPECT_EQ(decoder_.DescribeRow(Tuple({Int64(5), "\xff\x01", std::nullopt, std::nullopt}), {1}),
            "name=0xff01");
  EXPECT_EQ(decoder_.DescribeRow(Good(5), {}), "");
}

TEST(DescribeFaultTest, NamesACureWhereThereIsOne) {
  for (const Fault fault :
       {Fault::kTimeOutOfRange, Fault::kNotFinite, Fault::kDigitsLost, Fault::kArrayShape}) {
    EXPECT_THAT(std::string(Describe(fault)), HasSubstr("type: text"));
  }
}

}  // namespace
}  // namespace afluente::postgres

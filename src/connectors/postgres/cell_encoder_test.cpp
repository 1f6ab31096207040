#include "connectors/postgres/cell_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/postgres/cell_decoder.h"
#include "connectors/postgres/copy_chunk.h"
#include "connectors/postgres/test_bytes.h"
#include "data/test_duckdb.h"

namespace afluente::postgres {
namespace {

using data::LogicalType;
using testing::ElementsAre;

struct EncodeCase {
  std::string name;
  std::string type;   // As DuckDB names it.
  std::string value;  // SQL.
};

std::ostream& operator<<(std::ostream& out, const EncodeCase& row) { return out << row.value; }

/// The cell of `value`, with its length word, and what became of it.
struct Encoded {
  EncodeFault fault = EncodeFault::kNone;
  std::string bytes;
};

Encoded Encode(const data::TestDuckdb& duckdb, const std::string& type, const std::string& value) {
  // Not the first row: offsets into lists and validity must be those of the row.
  auto result = data::Query(duckdb.connection(), "SELECT v FROM (VALUES (1, NULL::" + type +
                                                     "), (2, " + value + "::" + type + "), (3, " +
                                                     value + "::" + type + ")) AS t(n, v)");
  if (!result.ok()) throw std::runtime_error(result.error().message());
  const data::DuckChunk chunk(duckdb_fetch_chunk(result.value().get()));
  const auto logical = LogicalType::FromDuckdbName(type);
  CellEncoder encoder(*logical);
  encoder.Attach(duckdb_data_chunk_get_vector(chunk.get(), 0));
  Encoded encoded;
  encoded.fault = encoder.Append(2, encoded.bytes);
  return encoded;
}

class EncodeCellTest : public testing::TestWithParam<EncodeCase> {
 protected:
  data::TestDuckdb duckdb_;
};

TEST_P(EncodeCellTest, DecodesToTheSameValue) {
  const auto& [name, type, value] = GetParam();
  const Encoded encoded = Encode(duckdb_, type, value);
  ASSERT_EQ(encoded.fault, EncodeFault::kNone);
  ASSERT_EQ(encoded.bytes.substr(0, 4), Int32(static_cast<std::int64_t>(encoded.bytes.size()) - 4));
  const auto logical = *LogicalType::FromDuckdbName(type);
  data::TestColumn column(logical);
  ASSERT_EQ(DecodeCell(logical, TextForm::kPlain, std::string_view(encoded.bytes).substr(4), 0,
                       column.writer()),
            Fault::kNone);
  EXPECT_EQ(column.Rows(1), duckdb_.Rows("SELECT " + value + "::" + type));
}

INSTANTIATE_TEST_SUITE_P(Numbers, EncodeCellTest,
                         testing::Values(EncodeCase{"True", "BOOLEAN", "true"},
                                         EncodeCase{"False", "BOOLEAN", "false"},
                                         EncodeCase{"Int16Min", "SMALLINT", "'-32768'"},
                                         EncodeCase{"Int32Max", "INTEGER", "2147483647"},
                                         EncodeCase{"Int64Min", "BIGINT", "'-9223372036854775808'"},
                                         EncodeCase{"LargestOid", "UINTEGER", "4294967295"},
                                         EncodeCase{"Real", "FLOAT", "1.5"},
                                         EncodeCase{"RealNaN", "FLOAT", "'nan'"},
                                         EncodeCase{"Double", "DOUBLE", "0.1"},
                                         EncodeCase{"DoubleMinusInfinity", "DOUBLE", "'-inf'"},
                                         EncodeCase{"MinusZero", "DOUBLE", "'-0.0'"}),
                         [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Decimals, EncodeCellTest,
    testing::Values(
        EncodeCase{"Zero", "DECIMAL(4,2)", "0"}, EncodeCase{"MinusCent", "DECIMAL(4,2)", "-0.01"},
        EncodeCase{"Largest4", "DECIMAL(4,1)", "999.9"},
        EncodeCase{"Largest9", "DECIMAL(9,0)", "999999999"},
        EncodeCase{"Smallest18", "DECIMAL(18,4)", "-99999999999999.9999"},
        EncodeCase{"ZerosInside", "DECIMAL(18,3)", "100000000.001"},
        EncodeCase{"ZerosBehind", "DECIMAL(18,0)", "120000000000"},
        EncodeCase{"Largest38", "DECIMAL(38,0)", "'99999999999999999999999999999999999999'"},
        EncodeCase{"Smallest38", "DECIMAL(38,2)", "'-999999999999999999999999999999999999.99'"},
        EncodeCase{"AllFraction", "DECIMAL(38,38)", "'0.99999999999999999999999999999999999999'"},
        EncodeCase{"LastDigit", "DECIMAL(38,37)", "'-0.0000000000000000000000000000000000001'"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Texts, EncodeCellTest,
    testing::Values(EncodeCase{"Empty", "VARCHAR", "''"}, EncodeCase{"Inline", "VARCHAR", "'ção'"},
                    EncodeCase{"Pointed", "VARCHAR", "repeat('água ', 1000)"},
                    EncodeCase{"Json", "JSON", "'{\"a\": [1, null]}'"},
                    EncodeCase{"Bytes", "BLOB", "'\\x00\\xFF'"},
                    EncodeCase{"Uuid", "UUID", "'01234567-89ab-cdef-0123-456789abcdef'"},
                    EncodeCase{"UuidMax", "UUID", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Times, EncodeCellTest,
    testing::Values(
        EncodeCase{"Date", "DATE", "'2026-11-24'"},
        EncodeCase{"DateBc", "DATE", "'0044-03-15 (BC)'"},
        EncodeCase{"DateInfinity", "DATE", "'infinity'"},
        EncodeCase{"DateMinusInfinity", "DATE", "'-infinity'"},
        EncodeCase{"Midnight", "TIME", "'24:00:00'"},
        EncodeCase{"TimeMicros", "TIME", "'23:59:59.999999'"},
        EncodeCase{"TimeTzEast", "TIME WITH TIME ZONE", "'10:30:00+05:30'"},
        EncodeCase{"TimeTzWest", "TIME WITH TIME ZONE", "'00:00:00-15:59:59'"},
        EncodeCase{"TimeTzFarEast", "TIME WITH TIME ZONE", "'24:00:00+15:59:59'"},
        EncodeCase{"Epoch", "TIMESTAMP", "'2000-01-01'"},
        EncodeCase{"BeforeEpoch", "TIMESTAMP", "'1969-12-31 23:59:59.999999'"},
        EncodeCase{"TimestampInfinity", "TIMESTAMP", "'infinity'"},
        EncodeCase{"TimestampTzMinusInfinity", "TIMESTAMP WITH TIME ZONE", "'-infinity'"},
        EncodeCase{"TimestampTz", "TIMESTAMP WITH TIME ZONE", "'2026-11-24 12:00:00-03'"},
        EncodeCase{"Interval", "INTERVAL", "INTERVAL '1 year -2 days 3.000004 seconds'"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Lists, EncodeCellTest,
    testing::Values(EncodeCase{"EmptyList", "INTEGER[]", "[]"},
                    EncodeCase{"WithNull", "INTEGER[]", "[1, NULL, 3]"},
                    EncodeCase{"ListOfTexts", "VARCHAR[]", "['', NULL, 'a,b', repeat('x', 40)]"},
                    EncodeCase{"TwoDimensions", "INTEGER[][]", "[[1, 2], [3, NULL], [5, 6]]"},
                    EncodeCase{"ThreeDimensions", "SMALLINT[][][]", "[[[1]], [[2]]]"},
                    EncodeCase{"ListOfDecimals", "DECIMAL(12,4)[]", "[1.5, -0.0001]"},
                    EncodeCase{"ListOfTimes", "TIMESTAMP[]", "['2026-01-01'::TIMESTAMP, NULL]"}),
    [](const auto& row) { return row.param.name; });

class EncodeFormTest : public testing::Test {
 protected:
  data::TestDuckdb duckdb_;
};

// The decoder ignores it, PostgreSQL prints by it.
TEST_F(EncodeFormTest, ANumericKeepsItsDisplayScale) {
  EXPECT_EQ(Encode(duckdb_, "DECIMAL(12,3)", "1.5").bytes, Field(Numeric(0, 0, {1, 5000}, 3)));
  EXPECT_EQ(Encode(duckdb_, "DECIMAL(12,2)", "0").bytes, Field(Numeric(0, 0, {}, 2)));
  EXPECT_EQ(Encode(duckdb_, "DECIMAL(12,5)", "-10000.00001").bytes,
            Field(Numeric(1, kNumericNegative, {1, 0, 0, 1000}, 5)));
}

TEST_F(EncodeFormTest, AnArrayNamesItsElements) {
  EXPECT_EQ(Encode(duckdb_, "INTEGER[]", "[1, NULL]").bytes,
            Field(Array({{2}}, {Int32(1), std::nullopt})));
  EXPECT_EQ(Encode(duckdb_, "VARCHAR[]", "[]").bytes, Field(Array({}, {}, 25)));
}

TEST_F(EncodeFormTest, NullIsALengthOfMinusOne) {
  EXPECT_EQ(Encode(duckdb_, "VARCHAR", "NULL").bytes, Int32(-1));
  EXPECT_EQ(Encode(duckdb_, "INTEGER[]", "NULL").bytes, Int32(-1));
}

TEST_F(EncodeFormTest, WhatNoArrayIs) {
  for (const char* value : {"[[1, 2], [3]]", "[[1], NULL]", "[NULL, [1]]", "[[]]", "[[], [1]]"}) {
    EXPECT_EQ(Encode(duckdb_, "INTEGER[][]", value).fault, EncodeFault::kRaggedArray) << value;
  }
}

TEST_F(EncodeFormTest, WireTypesAreThoseThatHoldEveryValue) {
  EXPECT_EQ(WireTypeName(*LogicalType::FromDuckdbName("VARCHAR")), "text");
  EXPECT_EQ(WireTypeName(*LogicalType::FromDuckdbName("JSON[]")), "json[]");
  EXPECT_EQ(WireTypeName(*LogicalType::FromDuckdbName("DECIMAL(5,2)[][]")), "numeric[]");
}

class CopyChunksTest : public testing::Test {
 protected:
  static const std::vector<LogicalType>& Types() {
    static const std::vector<LogicalType> kTypes = {*LogicalType::FromDuckdbName("VARCHAR"),
                                                    *LogicalType::FromDuckdbName("INTEGER[][]")};
    return kTypes;
  }
  data::TestDuckdb duckdb_;
};

TEST_F(CopyChunksTest, CutsAtRowsAndAtBytes) {
  auto chunks =
      CopyChunks::Open(duckdb_.connection(),
                       "SELECT i::VARCHAR, NULL::INTEGER[][], i FROM range(5000) t(i)", Types());
  ASSERT_TRUE(chunks.ok()) << chunks.error().message();
  CopyChunk chunk;
  std::vector<std::size_t> sizes;
  std::int64_t next = 0;
  while (true) {
    const bool by_bytes = sizes.size() == 1;
    ASSERT_TRUE(chunks.value()->Next(3000, by_bytes ? 1 : 1 << 20, chunk).ok());
    if (chunk.rows() == 0) break;
    sizes.push_back(chunk.rows());
    for (const std::int64_t number : chunk.numbers) EXPECT_EQ(number, next++);
  }
  EXPECT_THAT(sizes, ElementsAre(3000U, 1U, 1999U));
}

TEST_F(CopyChunksTest, ARowThatCannotBeHasNoBytes) {
  auto chunks = CopyChunks::Open(
      duckdb_.connection(),
      "SELECT * FROM (VALUES ('a', [[1]], 0::BIGINT), ('b', [[1], [2, 3]], 1), ('c', NULL, 2))",
      Types());
  ASSERT_TRUE(chunks.ok()) << chunks.error().message();
  CopyChunk chunk;
  ASSERT_TRUE(chunks.value()->Next(10, 1 << 20, chunk).ok());
  ASSERT_EQ(chunk.rows(), 3U);
  ASSERT_EQ(chunk.faults.size(), 1U);
  EXPECT_EQ(chunk.faults[0].row, 1U);
  EXPECT_EQ(chunk.faults[0].column, 1U);
  EXPECT_EQ(chunk.Tuples(1, 2), "");
  EXPECT_EQ(chunk.Tuples(2, 3), Tuple({"c", std::nullopt}));
}

TEST_F(CopyChunksTest, NumbersMustAscend) {
  auto chunks = CopyChunks::Open(
      duckdb_.connection(), "SELECT 'a', NULL::INTEGER[][], n FROM (VALUES (2::BIGINT), (1)) t(n)",
      Types());
  ASSERT_TRUE(chunks.ok()) << chunks.error().message();
  CopyChunk chunk;
  EXPECT_EQ(chunks.value()->Next(10, 1 << 20, chunk).error().kind(), ErrorKind::kInternal);
}

}  // namespace
}  // namespace afluente::postgres

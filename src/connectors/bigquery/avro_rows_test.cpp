#include "connectors/bigquery/avro_rows.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <ostream>

#include "data/test_duckdb.h"

namespace afluente::bigquery {
namespace {

using data::Kind;
using data::LogicalType;
using testing::ElementsAre;
using testing::HasSubstr;

LogicalType Plain(Kind kind) { return {kind, 0, 0, nullptr}; }

// Avro's binary encoding, as the specification has it.
std::string Long(std::int64_t value) {
  auto bits = (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
  std::string bytes;
  do {
    const auto low = static_cast<unsigned char>(bits & 0x7fU);
    bits >>= 7U;
    bytes += static_cast<char>(bits == 0 ? low : low | 0x80U);
  } while (bits != 0);
  return bytes;
}
std::string Bytes(const std::string& bytes) {
  return Long(static_cast<std::int64_t>(bytes.size())) + bytes;
}
std::string Double(double value) {
  std::string bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}
std::string Record(const std::string& type) {
  return R"({"type": "record", "name": "Root", "fields": [{"name": "v", "type": )" + type + "}]}";
}
std::string Nullable(const std::string& type) { return R"(["null", )" + type + "]"; }
const std::string kNull = Long(0);
std::string Some(const std::string& bytes) { return Long(1) + bytes; }
std::string Decimal(int scale) {
  return fmt::format(
      R"({{"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": {}}})", scale);
}

struct Case {
  std::string name;
  LogicalType type;
  std::string avro;
  std::vector<std::string> cells;
  std::vector<std::string> wanted;
};
std::ostream& operator<<(std::ostream& out, const Case& row) { return out << row.name; }

class AvroCellTest : public testing::TestWithParam<Case> {};

TEST_P(AvroCellTest, IsReadExactly) {
  const Case& row = GetParam();
  data::TestColumn column(row.type);
  auto rows = AvroRows::Open(Record(row.avro), column.schema());
  ASSERT_TRUE(rows.ok()) << rows.error().message();
  std::string block;
  for (const std::string& cell : row.cells) block += cell;
  rows.value().Begin(block);
  const auto filled = rows.value().Fill(column.batch());
  ASSERT_TRUE(filled.ok()) << filled.error().message();
  EXPECT_EQ(filled.value(), row.cells.size());
  EXPECT_EQ(column.Rows(filled.value()), row.wanted);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, AvroCellTest,
    testing::Values(
        Case{"Long",
             Plain(Kind::kInt64),
             Nullable(R"("long")"),
             {Some(Long(-1)), kNull, Some(Long(std::numeric_limits<std::int64_t>::min())),
              Some(Long(std::numeric_limits<std::int64_t>::max()))},
             {"-1", "NULL", "-9223372036854775808", "9223372036854775807"}},
        Case{"Required", Plain(Kind::kInt64), R"("long")", {Long(5)}, {"5"}},
        Case{"Double",
             Plain(Kind::kFloat64),
             Nullable(R"("double")"),
             {Some(Double(0.1)), Some(Double(-std::numeric_limits<double>::infinity()))},
             {"0.1", "-inf"}},
        Case{"Bool",
             Plain(Kind::kBool),
             Nullable(R"("boolean")"),
             {Some(std::string(1, '\1')), Some(std::string(1, '\0'))},
             {"true", "false"}},
        Case{"Text",
             Plain(Kind::kText),
             Nullable(R"("string")"),
             {Some(Bytes("")), Some(Bytes("olá, longer than twelve bytes"))},
             {"", "olá, longer than twelve bytes"}},
        Case{"Json",
             Plain(Kind::kJson),
             Nullable(R"({"type": "string", "sqlType": "JSON"})"),
             {Some(Bytes(R"({"a":1})"))},
             {R"({"a":1})"}},
        Case{"Blob",
             Plain(Kind::kBytes),
             Nullable(R"("bytes")"),
             {Some(Bytes(std::string("\0\xff", 2)))},
             {"\\x00\\xFF"}},
        Case{"Date",
             Plain(Kind::kDate),
             Nullable(R"({"type": "int", "logicalType": "date"})"),
             {Some(Long(-1)), Some(Long(0))},
             {"1969-12-31", "1970-01-01"}},
        Case{"Time",
             Plain(Kind::kTime),
             Nullable(R"({"type": "long", "logicalType": "time-micros"})"),
             {Some(Long(1))},
             {"00:00:00.000001"}},
        Case{"Timestamp",
             Plain(Kind::kTimestampTz),
             Nullable(R"({"type": "long", "logicalType": "timestamp-micros"})"),
             {Some(Long(-1))},
             {"1969-12-31 23:59:59.999999+00"}},
        Case{"Datetime",
             Plain(Kind::kTimestamp),
             Nullable(R"({"type": "string", "sqlType": "DATETIME"})"),
             {Some(Bytes("2026-11-26T10:00:00.5")), Some(Bytes("0001-01-01T00:00:00"))},
             {"2026-11-26 10:00:00.5", "0001-01-01 00:00:00"}},
        Case{"DatetimeAsMicros",
             Plain(Kind::kTimestamp),
             Nullable(R"({"type": "long", "logicalType": "timestamp-micros"})"),
             {Some(Long(1))},
             {"1970-01-01 00:00:00.000001"}},
        Case{"Interval",
             Plain(Kind::kInterval),
             Nullable(R"({"type": "string", "sqlType": "INTERVAL"})"),
             {Some(Bytes("1-2 -3 4:5:6.007")), Some(Bytes("-0-1 0 -0:0:1"))},
             {"1 year 2 months -3 days 04:05:06.007", "-1 month -00:00:01"}},
        Case{"Numeric",
             LogicalType::Decimal(12, 4),
             Nullable(Decimal(9)),
             // 1.25 and -1.25 in units of 10^-9, and 0.
             {Some(Bytes("\x4a\x81\x7c\x80")), Some(Bytes("\xb5\x7e\x83\x80")),
              Some(Bytes(std::string(1, '\0')))},
             {"1.2500", "-1.2500", "0.0000"}},
        Case{"Bignumeric",
             LogicalType::Decimal(38, 19),
             Nullable(Decimal(38)),
             // 10^38 in units of 10^-38 is 1, -10^38 is -1.
             {Some(Bytes(std::string("\x4b\x3b\x4c\xa8\x5a\x86\xc4\x7a\x09\x8a\x22\x40\0\0\0\0",
                                     16))),
              Some(Bytes(std::string("\xb4\xc4\xb3\x57\xa5\x79\x3b\x85\xf6\x75\xdd\xc0\0\0\0\0",
                                     16)))},
             {"1.0000000000000000000", "-1.0000000000000000000"}},
        Case{"List",
             LogicalType::List(Plain(Kind::kInt64)),
             R"({"type": "array", "items": "long"})",
             {Long(2) + Long(7) + Long(-7) + Long(0), Long(0),
              // Two blocks, one of them with its size.
              Long(-1) + Long(1) + Long(1) + Long(1) + Long(2) + Long(0)},
             {"[7, -7]", "[]", "[1, 2]"}},
        Case{"ListOfTexts",
             LogicalType::List(Plain(Kind::kText)),
             Nullable(R"({"type": "array", "items": ["null", "string"]})"),
             {Some(Long(2) + Some(Bytes("a")) + kNull + Long(0)), kNull},
             {"[a, NULL]", "NULL"}}),
    [](const auto& row) { return row.param.name; });

TEST(AvroRowsTest, AValueThatDoesNotFitIsNamed) {
  data::TestColumn column(LogicalType::Decimal(4, 2));
  auto rows = AvroRows::Open(Record(Nullable(Decimal(9))), column.schema());
  ASSERT_TRUE(rows.ok());
  // 1.25 with another digit, 100 in units of 10^-9.
  for (const std::string& bytes :
       {std::string("\x4a\x81\x7c\x81"), std::string("\x17\x48\x76\xe8\0", 5)}) {
    rows.value().Begin(Some(Bytes(bytes)));
    const auto filled = rows.value().Fill(column.batch());
    ASSERT_FALSE(filled.ok());
    EXPECT_EQ(filled.error().kind(), ErrorKind::kConversion);
    EXPECT_THAT(filled.error().message(), HasSubstr("column v"));
  }
}

TEST(AvroRowsTest, AnIntervalThatIsNoneIsRefused) {
  data::TestColumn column(Plain(Kind::kInterval));
  auto rows = AvroRows::Open(Record(R"("string")"), column.schema());
  ASSERT_TRUE(rows.ok());
  for (const char* text : {"", "1-2", "1-2 3 4:5", "999999999999-0 0 0:0:0", "0-0 0 0:0:1.0000001",
                           "0-0 99999999999 0:0:0", "0-0 0 99999999999999999999:0:0",
                           "0-0 0 0:0:1x", "0-0 0 0:0:1.x"}) {
    rows.value().Begin(Bytes(text));
    EXPECT_FALSE(rows.value().Fill(column.batch()).ok()) << text;
  }
}

TEST(AvroRowsTest, BytesThatEndTooEarlyAreRefused) {
  data::TestColumn column(Plain(Kind::kText));
  auto rows = AvroRows::Open(Record(Nullable(R"("string")")), column.schema());
  const std::string whole = Some(Bytes("a text"));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    rows.value().Begin(whole.substr(0, size));
    EXPECT_FALSE(rows.value().Fill(column.batch()).ok()) << size;
  }
}

TEST(AvroRowsTest, MoreRowsThanABatchComeInSeveral) {
  data::TestColumn column(Plain(Kind::kInt64));
  auto rows = AvroRows::Open(Record(R"("long")"), column.schema());
  std::string block;
  for (int i = 0; i < 2050; ++i) block += Long(i);
  rows.value().Begin(block);
  EXPECT_EQ(rows.value().Fill(column.batch()).value(), 2048U);
  column.Reset();
  EXPECT_EQ(rows.value().Fill(column.batch()).value(), 2U);
  EXPECT_THAT(column.Rows(2), ElementsAre("2048", "2049"));
}

TEST(AvroRowsTest, ATableThatHasChangedIsNoticed) {
  data::TestColumn column(Plain(Kind::kInt64));
  const auto refused = [&](const std::string& schema) {
    const auto rows = AvroRows::Open(schema, column.schema());
    return rows.ok() ? std::string() : rows.error().message();
  };
  EXPECT_THAT(refused(R"({"type": "record", "name": "Root", "fields": []})"),
              HasSubstr("a column is missing"));
  EXPECT_THAT(refused(R"({"type": "record", "fields": [{"name": "w", "type": "long"}]})"),
              HasSubstr("column w was not asked for"));
  EXPECT_THAT(refused(Record(R"("string")")), HasSubstr("in a form that is not known"));
  EXPECT_THAT(refused("[]"), HasSubstr("is not one of a record"));
}

}  // namespace
}  // namespace afluente::bigquery

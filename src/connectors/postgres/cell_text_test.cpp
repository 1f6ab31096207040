#include "connectors/postgres/cell_text.h"

#include <gtest/gtest.h>

#include "connectors/postgres/test_bytes.h"

namespace afluente::postgres {
namespace {

using data::Kind;
using data::LogicalType;

struct TextCase {
  std::string name;
  LogicalType type;
  std::string cell;
  std::string text;
  TextForm form = TextForm::kPlain;
};

LogicalType Of(Kind kind) { return {kind, 0, 0, nullptr}; }

class CellTextTest : public testing::TestWithParam<TextCase> {};

TEST_P(CellTextTest, SaysWhatTheServerPrints) {
  EXPECT_EQ(CellText(GetParam().type, GetParam().form, GetParam().cell), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, CellTextTest,
    testing::Values(
        TextCase{"Bool", Of(Kind::kBool), std::string(1, '\1'), "true"},
        TextCase{"Int", Of(Kind::kInt32), Int32(-7), "-7"},
        TextCase{"IntOfOtherSize", Of(Kind::kInt32), Int16(-7), "0xfff9"},
        TextCase{"Float", Of(Kind::kFloat64), Hex("3ff8000000000000"), "1.5"},
        TextCase{"Nan", LogicalType::Decimal(6, 2), Numeric(0, kNumericNan, {}), "NaN"},
        TextCase{"Infinity", LogicalType::Decimal(6, 2), Numeric(0, kNumericMinusInfinity, {}),
                 "-Infinity"},
        TextCase{"Numeric", LogicalType::Decimal(6, 2),
                 Numeric(1, kNumericNegative, {12, 3456, 7890}, 3), "-123456.789"},
        TextCase{"NumericOfAFraction", LogicalType::Decimal(6, 2),
                 Numeric(-2, kNumericPositive, {5}, 8), "0.00000005"},
        TextCase{"NumericWithZeros", LogicalType::Decimal(6, 2),
                 Numeric(2, kNumericPositive, {1}, 0), "100000000"},
        TextCase{"NumericCutOff", LogicalType::Decimal(6, 2), Int16(3) + Int16(0), "0x00030000"},
        TextCase{"Text", Of(Kind::kText), "it's", "it's"},
        TextCase{"NoUtf8", Of(Kind::kText), "\xff\x01", "0xff01"},
        TextCase{"Jsonb", Of(Kind::kJson), "\1{\"a\": 1}", "{\"a\": 1}", TextForm::kJsonb},
        TextCase{"Bytes", Of(Kind::kBytes), "\xff", "\\xff"},
        TextCase{"Uuid", Of(Kind::kUuid), Hex("00112233445566778899aabbccddeeff"),
                 "00112233-4455-6677-8899-aabbccddeeff"},
        TextCase{"Date", Of(Kind::kDate), Int32(59), "2000-02-29"},
        TextCase{"DateBc", Of(Kind::kDate), Int32(-730120), "0001-12-31 BC"},
        TextCase{"DateInfinity", Of(Kind::kDate), Int32(0x7fffffff), "infinity"},
        TextCase{"Timestamp", Of(Kind::kTimestamp), Int64(-1), "1999-12-31 23:59:59.999999"},
        TextCase{"TimestampTz", Of(Kind::kTimestampTz), Int64(9'223'371'331'200'000'000 - 1),
                 "294276-12-31 23:59:59.999999+00"},
        TextCase{"Interval", Of(Kind::kInterval), Int64(-1'000'000) + Int32(2) + Int32(1),
                 "1 mons 2 days -00:00:01"},
        TextCase{
            "Array", LogicalType::List(Of(Kind::kInt32)),
            Int32(1) + Int32(1) + Int32(23) + Int32(2) + Int32(0) + Int32(4) + Int32(5) + Int32(-1),
            "[0:1]={5,NULL}"},
        TextCase{
            "ArrayOfText", LogicalType::List(Of(Kind::kText)),
            Int32(1) + Int32(0) + Int32(25) + Int32(2) + Int32(1) + Int32(3) + "a\"b" + Int32(0),
            "{\"a\\\"b\",\"\"}"},
        TextCase{"ArrayCutOff", LogicalType::List(Of(Kind::kInt32)),
                 Int32(1) + Int32(0) + Int32(23) + Int32(1000),
                 "0x000000010000000000000017000003e8"},
        TextCase{"ArrayOfNoElements", LogicalType::List(Of(Kind::kInt32)),
                 Int32(0) + Int32(0) + Int32(23), "{}"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace afluente::postgres

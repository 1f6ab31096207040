#include "connectors/postgres/cell_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "connectors/postgres/test_bytes.h"
#include "data/test_duckdb.h"

namespace afluente::postgres {
namespace {

using data::Kind;
using data::LogicalType;
using testing::ElementsAre;

constexpr std::int64_t kDay = 86'400'000'000;  // Microseconds.
constexpr std::int64_t kInt64Max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kInt64Min = std::numeric_limits<std::int64_t>::min();

LogicalType Plain(Kind kind) { return {kind, 0, 0, nullptr}; }

struct CellCase {
  std::string name;
  LogicalType type;
  std::string cell;
  std::string want;  // As DuckDB prints it.
  TextForm form = TextForm::kPlain;
};

std::ostream& operator<<(std::ostream& out, const CellCase& row) { return out << row.want; }

class DecodeCellTest : public testing::TestWithParam<CellCase> {};

TEST_P(DecodeCellTest, YieldsTheValue) {
  data::TestColumn column(GetParam().type);
  ASSERT_EQ(DecodeCell(GetParam().type, GetParam().form, GetParam().cell, 0, column.writer()),
            Fault::kNone);
  EXPECT_THAT(column.Rows(1), ElementsAre(GetParam().want));
}

INSTANTIATE_TEST_SUITE_P(
    Numbers, DecodeCellTest,
    testing::Values(
        CellCase{"True", Plain(Kind::kBool), Hex("01"), "true"},
        CellCase{"False", Plain(Kind::kBool), Hex("00"), "false"},
        CellCase{"Int16Min", Plain(Kind::kInt16), Hex("8000"), "-32768"},
        CellCase{"Int32", Plain(Kind::kInt32), Hex("00000102"), "258"},
        CellCase{"Int32Min", Plain(Kind::kInt32), Hex("80000000"), "-2147483648"},
        CellCase{"Int64Max", Plain(Kind::kInt64), Int64(kInt64Max), "9223372036854775807"},
        CellCase{"LargestOid", Plain(Kind::kUint32), Hex("ffffffff"), "4294967295"},
        CellCase{"Real", Plain(Kind::kFloat32), Hex("3fc00000"), "1.5"},
        CellCase{"RealNaN", Plain(Kind::kFloat32), Hex("7fc00000"), "nan"},
        CellCase{"Double", Plain(Kind::kFloat64), Hex("bfe0000000000000"), "-0.5"},
        CellCase{"DoubleInfinity", Plain(Kind::kFloat64), Hex("7ff0000000000000"), "inf"},
        CellCase{"Decimal4", LogicalType::Decimal(4, 2), Numeric(0, kNumericNegative, {99, 9900}),
                 "-99.99"},
        CellCase{"Decimal9", LogicalType::Decimal(9, 0), Numeric(2, 0, {9, 9999, 9999}),
                 "999999999"},
        CellCase{"Decimal18", LogicalType::Decimal(18, 4), Numeric(3, 0, {12, 3456, 7890, 1234, 5}),
                 "12345678901234.0005"},
        CellCase{
            "Decimal38", LogicalType::Decimal(38, 2),
            Numeric(7, kNumericNegative, {1234, 5678, 9012, 3456, 7890, 1234, 5678, 9012, 300}),
            "-12345678901234567890123456789012.03"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Texts, DecodeCellTest,
    testing::Values(
        CellCase{"Empty", Plain(Kind::kText), "", ""},
        CellCase{"Text", Plain(Kind::kText), "São João da Boa Vista", "São João da Boa Vista"},
        CellCase{"BlanksStayInText", Plain(Kind::kText), "a  ", "a  "},
        CellCase{"Bpchar", Plain(Kind::kText), " SP  ", " SP", TextForm::kBpchar},
        CellCase{"BpcharOfBlanks", Plain(Kind::kText), "   ", "", TextForm::kBpchar},
        CellCase{"Json", Plain(Kind::kJson), R"({"b": 1,"a":2})", R"({"b": 1,"a":2})"},
        CellCase{"Jsonb", Plain(Kind::kJson), "\x01{\"a\": 2}", R"({"a": 2})", TextForm::kJsonb},
        CellCase{"Bytes", Plain(Kind::kBytes), Hex("00ff41"), R"(\x00\xFFA)"},
        CellCase{"Uuid", Plain(Kind::kUuid), Hex("6f9619ff8b86d011b42d00c04fc964ff"),
                 "6f9619ff-8b86-d011-b42d-00c04fc964ff"},
        CellCase{"SmallestUuid", Plain(Kind::kUuid), std::string(16, '\0'),
                 "00000000-0000-0000-0000-000000000000"},
        CellCase{"LargestUuid", Plain(Kind::kUuid), std::string(16, '\xff'),
                 "ffffffff-ffff-ffff-ffff-ffffffffffff"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Times, DecodeCellTest,
    testing::Values(
        CellCase{"Date2000", Plain(Kind::kDate), Int32(0), "2000-01-01"},
        CellCase{"LeapDay", Plain(Kind::kDate), Int32(59), "2000-02-29"},
        CellCase{"DateBc", Plain(Kind::kDate), Int32(-730'485), "0001-01-01 (BC)"},
        CellCase{"DateInfinity", Plain(Kind::kDate), Hex("7fffffff"), "infinity"},
        CellCase{"DateMinusInfinity", Plain(Kind::kDate), Hex("80000000"), "-infinity"},
        CellCase{"Time", Plain(Kind::kTime), Int64(12 * 3'600'000'000 + 1), "12:00:00.000001"},
        CellCase{"EndOfDay", Plain(Kind::kTime), Int64(kDay), "24:00:00"},
        CellCase{"TimeTzEast", Plain(Kind::kTimeTz), Int64(3'600'000'000) + Int32(-19'800),
                 "01:00:00+05:30"},
        CellCase{"TimeTzWest", Plain(Kind::kTimeTz), Int64(0) + Int32(10'800), "00:00:00-03"},
        CellCase{"Timestamp2000", Plain(Kind::kTimestamp), Int64(0), "2000-01-01 00:00:00"},
        CellCase{"BeforeTheEpochs", Plain(Kind::kTimestamp), Int64(-11'000 * kDay - 1),
                 "1969-11-18 23:59:59.999999"},
        CellCase{"TimestampTz", Plain(Kind::kTimestampTz), Int64(1),
                 "2000-01-01 00:00:00.000001+00"},
        CellCase{"Infinity", Plain(Kind::kTimestamp), Int64(kInt64Max), "infinity"},
        CellCase{"MinusInfinity", Plain(Kind::kTimestampTz), Int64(kInt64Min), "-infinity"},
        CellCase{"LatestTimestamp", Plain(Kind::kTimestamp),
                 Int64(kInt64Max - 1 - 946'684'800'000'000), "294247-01-10 04:00:54.775806"},
        CellCase{"Interval", Plain(Kind::kInterval), Int64(-1) + Int32(2) + Int32(14),
                 "1 year 2 months 2 days -00:00:00.000001"}),
    [](const auto& row) { return row.param.name; });

const LogicalType kInts = LogicalType::List(Plain(Kind::kInt32));
const LogicalType kTexts = LogicalType::List(Plain(Kind::kText));

INSTANTIATE_TEST_SUITE_P(
    Arrays, DecodeCellTest,
    testing::Values(CellCase{"Empty", kInts, Array({}, {}), "[]"},
                    CellCase{"OneDimension", kInts,
                             Array({{3}}, {Int32(1), std::nullopt, Int32(3)}), "[1, NULL, 3]"},
                    CellCase{"TwoDimensions", LogicalType::List(kInts),
                             Array({{2}, {2}}, {Int32(1), Int32(2), Int32(3), std::nullopt}),
                             "[[1, 2], [3, NULL]]"},
                    CellCase{"EmptyOfTwoDimensions", LogicalType::List(kInts), Array({}, {}), "[]"},
                    CellCase{"Texts", kTexts, Array({{2}}, {"a, b", ""}, 25), "['a, b', '']"},
                    CellCase{"Jsonbs", LogicalType::List(Plain(Kind::kJson)),
                             Array({{1}}, {"\x01{}"}, 3802), "[{}]", TextForm::kJsonb},
                    CellCase{"Bpchars", kTexts, Array({{1}}, {"SP   "}, 1042), "[SP]",
                             TextForm::kBpchar}),
    [](const auto& row) { return row.param.name; });

struct FaultCase {
  std::string name;
  LogicalType type;
  std::string cell;
  Fault want;
};

std::ostream& operator<<(std::ostream& out, const FaultCase& row) { return out << row.name; }

class DecodeFaultTest : public testing::TestWithParam<FaultCase> {};

// On the heap and of exact size, so that a read past the end is seen.
TEST_P(DecodeFaultTest, IsNamed) {
  data::TestColumn column(GetParam().type);
  const std::vector<char> bytes(GetParam().cell.begin(), GetParam().cell.end());
  EXPECT_EQ(DecodeCell(GetParam().type, TextForm::kPlain, {bytes.data(), bytes.size()}, 0,
                       column.writer()),
            GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Values, DecodeFaultTest,
    testing::Values(
        FaultCase{"NotUtf8", Plain(Kind::kText), "S\xe3o", Fault::kNotUtf8},
        FaultCase{"JsonNotUtf8", Plain(Kind::kJson), "\"\xff\"", Fault::kNotUtf8},
        FaultCase{"TimestampTooLate", Plain(Kind::kTimestamp),
                  Int64(kInt64Max - 946'684'800'000'000), Fault::kTimeOutOfRange},
        FaultCase{"TimestampOverflows", Plain(Kind::kTimestampTz), Int64(kInt64Max - 1),
                  Fault::kTimeOutOfRange},
        FaultCase{"DateOverflows", Plain(Kind::kDate), Hex("7ffffffe"), Fault::kTimeOutOfRange},
        FaultCase{"DateThatWouldBeInfinity", Plain(Kind::kDate), Int32(2'147'483'647LL - 10'957),
                  Fault::kTimeOutOfRange},
        FaultCase{"NaN", LogicalType::Decimal(12, 2), Numeric(0, kNumericNan, {}),
                  Fault::kNotFinite},
        FaultCase{"DigitsLost", LogicalType::Decimal(4, 2), Numeric(0, 0, {100}),
                  Fault::kDigitsLost},
        FaultCase{"NumericCut", LogicalType::Decimal(4, 2), Hex("0001"), Fault::kMalformed},
        FaultCase{"ZoneOf16Hours", Plain(Kind::kTimeTz), Int64(0) + Int32(57'600),
                  Fault::kMalformed},
        FaultCase{"ZoneOfMinus16Hours", Plain(Kind::kTimeTz), Int64(0) + Int32(-57'600),
                  Fault::kMalformed}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    HostileArrays, DecodeFaultTest,
    testing::Values(
        FaultCase{"NoBytes", kInts, "", Fault::kMalformed},
        FaultCase{"HeaderCut", kInts, Array({}, {}).substr(0, 11), Fault::kMalformed},
        FaultCase{"NegativeDimensions", kInts, Int32(-1) + Int32(0) + Int32(23), Fault::kMalformed},
        FaultCase{"SevenDimensions", kInts, Int32(7) + Int32(0) + Int32(23) + std::string(56, 0),
                  Fault::kMalformed},
        FaultCase{"DimensionsCut", kInts, Int32(1) + Int32(0) + Int32(23) + Int32(1),
                  Fault::kMalformed},
        FaultCase{"NegativeLength", kInts, Array({{-1}}, {}), Fault::kMalformed},
        FaultCase{"LengthWithoutElements", kInts, Array({{2'147'483'647}}, {Int32(1)}),
                  Fault::kMalformed},
        FaultCase{"LengthsThatMultiplyToZero", LogicalType::List(LogicalType::List(kInts)),
                  Array({{2'147'483'647}, {2'147'483'647}, {0}}, {}), Fault::kMalformed},
        FaultCase{"OneElementMissing", kInts, Array({{2}}, {Int32(1)}), Fault::kMalformed},
        FaultCase{"ElementCut", kInts, Array({{1}}, {Int32(1)}).substr(0, 22), Fault::kMalformed},
        FaultCase{"ElementOfWrongSize", kInts, Array({{1}}, {Int64(1)}), Fault::kMalformed},
        FaultCase{"ElementNotUtf8", kTexts, Array({{1}}, {"\xff"}), Fault::kNotUtf8},
        FaultCase{"BytesLeftOver", kInts, Array({{1}}, {Int32(1)}) + "x", Fault::kMalformed},
        FaultCase{"BytesBehindAnEmptyArray", kInts, Array({}, {}) + "x", Fault::kMalformed},
        FaultCase{"LowerBoundZero", kInts, Array({{1, 0}}, {Int32(1)}), Fault::kArrayShape},
        FaultCase{"TooManyDimensions", kInts, Array({{1}, {1}}, {Int32(1)}), Fault::kArrayShape},
        FaultCase{"TooFewDimensions", LogicalType::List(kInts), Array({{1}}, {Int32(1)}),
                  Fault::kArrayShape}),
    [](const auto& row) { return row.param.name; });

// A value of fixed size may have no other size: cut short, and with one byte more.
class FixedSizeTest : public testing::TestWithParam<CellCase> {};

TEST_P(FixedSizeTest, RefusesEveryOtherSize) {
  const std::string& cell = GetParam().cell;
  for (std::size_t size = 0; size <= cell.size() + 1; ++size) {
    if (size == cell.size()) continue;
    data::TestColumn column(GetParam().type);
    const std::string longer = cell + "x";
    const std::vector<char> bytes(longer.begin(),
                                  longer.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(
        DecodeCell(GetParam().type, TextForm::kPlain, {bytes.data(), size}, 0, column.writer()),
        Fault::kMalformed)
        << size;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Types, FixedSizeTest,
    testing::Values(CellCase{"Bool", Plain(Kind::kBool), "1", ""},
                    CellCase{"Int16", Plain(Kind::kInt16), Int16(0), ""},
                    CellCase{"Int32", Plain(Kind::kInt32), Int32(0), ""},
                    CellCase{"Int64", Plain(Kind::kInt64), Int64(0), ""},
                    CellCase{"Uint32", Plain(Kind::kUint32), Int32(0), ""},
                    CellCase{"Float32", Plain(Kind::kFloat32), Int32(0), ""},
                    CellCase{"Float64", Plain(Kind::kFloat64), Int64(0), ""},
                    CellCase{"Uuid", Plain(Kind::kUuid), std::string(16, 'x'), ""},
                    CellCase{"Date", Plain(Kind::kDate), Int32(0), ""},
                    CellCase{"Time", Plain(Kind::kTime), Int64(0), ""},
                    CellCase{"TimeTz", Plain(Kind::kTimeTz), Int64(0) + Int32(0), ""},
                    CellCase{"Timestamp", Plain(Kind::kTimestamp), Int64(0), ""},
                    CellCase{"TimestampTz", Plain(Kind::kTimestampTz), Int64(0), ""},
                    CellCase{"Interval", Plain(Kind::kInterval), std::string(16, '\0'), ""}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace afluente::postgres

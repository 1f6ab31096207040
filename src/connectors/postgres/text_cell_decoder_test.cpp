#include "connectors/postgres/text_cell_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "connectors/postgres/test_bytes.h"
#include "data/test_duckdb.h"

namespace afluente::postgres {
namespace {

using data::Kind;
using data::LogicalType;
using testing::ElementsAre;

LogicalType Plain(Kind kind) { return {kind, 0, 0, nullptr}; }

// On the heap and of exact size, so that a read past the end is seen.
Fault Decode(const LogicalType& type, TextLayout layout, const std::string& cell,
             data::TestColumn& column, RowArena& arena, std::vector<char>& bytes) {
  bytes.assign(cell.begin(), cell.end());
  bytes.shrink_to_fit();
  return DecodeTextCell(type, layout, {bytes.data(), bytes.size()}, 0, column.writer(), arena);
}

struct CellCase {
  std::string name;
  LogicalType type;
  std::string cell;
  std::string want;  // As DuckDB prints it.
  TextLayout layout = {};
};

std::ostream& operator<<(std::ostream& out, const CellCase& row) { return out << row.want; }

class DecodeTextCellTest : public testing::TestWithParam<CellCase> {};

TEST_P(DecodeTextCellTest, YieldsTheValue) {
  data::TestColumn column(GetParam().type);
  RowArena arena;
  std::vector<char> bytes;
  ASSERT_EQ(Decode(GetParam().type, GetParam().layout, GetParam().cell, column, arena, bytes),
            Fault::kNone);
  EXPECT_THAT(column.Rows(1), ElementsAre(GetParam().want));
}

INSTANTIATE_TEST_SUITE_P(
    Numbers, DecodeTextCellTest,
    testing::Values(
        CellCase{"True", Plain(Kind::kBool), "t", "true"},
        CellCase{"False", Plain(Kind::kBool), "f", "false"},
        CellCase{"Int16Min", Plain(Kind::kInt16), "-32768", "-32768"},
        CellCase{"Int32Min", Plain(Kind::kInt32), "-2147483648", "-2147483648"},
        CellCase{"Int64Max", Plain(Kind::kInt64), "9223372036854775807", "9223372036854775807"},
        CellCase{"LargestOid", Plain(Kind::kUint32), "4294967295", "4294967295"},
        CellCase{"Real", Plain(Kind::kFloat32), "0.1", "0.1"},
        CellCase{"SmallestReal", Plain(Kind::kFloat32), "1e-45", "1e-45"},
        CellCase{"RealNaN", Plain(Kind::kFloat32), "NaN", "nan"},
        CellCase{"Double", Plain(Kind::kFloat64), "-1.7976931348623157e+308",
                 "-1.7976931348623157e+308"},
        CellCase{"SmallestDouble", Plain(Kind::kFloat64), "5e-324", "5e-324"},
        CellCase{"DoubleInfinity", Plain(Kind::kFloat64), "Infinity", "inf"},
        CellCase{"DoubleMinusInfinity", Plain(Kind::kFloat64), "-Infinity", "-inf"},
        CellCase{"Decimal4", LogicalType::Decimal(4, 2), "-99.99", "-99.99"},
        CellCase{"Decimal9", LogicalType::Decimal(9, 0), "999999999", "999999999"},
        CellCase{"Decimal18", LogicalType::Decimal(18, 4), "12345678901234.0005",
                 "12345678901234.0005"},
        CellCase{"Decimal38", LogicalType::Decimal(38, 2), "-12345678901234567890123456789012.03",
                 "-12345678901234567890123456789012.03"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Texts, DecodeTextCellTest,
    testing::Values(
        CellCase{"Empty", Plain(Kind::kText), "", ""},
        CellCase{"Text", Plain(Kind::kText), "São João da Boa Vista", "São João da Boa Vista"},
        CellCase{"BlanksStayInText", Plain(Kind::kText), "a  ", "a  "},
        CellCase{"Bpchar", Plain(Kind::kText), " SP  ", " SP", {OutputForm::kBpchar}},
        CellCase{"BpcharOfBlanks", Plain(Kind::kText), "   ", "", {OutputForm::kBpchar}},
        CellCase{"BoolAsText", Plain(Kind::kText), "t", "true", {OutputForm::kBool}},
        CellCase{"FalseAsText", Plain(Kind::kText), "f", "false", {OutputForm::kBool}},
        CellCase{"Host", Plain(Kind::kText), "10.1.2.3", "10.1.2.3/32", {OutputForm::kInet}},
        CellCase{"Host6", Plain(Kind::kText), "::1", "::1/128", {OutputForm::kInet}},
        CellCase{"Network", Plain(Kind::kText), "10.0.0.0/8", "10.0.0.0/8", {OutputForm::kInet}},
        CellCase{"Json", Plain(Kind::kJson), R"({"b": 1,"a":2})", R"({"b": 1,"a":2})"},
        CellCase{"Bytes", Plain(Kind::kBytes), "\\x00ff41", R"(\x00\xFFA)"},
        CellCase{"NoBytes", Plain(Kind::kBytes), "\\x", ""},
        CellCase{"Uuid", Plain(Kind::kUuid), "6f9619ff-8b86-d011-b42d-00c04fc964ff",
                 "6f9619ff-8b86-d011-b42d-00c04fc964ff"},
        CellCase{"LargestUuid", Plain(Kind::kUuid), "ffffffff-ffff-ffff-ffff-ffffffffffff",
                 "ffffffff-ffff-ffff-ffff-ffffffffffff"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Times, DecodeTextCellTest,
    testing::Values(
        CellCase{"LeapDay", Plain(Kind::kDate), "2000-02-29", "2000-02-29"},
        CellCase{"DateBc", Plain(Kind::kDate), "0001-02-29 BC", "0001-02-29 (BC)"},
        CellCase{"FirstDate", Plain(Kind::kDate), "4714-11-24 BC", "4714-11-24 (BC)"},
        CellCase{"LastDate", Plain(Kind::kDate), "5874897-12-31", "5874897-12-31"},
        CellCase{"DateInfinity", Plain(Kind::kDate), "infinity", "infinity"},
        CellCase{"DateMinusInfinity", Plain(Kind::kDate), "-infinity", "-infinity"},
        CellCase{"Time", Plain(Kind::kTime), "12:00:00.000001", "12:00:00.000001"},
        CellCase{"TimeOfOneDigit", Plain(Kind::kTime), "12:00:00.5", "12:00:00.5"},
        CellCase{"EndOfDay", Plain(Kind::kTime), "24:00:00", "24:00:00"},
        CellCase{"TimeTzEast", Plain(Kind::kTimeTz), "01:00:00+05:30", "01:00:00+05:30"},
        CellCase{"TimeTzSeconds", Plain(Kind::kTimeTz), "24:00:00-15:59:59", "24:00:00-15:59:59"},
        CellCase{"Timestamp", Plain(Kind::kTimestamp), "2026-11-23 10:00:00.789",
                 "2026-11-23 10:00:00.789"},
        CellCase{"BeforeTheEpochs", Plain(Kind::kTimestamp), "1969-12-31 23:59:59.999999",
                 "1969-12-31 23:59:59.999999"},
        CellCase{"TimestampBc", Plain(Kind::kTimestamp), "0044-03-15 12:00:00 BC",
                 "0044-03-15 (BC) 12:00:00"},
        CellCase{"TimestampTz", Plain(Kind::kTimestampTz), "2000-01-01 00:00:00.000001+00",
                 "2000-01-01 00:00:00.000001+00"},
        CellCase{"TimestampTzElsewhere", Plain(Kind::kTimestampTz), "2026-11-23 10:00:00-03",
                 "2026-11-23 13:00:00+00"},
        CellCase{"TimestampTzBc", Plain(Kind::kTimestampTz), "0044-03-15 12:00:00+00 BC",
                 "0044-03-15 (BC) 12:00:00+00"},
        CellCase{"Infinity", Plain(Kind::kTimestamp), "infinity", "infinity"},
        CellCase{"MinusInfinity", Plain(Kind::kTimestampTz), "-infinity", "-infinity"},
        CellCase{"LatestTimestamp", Plain(Kind::kTimestamp), "294247-01-10 04:00:54.775806",
                 "294247-01-10 04:00:54.775806"},
        CellCase{"NoInterval", Plain(Kind::kInterval), "00:00:00", "00:00:00"},
        CellCase{"Interval", Plain(Kind::kInterval), "1 year 2 mons -3 days +04:05:06.789",
                 "1 year 2 months -3 days 04:05:06.789"},
        CellCase{"IntervalOfOneMonth", Plain(Kind::kInterval), "-1 mons", "-1 month"},
        CellCase{"IntervalOfHours", Plain(Kind::kInterval), "-100:00:00", "-100:00:00"},
        CellCase{"IntervalWithoutMonths", Plain(Kind::kInterval), "-1 years -1 days",
                 "-1 year -1 day"}),
    [](const auto& row) { return row.param.name; });

const LogicalType kInts = LogicalType::List(Plain(Kind::kInt32));
const LogicalType kTexts = LogicalType::List(Plain(Kind::kText));

INSTANTIATE_TEST_SUITE_P(
    Arrays, DecodeTextCellTest,
    testing::Values(
        CellCase{"Empty", kInts, "{}", "[]"},
        CellCase{"OneDimension", kInts, "{1,NULL,3}", "[1, NULL, 3]"},
        CellCase{"TwoDimensions", LogicalType::List(kInts), "{{1,2},{3,NULL}}",
                 "[[1, 2], [3, NULL]]"},
        CellCase{"ThreeDimensions", LogicalType::List(LogicalType::List(kInts)),
                 "{{{1},{2}},{{3},{4}}}", "[[[1], [2]], [[3], [4]]]"},
        CellCase{"EmptyOfTwoDimensions", LogicalType::List(kInts), "{}", "[]"},
        CellCase{"Texts", kTexts, R"({"a, b","",x})", "['a, b', '', x]"},
        CellCase{"NullThatIsText", kTexts, R"({NULL,"NULL",null})", "[NULL, 'NULL', 'null']"},
        CellCase{"Escapes", kTexts, R"({"q\"q","b\\b"})", R"(['q"q', b\b])"},
        CellCase{"LongEscape", kTexts, R"({"a text that is longer \\than 12 bytes"})",
                 R"([a text that is longer \than 12 bytes])"},
        CellCase{"QuotedTimes", LogicalType::List(Plain(Kind::kTimestamp)),
                 R"({"2026-11-23 10:00:00",NULL})", "['2026-11-23 10:00:00', NULL]"},
        CellCase{"Bytes", LogicalType::List(Plain(Kind::kBytes)), R"({"\\x00ff"})",
                 R"([\x00\xFF])"},
        CellCase{"Jsons", LogicalType::List(Plain(Kind::kJson)), R"({"{\"a\": 1}"})",
                 R"([{"a": 1}])"},
        CellCase{"Bpchars", kTexts, R"({"SP   ",abc})", "[SP, abc]", {OutputForm::kBpchar}},
        CellCase{"Boxes",
                 kTexts,
                 "{(1,1),(0,0);(2,2),(1,1)}",
                 "['(1,1),(0,0)', '(2,2),(1,1)']",
                 {OutputForm::kPlain, ';'}},
        CellCase{
            "Hosts", kTexts, "{10.0.0.1,::1/64}", "[10.0.0.1/32, '::1/64']", {OutputForm::kInet}}),
    [](const auto& row) { return row.param.name; });

// As PostgreSQL 17 sends them: DuckDB prints such an interval as what it is.
TEST(DecodeTextCellTest, InfiniteIntervalIsThatOfTheBinaryForm) {
  for (const auto& [text, binary] :
       {std::pair{std::string("infinity"), Hex("7fffffffffffffff 7fffffff 7fffffff")},
        std::pair{std::string("-infinity"), Hex("8000000000000000 80000000 80000000")}}) {
    data::TestColumn column(Plain(Kind::kInterval));
    RowArena arena;
    std::vector<char> bytes;
    ASSERT_EQ(Decode(Plain(Kind::kInterval), {}, text, column, arena, bytes), Fault::kNone);
    ASSERT_EQ(DecodeCell(Plain(Kind::kInterval), TextForm::kPlain, binary, 1,
                         column.batch().columns()[0]),
              Fault::kNone);
    const char* const parts = "datepart('months', v) || ' ' || datepart('microseconds', v)";
    const auto rows = column.Rows(2, parts);
    EXPECT_EQ(rows[0], rows[1]);
  }
}

struct FaultCase {
  std::string name;
  LogicalType type;
  std::string cell;
  Fault want = Fault::kMalformed;
  TextLayout layout = {};
};

std::ostream& operator<<(std::ostream& out, const FaultCase& row) { return out << row.name; }

class TextFaultTest : public testing::TestWithParam<FaultCase> {};

TEST_P(TextFaultTest, IsNamed) {
  data::TestColumn column(GetParam().type);
  RowArena arena;
  std::vector<char> bytes;
  EXPECT_EQ(Decode(GetParam().type, GetParam().layout, GetParam().cell, column, arena, bytes),
            GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Values, TextFaultTest,
    testing::Values(
        FaultCase{"BoolWord", Plain(Kind::kBool), "true"},
        FaultCase{
            "BoolAsTextWord", Plain(Kind::kText), "x", Fault::kMalformed, {OutputForm::kBool}},
        FaultCase{"Int16TooLarge", Plain(Kind::kInt16), "32768"},
        FaultCase{"IntegerWithBlank", Plain(Kind::kInt32), "1 "},
        FaultCase{"NegativeOid", Plain(Kind::kUint32), "-1"},
        FaultCase{"FloatTooLarge", Plain(Kind::kFloat64), "1e400"},
        FaultCase{"FloatOfFromChars", Plain(Kind::kFloat64), "nan(1)"},
        FaultCase{"InfOfFromChars", Plain(Kind::kFloat32), "-inf"},
        FaultCase{"FloatMinusAlone", Plain(Kind::kFloat32), "-"},
        FaultCase{"NaN", LogicalType::Decimal(12, 2), "NaN", Fault::kNotFinite},
        FaultCase{"DigitsLost", LogicalType::Decimal(4, 2), "0.001", Fault::kDigitsLost},
        FaultCase{"NumericOfTwoPoints", LogicalType::Decimal(4, 2), "1.2.3"},
        FaultCase{"NotUtf8", Plain(Kind::kText), "S\xe3o", Fault::kNotUtf8},
        FaultCase{"InetNotUtf8", Plain(Kind::kText), "\xff", Fault::kNotUtf8, {OutputForm::kInet}},
        FaultCase{"NoInet", Plain(Kind::kText), "", Fault::kMalformed, {OutputForm::kInet}},
        FaultCase{"LongInet",
                  Plain(Kind::kText),
                  std::string(65, '1'),
                  Fault::kMalformed,
                  {OutputForm::kInet}},
        FaultCase{"BytesNotHex", Plain(Kind::kBytes), "\\x0g"},
        FaultCase{"BytesOddDigits", Plain(Kind::kBytes), "\\x000"},
        FaultCase{"BytesEscapeForm", Plain(Kind::kBytes), "\\000abc"},
        FaultCase{"UuidShort", Plain(Kind::kUuid), "6f9619ff-8b86-d011-b42d-00c04fc964f"},
        FaultCase{"UuidDash", Plain(Kind::kUuid), "6f9619ff08b86-d011-b42d-00c04fc964ff"},
        FaultCase{"UuidDigit", Plain(Kind::kUuid), "6f9619ff-8b86-d011-b42d-00c04fc964fg"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Times, TextFaultTest,
    testing::Values(
        FaultCase{"NoDate", Plain(Kind::kDate), ""},
        FaultCase{"DateOfMonth13", Plain(Kind::kDate), "2026-13-01"},
        FaultCase{"DateOfDay0", Plain(Kind::kDate), "2026-01-00"},
        FaultCase{"NoLeapDay", Plain(Kind::kDate), "1900-02-29"},
        FaultCase{"YearZero", Plain(Kind::kDate), "0000-01-01"},
        FaultCase{"YearOfThreeDigits", Plain(Kind::kDate), "999-01-01"},
        FaultCase{"YearOfEightDigits", Plain(Kind::kDate), "99999999-01-01"},
        FaultCase{"GermanDate", Plain(Kind::kDate), "23.11.2026"},
        FaultCase{"DateTooLate", Plain(Kind::kDate), "9999999-01-01", Fault::kTimeOutOfRange},
        FaultCase{"TimePastTheDay", Plain(Kind::kTime), "24:00:00.000001"},
        FaultCase{"TimeOfSecond60", Plain(Kind::kTime), "23:59:60"},
        FaultCase{"TimeWithoutSeconds", Plain(Kind::kTime), "23:59"},
        FaultCase{"TimeOfSevenDigits", Plain(Kind::kTime), "23:59:59.1234567"},
        FaultCase{"TimePointAlone", Plain(Kind::kTime), "23:59:59."},
        FaultCase{"ZoneOf16Hours", Plain(Kind::kTimeTz), "00:00:00+16"},
        FaultCase{"ZoneMissing", Plain(Kind::kTimeTz), "00:00:00"},
        FaultCase{"TimestampTooLate", Plain(Kind::kTimestamp), "294247-01-10 04:00:54.775807",
                  Fault::kTimeOutOfRange},
        FaultCase{"TimestampOverflows", Plain(Kind::kTimestampTz), "294276-12-31 23:59:59+00",
                  Fault::kTimeOutOfRange},
        FaultCase{"TimestampFarTooLate", Plain(Kind::kTimestamp), "9999999-12-31 23:59:59",
                  Fault::kTimeOutOfRange},
        FaultCase{"TimestampFarTooEarly", Plain(Kind::kTimestamp), "9999999-12-31 23:59:59 BC",
                  Fault::kTimeOutOfRange},
        FaultCase{"TimestampWithOffset", Plain(Kind::kTimestamp), "2026-11-23 10:00:00+00"},
        FaultCase{"TimestampTzWithout", Plain(Kind::kTimestampTz), "2026-11-23 10:00:00"},
        FaultCase{"NoIntervalAtAll", Plain(Kind::kInterval), ""},
        FaultCase{"IntervalUnit", Plain(Kind::kInterval), "1 week"},
        FaultCase{"IntervalOrder", Plain(Kind::kInterval), "1 day 1 year"},
        FaultCase{"IntervalTwice", Plain(Kind::kInterval), "1 day 1 day"},
        FaultCase{"IntervalTrailingBlank", Plain(Kind::kInterval), "1 day "},
        FaultCase{"IntervalOfMonths", Plain(Kind::kInterval), "178956970 years 8 mons"},
        FaultCase{"IntervalOfDays", Plain(Kind::kInterval), "2147483648 days"},
        FaultCase{"IntervalOfTime", Plain(Kind::kInterval), "2562047788:00:54.775808"},
        FaultCase{"IntervalOfHours", Plain(Kind::kInterval), "99999999999:00:00"},
        FaultCase{"IsoInterval", Plain(Kind::kInterval), "P1D"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    HostileArrays, TextFaultTest,
    testing::Values(
        FaultCase{"NoBytes", kInts, ""}, FaultCase{"Open", kInts, "{"},
        FaultCase{"OpenElement", kInts, "{1"}, FaultCase{"OpenDelimiter", kInts, "{1,"},
        FaultCase{"OpenQuote", kTexts, "{\"a"}, FaultCase{"OpenEscape", kTexts, "{\"a\\"},
        FaultCase{"OpenInner", LogicalType::List(kInts), "{{1}"},
        FaultCase{"EmptyElement", kTexts, "{a,}"},
        FaultCase{"EmptyInner", kTexts, "{{}}", Fault::kArrayShape},
        FaultCase{"EmptyInnerAsDeclared", LogicalType::List(kTexts), "{{}}"},
        FaultCase{"BehindTheEnd", kInts, "{1}x"}, FaultCase{"BehindEmpty", kInts, "{}x"},
        FaultCase{"BehindQuote", kTexts, "{\"a\"b}"}, FaultCase{"QuoteInside", kTexts, "{a\"b\"}"},
        FaultCase{"EscapeOutside", kTexts, "{a\\b}"}, FaultCase{"BraceInside", kTexts, "{a{b}"},
        FaultCase{"NoBrace", kInts, "1,2"},
        FaultCase{"Ragged", LogicalType::List(kInts), "{{1,2},{3}}"},
        FaultCase{"ElementMalformed", kInts, "{1,x}"},
        FaultCase{"ElementNotUtf8", kTexts, "{\xff}", Fault::kNotUtf8},
        FaultCase{"EscapedElementNotUtf8", kTexts, "{\"\\\"\xff\"}", Fault::kNotUtf8},
        FaultCase{"LowerBoundZero", kInts, "[0:1]={1,2}", Fault::kArrayShape},
        FaultCase{"TooManyDimensions", kInts, "{{1}}", Fault::kArrayShape},
        FaultCase{"TooFewDimensions", LogicalType::List(kInts), "{1}", Fault::kArrayShape},
        FaultCase{"SevenDimensions",
                  LogicalType::List(LogicalType::List(LogicalType::List(
                      LogicalType::List(LogicalType::List(LogicalType::List(kInts)))))),
                  "{{{{{{{1}}}}}}}", Fault::kArrayShape}),
    [](const auto& row) { return row.param.name; });

// Of a value cut short, or with a byte more, nothing may be read past its end; what is left of it
// may be a value of its own.
TEST(DecodeTextCellTest, ReadsNothingOutsideTheCell) {
  const std::vector<std::pair<LogicalType, std::string>> cells = {
      {Plain(Kind::kInt64), "-9223372036854775808"},
      {Plain(Kind::kFloat64), "-1.7976931348623157e+308"},
      {Plain(Kind::kFloat64), "-Infinity"},
      {LogicalType::Decimal(38, 10), "-12345678901234567890.0123456789"},
      {Plain(Kind::kBytes), "\\x00ff41"},
      {Plain(Kind::kUuid), "6f9619ff-8b86-d011-b42d-00c04fc964ff"},
      {Plain(Kind::kDate), "0044-03-15 BC"},
      {Plain(Kind::kTimeTz), "12:34:56.789012+05:30:15"},
      {Plain(Kind::kTimestampTz), "0044-03-15 12:34:56.789012+00 BC"},
      {Plain(Kind::kInterval), "-1 years -2 mons +3 days -04:05:06.789"},
      {kTexts, R"({"a \"b\" \\c",NULL,""})"},
      {LogicalType::List(kInts), "{{1,2},{3,NULL}}"}};
  for (const auto& [type, cell] : cells) {
    for (std::size_t size = 0; size <= cell.size(); ++size) {
      data::TestColumn column(type);
      RowArena arena;
      std::vector<char> bytes;
      const Fault fault = Decode(type, {}, cell.substr(0, size), column, arena, bytes);
      EXPECT_TRUE(size < cell.size() || fault == Fault::kNone) << cell;
      EXPECT_NE(Decode(type, {}, cell.substr(0, size) + "\x01", column, arena, bytes), Fault::kNone)
          << cell << " " << size;
    }
  }
}

}  // namespace
}  // namespace afluente::postgres

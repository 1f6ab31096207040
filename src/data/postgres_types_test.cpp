#include "data/postgres_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace afluente::data {
namespace {

constexpr std::uint32_t kNumeric = 1700;
constexpr std::uint32_t kInteger = 23;
constexpr std::uint32_t kInet = 869;
constexpr std::uint32_t kMadeByUser = 16'501;

// Source: PostgreSQL src/backend/utils/adt/numeric.c, make_numeric_typmod.
constexpr std::int32_t NumericTypmod(int precision, int scale) {
  return ((precision << 16) | (scale & 0x7ff)) + 4;
}

PostgresColumnType Scalar(std::uint32_t oid, std::int32_t typmod = -1) {
  PostgresColumnType column;
  column.oid = oid;
  column.typmod = typmod;
  return column;
}

PostgresColumnType Array(std::uint32_t element, int dimensions, std::int32_t typmod = -1) {
  PostgresColumnType column;
  column.oid = kMadeByUser;
  column.element_oid = element;
  column.element_typmod = typmod;
  column.dimensions = dimensions;
  return column;
}

PostgresColumnType Enum(PostgresColumnType column) {
  column.is_enum = true;
  return column;
}

struct MapCase {
  std::string name;
  PostgresColumnType column;
  std::string want;  // DuckDB's name.
  bool cast_to_text = false;
};

std::ostream& operator<<(std::ostream& out, const MapCase& row) { return out << row.want; }

class MapPostgresTypeTest : public testing::TestWithParam<MapCase> {};

TEST_P(MapPostgresTypeTest, Maps) {
  const PostgresMapping mapping = MapPostgresType(GetParam().column);
  EXPECT_EQ(mapping.type.DuckdbName(), GetParam().want);
  EXPECT_EQ(mapping.cast_to_text, GetParam().cast_to_text);
}

INSTANTIATE_TEST_SUITE_P(
    Numeric, MapPostgresTypeTest,
    testing::Values(
        MapCase{"Usual", Scalar(kNumeric, NumericTypmod(12, 4)), "DECIMAL(12,4)"},
        MapCase{"OneDigit", Scalar(kNumeric, NumericTypmod(1, 0)), "DECIMAL(1,0)"},
        MapCase{"Widest", Scalar(kNumeric, NumericTypmod(38, 38)), "DECIMAL(38,38)"},
        MapCase{"TooWide", Scalar(kNumeric, NumericTypmod(39, 0)), "VARCHAR", true},
        MapCase{"Precision1000", Scalar(kNumeric, NumericTypmod(1000, 2)), "VARCHAR", true},
        MapCase{"NoPrecision", Scalar(kNumeric), "VARCHAR", true},
        MapCase{"NegativeScale", Scalar(kNumeric, NumericTypmod(3, -2)), "DECIMAL(5,0)"},
        MapCase{"NegativeScaleTo38", Scalar(kNumeric, NumericTypmod(2, -36)), "DECIMAL(38,0)"},
        MapCase{"NegativeScalePast38", Scalar(kNumeric, NumericTypmod(38, -1)), "VARCHAR", true},
        MapCase{"ScaleOverPrecision", Scalar(kNumeric, NumericTypmod(2, 5)), "DECIMAL(5,5)"},
        MapCase{"ScaleOverPrecisionTo38", Scalar(kNumeric, NumericTypmod(2, 38)), "DECIMAL(38,38)"},
        MapCase{"ScaleOverPrecisionPast38", Scalar(kNumeric, NumericTypmod(2, 39)), "VARCHAR",
                true},
        MapCase{"SmallestScale", Scalar(kNumeric, NumericTypmod(5, -1000)), "VARCHAR", true},
        MapCase{"LargestScale", Scalar(kNumeric, NumericTypmod(5, 1000)), "VARCHAR", true}),
    [](const auto& row) { return row.param.name; });

// A domain arrives here as its base type and the domain's typmod.
INSTANTIATE_TEST_SUITE_P(
    Others, MapPostgresTypeTest,
    testing::Values(
        MapCase{"Varchar20", Scalar(1043, 24), "VARCHAR"},
        MapCase{"Bpchar", Scalar(1042, 7), "VARCHAR"}, MapCase{"Jsonb", Scalar(3802), "JSON"},
        MapCase{"TimestampTz3", Scalar(1184, 3), "TIMESTAMP WITH TIME ZONE"},
        MapCase{"Inet", Scalar(kInet), "VARCHAR", true},
        MapCase{"MadeByUser", Scalar(kMadeByUser), "VARCHAR", true},
        MapCase{"Enum", Enum(Scalar(kMadeByUser)), "VARCHAR"},
        MapCase{"Array", Array(kInteger, 1), "INTEGER[]"},
        MapCase{"ArrayOfUnknownDimensions", Array(kInteger, 0), "INTEGER[]"},
        MapCase{"ThreeDimensions", Array(kInteger, 3), "INTEGER[][][]"},
        MapCase{"ArrayOfNumeric", Array(kNumeric, 2, NumericTypmod(10, 2)), "DECIMAL(10,2)[][]"},
        MapCase{"ArrayOfNumericWithoutPrecision", Array(kNumeric, 1), "VARCHAR[]", true},
        MapCase{"ArrayOfInet", Array(kInet, 1), "VARCHAR[]", true},
        MapCase{"ArrayOfEnum", Enum(Array(kMadeByUser, 1)), "VARCHAR[]"}),
    [](const auto& row) { return row.param.name; });

struct RequestCase {
  std::string name;
  PostgresColumnType column;
  std::string requested;
  std::string want;  // DuckDB's name; "": left to a cast inside DuckDB.
  bool cast_to_text = false;
};

std::ostream& operator<<(std::ostream& out, const RequestCase& row) { return out << row.requested; }

class MapRequestedTypeTest : public testing::TestWithParam<RequestCase> {};

TEST_P(MapRequestedTypeTest, Maps) {
  const auto mapping = MapRequestedType(GetParam().column, GetParam().requested);
  ASSERT_EQ(mapping.has_value(), !GetParam().want.empty());
  if (!mapping) return;
  EXPECT_EQ(mapping->type.DuckdbName(), GetParam().want);
  EXPECT_EQ(mapping->cast_to_text, GetParam().cast_to_text);
}

INSTANTIATE_TEST_SUITE_P(
    Requests, MapRequestedTypeTest,
    testing::Values(RequestCase{"Text", Scalar(kNumeric), "text", "VARCHAR", true},
                    RequestCase{"Varchar", Scalar(kInteger), "VARCHAR", "VARCHAR", true},
                    RequestCase{"ArrayAsText", Array(kInteger, 1), "text", "VARCHAR", true},
                    RequestCase{"Decimal", Scalar(kNumeric), "decimal(20, 4)", "DECIMAL(20,4)"},
                    RequestCase{"Numeric", Scalar(kNumeric), "NUMERIC(38,0)", "DECIMAL(38,0)"},
                    RequestCase{"NoScale", Scalar(kNumeric), "decimal(9)", "DECIMAL(9,0)"},
                    RequestCase{"DecimalOfAnInteger", Scalar(kInteger), "decimal(9,2)", ""},
                    RequestCase{"ArrayOfDecimals", Scalar(kNumeric), "decimal(9,2)[]", ""},
                    RequestCase{"TooWide", Scalar(kNumeric), "decimal(39,0)", ""},
                    RequestCase{"ZeroWide", Scalar(kNumeric), "decimal(0,0)", ""},
                    RequestCase{"ScaleOverPrecision", Scalar(kNumeric), "decimal(4,5)", ""},
                    RequestCase{"NotClosed", Scalar(kNumeric), "decimal(4,2", ""},
                    RequestCase{"Empty", Scalar(kNumeric), "decimal()", ""},
                    RequestCase{"HugeNumber", Scalar(kNumeric), "decimal(99999999999,0)", ""},
                    RequestCase{"OtherType", Scalar(kInteger), "BIGINT", ""}),
    [](const auto& row) { return row.param.name; });

TEST(NaturalPostgresTypesTest, EveryOidStandsOnce) {
  std::set<std::uint32_t> oids;
  for (const PostgresType& row : NaturalPostgresTypes()) {
    EXPECT_TRUE(oids.insert(row.oid).second) << row.name;
    EXPECT_TRUE(oids.insert(row.array_oid).second) << row.name;
  }
}

TEST(TypesPageTest, HasARowForEveryType) {
  const std::string page = TypesPage();
  for (const PostgresType& row : NaturalPostgresTypes()) {
    EXPECT_THAT(page, testing::HasSubstr("| " + std::string(row.name) + " | "));
  }
}

}  // namespace
}  // namespace afluente::data

#include "connectors/postgres/cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace afluente::postgres {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<CatalogColumn> Messages() {
  CatalogColumn id;
  id.name = "id";
  id.type_name = "bigint";
  id.nullable = false;
  CatalogColumn modified;
  modified.name = "modified_on";
  modified.type_name = "timestamp with time zone";
  return {id, modified};
}

estate::Integration Integration(std::vector<std::string> cursor,
                                std::chrono::milliseconds lookback = {}) {
  estate::Integration integration;
  integration.cursor = std::move(cursor);
  integration.lookback = lookback;
  integration.mark = {"integrations/messages.yaml", 1, 14};
  return integration;
}

Cursor MakeCursor(std::vector<std::string> columns, std::chrono::milliseconds lookback = {}) {
  return Cursor::Make(Integration(std::move(columns), lookback), Messages()).value();
}

TEST(CursorTest, APositionComesBackAsItWas) {
  const Cursor cursor = MakeCursor({"modified_on", "id"});
  const CursorValues values = {"2026-11-23 10:00:00.000001+00", R"(7"'\)"};
  const auto parsed = cursor.Parse(cursor.ToPosition(values));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed.value(), values);
}

TEST(CursorTest, APositionBeforeAnyRowHasNoValues) {
  const Cursor cursor = MakeCursor({"id"});
  const auto parsed = cursor.Parse(cursor.ToPosition(std::nullopt));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed.value(), std::nullopt);
}

struct DamagedCase {
  std::string name;
  data::Position position;
  std::string want;  // In the message.
};

std::ostream& operator<<(std::ostream& out, const DamagedCase& row) {
  return out << row.position.value;
}

class DamagedPositionTest : public testing::TestWithParam<DamagedCase> {};

TEST_P(DamagedPositionTest, IsRefusedWithTheCure) {
  const auto failed = MakeCursor({"id"}).Parse(GetParam().position);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kInternal);
  EXPECT_THAT(failed.error().message(), HasSubstr(GetParam().want));
  EXPECT_THAT(failed.error().message(), HasSubstr("--full-refresh"));
}

INSTANTIATE_TEST_SUITE_P(
    Positions, DamagedPositionTest,
    testing::Values(
        DamagedCase{"OtherKind", {"snapshot", "{}"}, "of kind \"snapshot\""},
        DamagedCase{"Empty", {"cursor", ""}, "damaged"},
        DamagedCase{"NotJson", {"cursor", R"({"columns":["id"],"val)"}, "damaged"},
        DamagedCase{"NotAnObject", {"cursor", R"(["id"])"}, "damaged"},
        DamagedCase{"NoValues", {"cursor", R"({"columns":["id"]})"}, "damaged"},
        DamagedCase{"OtherColumns",
                    {"cursor", R"({"columns":["modified_on"],"values":["1"]})"},
                    R"(the cursor ["modified_on"], not ["id"])"},
        DamagedCase{
            "ColumnsAreNoList", {"cursor", R"({"columns":"id","values":["1"]})"}, "the cursor"},
        DamagedCase{
            "TooManyValues", {"cursor", R"({"columns":["id"],"values":["1","2"]})"}, "damaged"},
        DamagedCase{"NoText", {"cursor", R"({"columns":["id"],"values":[1]})"}, "damaged"},
        DamagedCase{
            "ValuesAreNoList", {"cursor", R"({"columns":["id"],"values":"1"})"}, "damaged"}),
    [](const auto& row) { return row.param.name; });

TEST(CursorTest, ConditionsCompareAllColumnsTogether) {
  const Cursor cursor = MakeCursor({"modified_on", "id"});
  EXPECT_EQ(cursor.After({"2026-01-01", "5"}),
            R"(("modified_on", "id") > ('2026-01-01'::timestamp with time zone, '5'::bigint))");
  EXPECT_EQ(cursor.Between({"2026-01-01", "5"}, {"2026-02-01", "6"}),
            cursor.After({"2026-01-01", "5"}) +
                R"( AND ("modified_on", "id") <= ('2026-02-01'::timestamp with time zone, )" +
                "'6'::bigint)");
}

TEST(CursorTest, ValuesCannotLeaveTheirQuotes) {
  EXPECT_THAT(MakeCursor({"id"}).After({"1' OR 'a'='a"}), HasSubstr("'1'' OR ''a''=''a'"));
}

TEST(CursorTest, LookbackReachesBehindTheFirstColumnOnly) {
  const Cursor cursor = MakeCursor({"modified_on", "id"}, std::chrono::minutes(10));
  EXPECT_TRUE(cursor.has_lookback());
  EXPECT_THAT(cursor.Between({"2026-01-01", "5"}, {"2026-02-01", "6"}),
              testing::StartsWith(R"("modified_on" > '2026-01-01'::timestamp with time zone - )"
                                  "interval '600000 milliseconds' AND (\"modified_on\", "));
}

TEST(CursorTest, SaysWhichColumnsMayBeNull) {
  EXPECT_THAT(MakeCursor({"modified_on", "id"}).NullableColumns(), ElementsAre("modified_on"));
}

TEST(CursorTest, NamesAColumnThatIsNotThere) {
  const auto failed = Cursor::Make(Integration({"modified"}), Messages());
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kNotFound);
  EXPECT_THAT(failed.error().message(),
              HasSubstr("messages.yaml:1:14: cursor column \"modified\""));
}

TEST(CursorTest, LookbackNeedsATime) {
  const auto failed = Cursor::Make(Integration({"id"}, std::chrono::minutes(1)), Messages());
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kInvalidConfig);
  EXPECT_THAT(failed.error().message(), HasSubstr("\"id\" is bigint"));
}

}  // namespace
}  // namespace afluente::postgres

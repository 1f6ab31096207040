#include "cli/table.h"

#include <gtest/gtest.h>

namespace afluente::cli {
namespace {

struct WidthCase {
  std::string name;
  std::string text;
  std::size_t want;
};

std::ostream& operator<<(std::ostream& out, const WidthCase& row) { return out << row.text; }

class DisplayWidthTest : public testing::TestWithParam<WidthCase> {};

TEST_P(DisplayWidthTest, CountsTerminalCells) {
  EXPECT_EQ(DisplayWidth(GetParam().text), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, DisplayWidthTest,
    testing::Values(WidthCase{"Empty", "", 0}, WidthCase{"Ascii", "contacts", 8},
                    WidthCase{"Accents", "São João", 8},
                    WidthCase{"CombiningAccent", "Sa\xcc\x83o", 3}, WidthCase{"Emoji", "📱", 2},
                    WidthCase{"CheckMark", "✅", 2}, WidthCase{"Star", "⭐", 2},
                    WidthCase{"TextSymbol", "✓", 1}, WidthCase{"Flag", "🇧🇷", 2},
                    WidthCase{"Chinese", "数据", 4}, WidthCase{"RareChinese", "𠀀", 2},
                    WidthCase{"HalfWidth", "ｱ", 1}, WidthCase{"Korean", "한", 2},
                    WidthCase{"Arrow", "→", 1}, WidthCase{"VariationSelector", "❤\xef\xb8\x8f", 1}),
    [](const auto& row) { return row.param.name; });

// Cut and invalid bytes must neither crash nor read past the end.
TEST(DisplayWidthBytesTest, AnyBytesHaveAWidth) {
  for (int lead = 0; lead < 256; ++lead) {
    const std::string text(1, static_cast<char>(lead));
    EXPECT_LE(DisplayWidth(text), 2U);
  }
}

TEST(TableTest, AlignsByWhatATerminalShows) {
  Table table({{"name"}, {"rows", Align::kRight}});
  table.Add({"São", "7"});
  table.Add({"📱 app", "1,000"});
  EXPECT_EQ(table.ToString(),
            "name     rows\n"
            "──────  ─────\n"
            "São         7\n"
            "📱 app  1,000\n");
}

TEST(TableTest, HasAHeaderWithoutRows) {
  const Table table({{"id"}, {"name"}});
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.ToString(), "id  name\n──  ────\n");
}

TEST(TableTest, LongCellsEndInAnEllipsis) {
  Table table({{"text"}});
  table.Add({std::string(100, 'x')});
  table.Add({"ção ção ção"});
  table.Add({"📱📱📱📱📱📱"});
  table.Add({"exactly 10"});
  EXPECT_EQ(table.ToString(10),
            "text\n──────────\nxxxxxxxxx…\nção ção ç…\n📱📱📱📱…\nexactly 10\n");
}

TEST(TableTest, ACellCannotMoveTheCursor) {
  Table table({{"text"}});
  table.Add({"a\nb\tc\x1b[2Jd\x7f!\xc2\x9b!"});
  EXPECT_EQ(table.ToString(), "text\n──────────────\na b c [2Jd ! !\n");
}

TEST(TableTest, AHeadingCannotMoveTheCursorEither) {
  Table table({{"a\x1b[2J\nb"}});
  EXPECT_EQ(table.ToString(), "a [2J b\n───────\n");
}

}  // namespace
}  // namespace afluente::cli

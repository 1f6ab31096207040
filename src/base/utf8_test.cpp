#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace afluente {
namespace {

struct Utf8Case {
  std::string name;
  std::string bytes;
  bool want;
};

std::ostream& operator<<(std::ostream& out, const Utf8Case& row) { return out << row.name; }

class Utf8Test : public testing::TestWithParam<Utf8Case> {};

TEST_P(Utf8Test, Alone) {
  EXPECT_EQ(IsUtf8(GetParam().bytes.data(), GetParam().bytes.size()), GetParam().want);
}

// ASCII is checked 16 bytes at a time: the odd bytes must be found wherever they stand.
TEST_P(Utf8Test, AtEveryOffsetInAscii) {
  for (std::size_t before = 0; before < 40; ++before) {
    for (const std::size_t after : {0, 1, 15, 16, 17}) {
      const std::string text =
          std::string(before, 'a') + GetParam().bytes + std::string(after, 'z');
      EXPECT_EQ(IsUtf8(text.data(), text.size()), GetParam().want) << before << " " << after;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(WellFormed, Utf8Test,
                         testing::Values(Utf8Case{"Empty", "", true},
                                         Utf8Case{"Ascii", "contact", true},
                                         Utf8Case{"Nul", std::string(1, '\0'), true},
                                         Utf8Case{"Accents", "São João, açaí", true},
                                         Utf8Case{"FirstTwoBytes", "\xc2\x80", true},
                                         Utf8Case{"LastTwoBytes", "\xdf\xbf", true},
                                         Utf8Case{"FirstThreeBytes", "\xe0\xa0\x80", true},
                                         Utf8Case{"BeforeSurrogates", "\xed\x9f\xbf", true},
                                         Utf8Case{"AfterSurrogates", "\xee\x80\x80", true},
                                         Utf8Case{"Emoji", "📱👩‍👧", true},
                                         Utf8Case{"FirstFourBytes", "\xf0\x90\x80\x80", true},
                                         Utf8Case{"LastCodePoint", "\xf4\x8f\xbf\xbf", true}),
                         [](const auto& row) { return row.param.name; });

// Source: Unicode 15, table 3-7, and section 3.9's examples.
INSTANTIATE_TEST_SUITE_P(
    IllFormed, Utf8Test,
    testing::Values(
        Utf8Case{"Latin1", "S\xe3o", false}, Utf8Case{"LoneContinuation", "\x80", false},
        Utf8Case{"OverlongSlash", "\xc0\xaf", false}, Utf8Case{"OverlongC1", "\xc1\xbf", false},
        Utf8Case{"OverlongThree", "\xe0\x9f\xbf", false},
        Utf8Case{"OverlongFour", "\xf0\x8f\xbf\xbf", false},
        Utf8Case{"FirstSurrogate", "\xed\xa0\x80", false},
        Utf8Case{"LastSurrogate", "\xed\xbf\xbf", false},
        Utf8Case{"PastTheLast", "\xf4\x90\x80\x80", false},
        Utf8Case{"NoSuchLead", "\xf5\x80\x80\x80", false}, Utf8Case{"Ff", "\xff", false},
        Utf8Case{"CutAfterOne", "\xc3", false}, Utf8Case{"CutAfterTwo", "\xe2\x82", false},
        Utf8Case{"CutAfterThree", "\xf0\x9f\x93", false}, Utf8Case{"BadSecond", "\xc3(", false},
        Utf8Case{"BadThird", "\xe2\x82(", false}, Utf8Case{"BadFourth", "\xf0\x9f\x93(", false}),
    [](const auto& row) { return row.param.name; });

TEST(Utf8SizeTest, ReadsNothingPastTheEnd) {
  // The lead byte promises more than `size` allows; the byte behind would fit.
  const std::string text = "\xc3\xa9";
  EXPECT_FALSE(IsUtf8(text.data(), 1));
}

}  // namespace
}  // namespace afluente

#include "base/names.h"

#include <gtest/gtest.h>

#include <vector>

namespace afluente {
namespace {

struct NearestCase {
  std::string name;
  std::string typed;
  std::vector<std::string> candidates;
  std::string want;
};

std::ostream& operator<<(std::ostream& out, const NearestCase& row) { return out << row.typed; }

class NearestNameTest : public testing::TestWithParam<NearestCase> {};

TEST_P(NearestNameTest, Finds) {
  EXPECT_EQ(NearestName(GetParam().typed, GetParam().candidates), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(
    Names, NearestNameTest,
    testing::Values(NearestCase{"OneLetterMissing", "urn", {"id", "urns", "name"}, "urns"},
                    NearestCase{"OneLetterWrong", "contatcs", {"contacts", "orders"}, "contacts"},
                    NearestCase{"CaseDoesNotCount", "NAME", {"id", "name"}, "name"},
                    NearestCase{"NearestOfTwo", "order", {"border_x", "orders"}, "orders"},
                    NearestCase{"FirstOfEquals", "a1", {"a2", "a3"}, "a2"},
                    NearestCase{"ShortNameMayDifferByOne", "ib", {"id"}, "id"},
                    NearestCase{"TooFar", "phone", {"urns", "name"}, ""},
                    NearestCase{"NoCandidates", "urn", {}, ""},
                    NearestCase{"EmptyName", "", {"contacts"}, ""},
                    NearestCase{"NotAscii", "preco", {"preço"}, ""},
                    NearestCase{"LongNotAscii", "situacao", {"situação"}, ""}),
    [](const auto& row) { return row.param.name; });

TEST(DidYouMeanTest, AsksOnlyWhenSomethingIsNear) {
  const std::vector<std::string> candidates = {"urns", "id"};
  EXPECT_EQ(DidYouMean("urn", candidates), R"( (did you mean "urns"?))");
  EXPECT_EQ(DidYouMean("telephone", candidates), "");
}

TEST(QuoteTest, DoublesQuotes) {
  EXPECT_EQ(QuoteIdentifier("id"), R"("id")");
  EXPECT_EQ(QuoteIdentifier(R"(a"b)"), R"("a""b")");
  EXPECT_EQ(QuoteIdentifier(""), R"("")");
  EXPECT_EQ(QuoteLiteral("it's"), "'it''s'");
  EXPECT_EQ(QuoteLiteral(R"(back\slash "x")"), R"('back\slash "x"')");
  EXPECT_EQ(QuoteLiteral("'; DROP TABLE x; --"), "'''; DROP TABLE x; --'");
}

}  // namespace
}  // namespace afluente

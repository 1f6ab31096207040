#include "estate/test_rule_case.h"

namespace afluente::estate {
namespace {

class ShadowRuleTest : public testing::TestWithParam<RuleCase> {};

TEST_P(ShadowRuleTest, FindsExactlyThis) { ExpectExactly(GetParam()); }

INSTANTIATE_TEST_SUITE_P(
    Shadow, ShadowRuleTest,
    testing::Values(
        RuleCase{"WithDefaults", {{"shadow", "{ days: 7 }"}}, ""},
        RuleCase{"WithATableOfAConnection",
                 {{"shadow", "{ compare_with: \"rapidpro:public.old\" }"}},
                 ""},
        RuleCase{"IntoTheLake",
                 {{"destination", "{ lake: coltrane/raw/t }"}, {"shadow", "{ days: 7 }"}},
                 "shadow is for a destination in the warehouse"},
        RuleCase{"NoDays", {{"shadow", "{ days: 0 }"}}, "shadow.days: expected 1 to 366, not 0"},
        RuleCase{"ComparedWithHalfAName",
                 {{"shadow", "{ compare_with: old }"}},
                 "expected project.dataset.table or connection:schema.table"},
        RuleCase{"ComparedThroughAnUnknownConnection",
                 {{"shadow", "{ compare_with: \"rapidpo:public.old\" }"}},
                 "no connection \"rapidpo\" is declared"}),
    [](const auto& row) { return row.param.name; });

TEST(ShadowRules, OneInShadowWritesBesideTheOneThatFillsItsTable) {
  TestEstate files;
  files.Write("integrations/a.yaml", IntegrationText({{"integration", "a"}}));
  files.Write("integrations/b.yaml",
              IntegrationText({{"integration", "b"}, {"shadow", "{ days: 7 }"}}));
  EXPECT_THAT(files.Findings(), testing::IsEmpty());
  files.Write("integrations/c.yaml",
              IntegrationText({{"integration", "c"}, {"shadow", "{ days: 7 }"}}));
  EXPECT_THAT(files.Findings(),
              testing::ElementsAre(testing::HasSubstr(
                  "coltrane.d.t__shadow is already written by integration \"b\"")));
}

TEST(ShadowRules, ATemplateGivesShadowsToo) {
  TestEstate files;
  files.Write("templates/copied.yaml",
              "template: copied\n"
              "parameters: { table: { type: text } }\n"
              "integration:\n"
              "  integration: \"{{ with.table }}\"\n"
              "  source: { connection: rapidpro, table: \"public.{{ with.table }}\" }\n"
              "  destination: { table: \"coltrane.d.{{ with.table }}\", key: [id] }\n"
              "  mode: snapshot\n"
              "  shadow: { days: 3 }\n");
  files.Write("integrations/t.yaml", "{ use: copied, with: { table: t } }\n");
  EXPECT_THAT(files.Findings(), testing::IsEmpty());
  const auto loaded = Load(files.folder(), "");
  ASSERT_TRUE(loaded.ok());
  const auto& shadow = loaded.value().estate.integrations.at("t").shadow;
  ASSERT_TRUE(shadow);
  EXPECT_EQ(shadow->shadow.ToString(), "coltrane.d.t__shadow");
  EXPECT_EQ(shadow->days, 3);
}

}  // namespace
}  // namespace afluente::estate

#include "estate/template_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace afluente::estate {
namespace {

using Kind = TemplateValue::Kind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const TemplateValues kValues = {{"env", {Kind::kText, "it's"}},
                                {"interval.start", {Kind::kTimestamp, "2026-01-01T00:00:00+00:00"}},
                                {"params.n", {Kind::kNumber, "42"}}};

struct RenderCase {
  std::string name;
  std::string text;
  std::string sql;    // Rendered as SQL; "!" and a part of the error.
  std::string plain;  // Rendered as it is.
};

std::ostream& operator<<(std::ostream& out, const RenderCase& row) { return out << row.text; }

class RenderTest : public testing::TestWithParam<RenderCase> {
 protected:
  static void Expect(Quoting quoting, const std::string& want) {
    const auto rendered = Render(GetParam().text, kValues, quoting);
    if (want.starts_with('!')) {
      ASSERT_FALSE(rendered.ok()) << rendered.value();
      EXPECT_EQ(rendered.error().kind(), ErrorKind::kInvalidConfig);
      EXPECT_THAT(rendered.error().message(), HasSubstr(want.substr(1)));
    } else {
      ASSERT_TRUE(rendered.ok()) << rendered.error().message();
      EXPECT_EQ(rendered.value(), want);
    }
  }
};

TEST_P(RenderTest, Sql) { Expect(Quoting::kSql, GetParam().sql); }
TEST_P(RenderTest, Plain) { Expect(Quoting::kPlain, GetParam().plain); }

INSTANTIATE_TEST_SUITE_P(
    Texts, RenderTest,
    testing::Values(
        RenderCase{"Nothing", "", "", ""},
        RenderCase{"NoTemplate", "a { b } c", "a { b } c", "a { b } c"},
        RenderCase{"Text", "x = {{ env }}", "x = 'it''s'", "x = it's"},
        RenderCase{"NoBlanks", "{{env}}", "'it''s'", "it's"},
        RenderCase{"Number", "LIMIT {{ params.n }}", "LIMIT 42", "LIMIT 42"},
        RenderCase{"Timestamp", "at >= {{ interval.start }}",
                   "at >= CAST('2026-01-01T00:00:00+00:00' AS TIMESTAMPTZ)",
                   "at >= 2026-01-01T00:00:00+00:00"},
        RenderCase{"Ref", "FROM {{ ref('my-p.d.t') }} AS x", "FROM \"my-p\".\"d\".\"t\" AS x",
                   "FROM my-p.d.t AS x"},
        RenderCase{"RefInDoubleQuotes", "{{ref( \"p.d.t\" )}}", "\"p\".\"d\".\"t\"", "p.d.t"},
        RenderCase{"Twice", "{{ params.n }}{{ params.n }}", "4242", "4242"},
        RenderCase{"RefOfTwoParts", "FROM {{ ref('d.t') }}", "!line 1, column 6: ref: ", "!ref: "},
        RenderCase{"NoSuchName", "a\n  {{ interval.strat }}",
                   "!line 2, column 3: nothing here has the name \"interval.strat\"",
                   "!did you mean \"interval.start\"?"},
        RenderCase{"NotClosed", "{{ env", "!not closed", "!not closed"},
        RenderCase{"Empty", "{{ }}", "!is no template", "!is no template"},
        RenderCase{"Expression", "{{ params.n + 1 }}", "!is no template", "!is no template"},
        RenderCase{"Jinja", "{{ config(materialized='table') }}", "!is no template",
                   "!is no template"}),
    [](const auto& row) { return row.param.name; });

TEST(RenderSqlTest, LeavesLiteralsAndCommentsAlone) {
  const std::string sql =
      "SELECT '{{', '{{\"a\": {\"b\": 1}}}', $$ {{ x + y }} $$ -- {{ env }}\n/* {{ nobody }} */";
  EXPECT_EQ(Render(sql, kValues, Quoting::kSql).value(), sql);
}

TEST(RenderSqlTest, RefusesQuotesAroundATemplate) {
  for (const std::string sql : {"SELECT '{{ interval.start }}'", "SELECT * FROM `{{ env }}`",
                                "SELECT \"{{ ref('a.b.c') }}\""}) {
    const auto rendered = Render(sql, kValues, Quoting::kSql);
    ASSERT_FALSE(rendered.ok()) << sql;
    EXPECT_THAT(rendered.error().message(), HasSubstr("remove the quotes"));
  }
}

TEST(ReferencesTest, NamesThemInOrder) {
  const auto found =
      References("{{ ref('a.b.c') }} {{ env }} '{{ ref' -- {{ ref('c.o.m') }}", Quoting::kSql);
  EXPECT_THAT(found.problems, IsEmpty());
  ASSERT_EQ(found.parts.size(), 2U);
  EXPECT_EQ(found.parts[0].ref->ToString(), "a.b.c");
  EXPECT_EQ(found.parts[1].name, "env");
  EXPECT_EQ(found.parts[1].offset, 19U);
}

TEST(ReferencesTest, FindsEveryProblem) {
  std::vector<std::size_t> places;
  for (const auto& problem : References("{{ }} {{ 1 }} {{ x }}", Quoting::kPlain).problems) {
    places.push_back(problem.offset);
  }
  EXPECT_THAT(places, ElementsAre(0U, 6U));
}

}  // namespace
}  // namespace afluente::estate

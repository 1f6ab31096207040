// Input that is broken, or made to hurt: always a finding with a place, soon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/clock.h"
#include "estate/test_estate.h"
#include "estate/yaml.h"

namespace afluente::estate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using namespace std::chrono_literals;

struct HostileCase {
  std::string name;
  std::string text;
  std::string want;  // How the only finding starts.
};

std::ostream& operator<<(std::ostream& out, const HostileCase& row) { return out << row.name; }

std::string Repeat(const std::string& text, std::size_t times) {
  std::string repeated;
  for (std::size_t i = 0; i < times; ++i) repeated += text;
  return repeated;
}

class HostileTest : public testing::TestWithParam<HostileCase> {};

TEST_P(HostileTest, IsAFindingInBothPlacesSoon) {
  const auto start = SystemClock().Monotonic();
  TestEstate files;
  files.Write("integrations/x.yaml", GetParam().text);
  EXPECT_THAT(files.Findings(), ElementsAre(StartsWith("integrations/x.yaml" + GetParam().want)));
  std::filesystem::remove(files.folder() / "integrations/x.yaml");
  files.Write("estate.yaml", GetParam().text);
  EXPECT_THAT(files.Findings(), testing::Each(StartsWith("estate.yaml")));
  EXPECT_THAT(files.Findings(), testing::Not(IsEmpty()));
  EXPECT_LT(SystemClock().Monotonic() - start, 20s);  // Generous: sanitizers are slow.
}

INSTANTIATE_TEST_SUITE_P(
    Bytes, HostileTest,
    testing::Values(
        HostileCase{"Empty", "", ": the file is empty"},
        HostileCase{"OnlyComments", "# a\n# b\n", ": the file is empty"},
        HostileCase{"OnlyMark", "\xEF\xBB\xBF", ": the file is empty"},
        HostileCase{"Nul", std::string("a: \0b", 5), ":1:4: a NUL byte"},
        HostileCase{"Utf16", std::string("a\0:\0", 4), ":1:2: a NUL byte"},
        HostileCase{"EndOfTransmission", "a: b\nc: \x04 d", ":2:4: a control character (0x04)"},
        HostileCase{"Latin1", "# S\xE3o\na: b", ":1:4: the byte 0xe3 is not UTF-8"},
        HostileCase{"Overlong", "a: \xC0\xAF", ":1:4: the byte 0xc0 is not UTF-8"},
        HostileCase{"Surrogate", "a: \xED\xA0\x80", ":1:4: the byte 0xed is not UTF-8"},
        HostileCase{"Cut", "a: \xF0\x9F\x92", ":1:4: the byte 0xf0 is not UTF-8"},
        HostileCase{"MarkBeforeMistake", "\xEF\xBB\xBF\x01", ":1:1: a control character (0x01)"},
        HostileCase{"LongLine", "a: " + std::string(70'000, 'x'), ":1:1: the line is longer"},
        HostileCase{"MegabyteLine", std::string((1U << 20U) - 10, 'x'), ":1:1: the line is longer"},
        HostileCase{"LargeFile", Repeat("a: b\n", 300'000), ": the file is larger than 1 MiB"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Yaml, HostileTest,
    testing::Values(
        HostileCase{"TwoDocuments", "integration: a\n---\nintegration: b\n",
                    ":2:1: a second document starts here"},
        HostileCase{"Tab", "a:\n\tb: c\n", ":2:3: YAML: a tab in the indentation: use spaces"},
        HostileCase{"OpenQuote", "a: \"b\n",
                    ":1:4: the quoted text that starts here is not closed"},
        HostileCase{"OpenSingleQuote", "a: b\nc: 'it''s\nd: e\n", ":2:4: the quoted text that"},
        HostileCase{"EscapedQuote", "a: \"b\\\"\n", ":1:4: the quoted text that"},
        HostileCase{"OpenBrace", "a: { b: c\n", ":2:1: YAML: a { is not closed"},
        HostileCase{"BareReference", "a: { b: ${env:X}, c: d }\n", ":1:"},
        HostileCase{"BareStar", "a: * * * * *\n",
                    ":1:5: YAML: a text that starts with * (a cron?)"},
        HostileCase{"UnknownAlias", "a: *b\n", ":1:4: YAML: no anchor (&) of that name"},
        HostileCase{"At", "a: @daily\n", ":1:4: YAML: a text cannot start with this character"},
        HostileCase{"ColonInText", "a: b: c\n", ":1:5: YAML: a \": \" where no key can stand"},
        HostileCase{"Indentation", "a: b\n  c: d\n", ":2:4: YAML: "},
        HostileCase{"Escape", "a: \"\\d\"\n", ":1:7: YAML: an unknown escape"},
        HostileCase{"Tag", "a: !!binary abc\n", ":1:4: YAML tags (!...) have no meaning"},
        HostileCase{"TagOfMap", "!python/object {a: b}\n", ":1:1: YAML tags"},
        HostileCase{"ListAsKey", "? [a]\n: b\n", ":1:3: a key must be a text"},
        HostileCase{"NullAsKey", "~: b\n", ":1:1: a key must be a text"},
        HostileCase{"SelfAlias", "a: &b [*b]\n", ":1:8: an alias (*) stands inside its own"}),
    [](const auto& row) { return row.param.name; });

std::string Bomb() {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias +
            Repeat(", " + alias, 9) + "]\n";
  }
  return text;
}

std::string NestedAnchors() {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "&a" + std::to_string(i) + " [";
  return "a: " + text + Repeat("x,\n", 90'000) + Repeat("]", 60);
}

// Each alias adds the levels of the last: deep, but few values.
std::string AliasLadder() {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
            "]\n";
  }
  return text;
}

std::string Staircase(int levels) {
  std::string text;
  for (int i = 0; i < levels; ++i) text += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    Size, HostileTest,
    testing::Values(
        HostileCase{"AliasBomb", Bomb(), ":5:"}, HostileCase{"NestedAnchors", NestedAnchors(), ":"},
        HostileCase{"AliasLadder", AliasLadder(), ":64:12: more than 64 levels"},
        HostileCase{"ManyValues", "[" + Repeat("x,\n", 110'000) + "]", ":100000:1: more than"},
        HostileCase{"ManyValuesInLines", Repeat("[" + Repeat("x,", 30'000) + "\n", 4), ":4:"},
        HostileCase{"DeepLists", "a: " + std::string(60'000, '['), ":"},
        HostileCase{"DeepListsInLines", Repeat(std::string(50'000, '[') + "\n", 20), ":"},
        HostileCase{"DeepClosedLists", std::string(30'000, '[') + std::string(30'000, ']'),
                    ":1:65: "},
        HostileCase{"DeepMaps", Repeat("{a: ", 15'000), ":"},
        HostileCase{"DeepMapsInLines", Repeat("{a:\n", 200'000), ":"},
        HostileCase{"DeepBlockLists", Repeat("- ", 30'000) + "x", ":1:129: more than 64 levels"},
        HostileCase{"DeepKeys", Repeat("? ", 30'000) + "x", ":1:129: more than 64 levels"},
        HostileCase{"Staircase", Staircase(1'000), ":65:65: more than 64 levels"}),
    [](const auto& row) { return row.param.name; });

TEST(HostileValuesTest, ManyMistakesEndWithACount) {
  TestEstate files;
  std::string text = kSampleIntegration;
  for (int i = 0; i < 5'000; ++i) text += "k" + std::to_string(i) + ": v\n";
  files.Write("integrations/x.yaml", text);
  const std::vector<std::string> findings = files.Findings();
  ASSERT_EQ(findings.size(), 1001U);
  EXPECT_EQ(findings.back(), "integrations/x.yaml: and 4000 more findings: cure these first");
}

TEST(HostileValuesTest, LongAndOddNamesStayReadable) {
  TestEstate files;
  files.Write("integrations/x.yaml", std::string(kSampleIntegration) + std::string(900, 'k') +
                                         ": v\n\"a\\nb\\e[31m\": c\n");
  EXPECT_THAT(files.Findings(),
              ElementsAre(HasSubstr("unknown key \"" + std::string(60, 'k') + "...\" in"),
                          HasSubstr("unknown key \"a b [31m\" in integration")));
}

TEST(HostileValuesTest, SecretsNeverStandInFindings) {
  TestEstate files;
  for (const std::string value :
       {"postgres://u:hunter2@h/d", "[hunter2]", "{ a: hunter2 }", "'host=h password=hunter2'",
        "'${hunter2}'", "'${env:hunter2'", "'${vault:hunter2}'", "'${env:hunter2 x}'"}) {
    files.Write("estate.yaml", "estate: a\nmask_salt: " + value + "\nprojects: { p: {} }\n" +
                                   "connections: { c: { type: postgres, project: p, dsn: " + value +
                                   " } }\nprofiles: { q: { mask_salt: " + value + " } }\n");
    const std::vector<std::string> findings = files.Findings();
    EXPECT_GE(findings.size(), 2U) << value;
    EXPECT_THAT(findings, testing::Each(testing::Not(HasSubstr("hunter2")))) << value;
  }
  files.Write("estate.yaml", "estate: a\nconnections: { c: 'postgres://u:hunter2@h/d' }\n");
  EXPECT_THAT(files.Findings(), ElementsAre(testing::Not(HasSubstr("hunter2"))));
}

TEST(YamlTest, AliasesAndByteOrderMarksAreFine) {
  TestEstate files;
  files.Write(
      "estate.yaml",
      "\xEF\xBB\xBF" + std::string("estate: a\nprojects:\n  p: &p { description: S\xC3\xA3o "
                                   "Paulo }\n  q: *p\n"));
  EXPECT_THAT(files.Findings(), IsEmpty());
  EXPECT_EQ(Load(files.folder()).value().estate.projects.at("q").description, "S\xC3\xA3o Paulo");
}

TEST(YamlTest, ColumnsCountCharacters) {
  const ParsedYaml parsed = ParseYaml("{ \"\xC3\xA7\xC3\xA3o\": 1, b: 2 }\r\nc", "x");
  ASSERT_EQ(parsed.findings.size(), 1U);
  const ParsedYaml good = ParseYaml("{ \"\xC3\xA7\xC3\xA3o\": 1, b: 2 }\r\n", "x");
  ASSERT_TRUE(good.root);
  EXPECT_EQ(good.root->MarkOf({"b"}).ToString(), "x:1:16");
}

TEST(YamlTest, OnlyTheWordNullIsKept) {
  const ParsedYaml parsed = ParseYaml("a: null\nb:\nnull : c\nd: ~\ne: null # why\n", "x");
  ASSERT_FALSE(parsed.root);  // A key `null` is no text.
  const ParsedYaml good = ParseYaml("a: null\nd: ~\ne: null # why\nb:\n\"null\": c\n", "x");
  ASSERT_TRUE(good.root);
  EXPECT_EQ(good.root->Entry("a")->value.text, "null");
  EXPECT_EQ(good.root->Entry("b")->value.text, "");
  EXPECT_EQ(good.root->Entry("d")->value.text, "");
  EXPECT_EQ(good.root->Entry("e")->value.text, "null");
}

}  // namespace
}  // namespace afluente::estate

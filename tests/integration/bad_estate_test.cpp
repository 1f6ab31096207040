// Estates written to hurt: findings or a refusal, quickly, in little memory.
#include <fmt/format.h>

#include "support/movement.h"

namespace afluente::test {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

std::map<std::string, std::string> Nowhere() { return {{"src", "host=/nonexistent"}}; }

struct BadEstate {
  std::string name;
  std::string text;  // Of integrations/bad.yaml.
  std::string word;  // Somewhere in what is said.
};

void PrintTo(const BadEstate& estate, std::ostream* out) { *out << estate.name; }

std::string Repeat(const std::string& part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

std::string YamlBomb() {
  std::string text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 12; ++i) {
    text +=
        fmt::format("a{0}: &a{0} [{1}*a{2}]\n", i, Repeat(fmt::format("*a{}, ", i - 1), 8), i - 1);
  }
  return text;
}

std::vector<BadEstate> BadEstates() {
  const std::string head =
      "integration: bad\nsource: { connection: src, table: public.t }\n"
      "destination: { table: dw.d.t }\nmode: snapshot\n";
  return {
      {"YamlBomb", YamlBomb(), "bad.yaml"},
      {"LineOf1Mb", head + "description: " + std::string(1 << 20, 'x') + "\n", "bad.yaml"},
      {"KeyOf1Mb", head + std::string(1 << 20, 'k') + ": 1\n", "bad.yaml"},
      {"DeepNesting", Repeat("[", 100000), "bad.yaml"},
      {"DeepIndentedNesting", head + "tags:\n" + Repeat("  - ", 20000) + "x\n", "bad.yaml"},
      {"InvalidUtf8", head + "description: \"\xff\xfe\xc3\"\n", "bad.yaml"},
      {"NulBytes", head + std::string("owner: a\0b\n", 11), "bad.yaml"},
      {"Binary",
       std::string("\x7f"
                   "ELF\x02\x01\x01\0\0\0",
                   10),
       "bad.yaml"},
      {"Unclosed", head + "tags: [a, b\n", "bad.yaml"},
      {"TabIndent", "integration: bad\nsource:\n\tconnection: src\n", "bad.yaml"},
      {"SelfReference", "integration: &a\n  x: *a\n", "bad.yaml"},
      {"UnknownKeyWithNearest", head + "trigerr: continuous\n", "did you mean \"trigger\""},
      {"UnknownConnection",
       "integration: bad\nsource: { connection: sr, table: public.t }\n"
       "destination: { table: dw.d.t }\nmode: snapshot\n",
       "did you mean \"src\""},
      {"UnknownProject",
       "integration: bad\nsource: { connection: src, table: public.t }\n"
       "destination: { table: wd.d.t }\nmode: snapshot\n",
       "wd"},
      {"WrongWord",
       "integration: bad\nsource: { connection: src, table: public.t }\n"
       "destination: { table: dw.d.t }\nmode: snapshto\n",
       "did you mean \"snapshot\""},
      {"IncrementalWithoutCursor",
       "integration: bad\nsource: { connection: src, table: public.t }\n"
       "destination: { table: dw.d.t }\nmode: incremental\n",
       "cursor"},
      {"UpsertWithoutKey", head + "write: upsert\n", "key"},
      {"EmptyFile", "", "bad.yaml"},
  };
}

class BadEstateTest : public testing::TestWithParam<BadEstate> {};

TEST_P(BadEstateTest, IsRefusedQuicklyWithWords) {
  const EstateFolder estate(Nowhere());
  estate.Write("integrations/bad.yaml", GetParam().text);
  const Outcome check = estate.Run({"check"});
  EXPECT_THAT(check.exit_code, AnyOf(1, 2)) << check.ToString().substr(0, 4000);
  EXPECT_THAT(check.out + check.err, HasSubstr(GetParam().word));
  EXPECT_LT((check.out + check.err).size(), 200000U) << "the message repeats the file";
  EXPECT_LT(check.wall.count(), 10000);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(check.peak_rss_kb, 400000);
#endif
  const Outcome run = estate.Run({"run", "--all"});
  EXPECT_EQ(run.exit_code, 2) << run.ToString().substr(0, 4000);
}

INSTANTIATE_TEST_SUITE_P(With, BadEstateTest, testing::ValuesIn(BadEstates()),
                         [](const auto& row) { return row.param.name; });

TEST(BadEstateFolderTest, NoEstateYaml) {
  const TempFolder folder;
  Command command;
  command.args = {AfluenteBinary(), "check", folder.path()};
  const Outcome outcome = RunCommand(command);
  EXPECT_EQ(outcome.exit_code, 2) << outcome.ToString();
  EXPECT_THAT(outcome.err, HasSubstr("estate.yaml"));
}

TEST(BadEstateFolderTest, AllMistakesInOnePass) {
  const EstateFolder estate(Nowhere());
  estate.Write("integrations/a.yaml", "integration: a\nmode: snapshto\nwhat: 1\n");
  estate.Write("integrations/b.yaml", "integration: b\nsource: { connection: scr, table: x }\n");
  const Outcome outcome = estate.Run({"check", "--json"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.ToString();
  const auto document = nlohmann::json::parse(outcome.out);
  for (const char* word : {"a.yaml", "b.yaml", "snapshto", "what", "scr"}) {
    EXPECT_THAT(document.dump(), HasSubstr(word));
  }
}

TEST(BadEstateFolderTest, CheckNeedsNoEnvironment) {
  const EstateFolder estate(Nowhere());
  estate.Integration("t",
                     "source: { connection: src, table: public.t }\n"
                     "destination: { table: dw.d.t }\nmode: snapshot\n");
  Command command;
  command.args = {AfluenteBinary(), "check", estate.path()};
  const Outcome outcome = RunCommand(command);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
}

}  // namespace
}  // namespace afluente::test

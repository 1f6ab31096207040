// The command line as people and scripts meet it.
#include <fmt/format.h>

#include <regex>

#include "support/movement.h"

namespace afluente::test {
namespace {

using nlohmann::json;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kCommands[] = {"init",    "check",    "schema", "run",
                                     "query",   "tables",   "status", "reconcile",
                                     "compact", "schedule", "version"};

Outcome Afluente(std::vector<std::string> args, const std::filesystem::path& cwd = "/") {
  Command command;
  command.args = {AfluenteBinary()};
  command.args.insert(command.args.end(), args.begin(), args.end());
  command.cwd = cwd;
  return RunCommand(command);
}

TEST(CliTest, HelpNamesEveryCommand) {
  const Outcome outcome = Afluente({"--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  for (const char* command : kCommands) EXPECT_THAT(outcome.out, HasSubstr(command));
}

TEST(CliTest, HelpOfEveryCommandHasAnExample) {
  for (const char* command : kCommands) {
    const Outcome outcome = Afluente({command, "--help"});
    EXPECT_EQ(outcome.exit_code, 0) << command;
    EXPECT_EQ(outcome.err, "") << command;
    EXPECT_THAT(outcome.out, HasSubstr("xample")) << command;
    EXPECT_THAT(outcome.out, HasSubstr(std::string("afluente ") + command)) << command;
    EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b["))) << "colours, and no terminal";
  }
}

TEST(CliTest, NoCommandIsWrongUse) {
  const Outcome outcome = Afluente({});
  EXPECT_EQ(outcome.exit_code, 2) << outcome.ToString();
  EXPECT_THAT(outcome.err, HasSubstr("--help"));
}

TEST(CliTest, UnknownCommandSuggestsOne) {
  const Outcome outcome = Afluente({"stauts"});
  EXPECT_EQ(outcome.exit_code, 2) << outcome.ToString();
  EXPECT_THAT(outcome.err, HasSubstr("did you mean \"status\""));
}

TEST(CliTest, UnknownFlagIsWrongUse) {
  const Outcome outcome = Afluente({"version", "--jsno"});
  EXPECT_EQ(outcome.exit_code, 2) << outcome.ToString();
  EXPECT_THAT(outcome.err, HasSubstr("--jsno"));
}

TEST(CliTest, VersionIsOneLineOrOneDocument) {
  const Outcome text = Afluente({"version"});
  EXPECT_EQ(text.exit_code, 0) << text.ToString();
  EXPECT_TRUE(std::regex_search(text.out, std::regex("[0-9]+\\.[0-9]+\\.[0-9]+"))) << text.out;
  EXPECT_TRUE(json::parse(Afluente({"version", "--json"}).out).is_object());
}

TEST(CliTest, SchemaIsAJsonSchema) {
  const Outcome outcome = Afluente({"schema"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  EXPECT_TRUE(json::parse(outcome.out).contains("$schema"));
}

TEST(CliTest, NoEstateIsWrongUse) {
  const TempFolder folder;
  for (const char* command : {"run", "tables", "status"}) {
    const Outcome outcome =
        Afluente(command == std::string("run") ? std::vector<std::string>{"run", "--all"}
                                               : std::vector<std::string>{command},
                 folder.path());
    EXPECT_EQ(outcome.exit_code, 2) << command << outcome.ToString();
    EXPECT_THAT(outcome.err, HasSubstr("estate.yaml"));
  }
}

TEST(CliTest, InitMakesAnEstateThatChecksAndNeverOverwrites) {
  const TempFolder folder;
  const auto target = folder.path() / "fresh";
  const Outcome first = Afluente({"init", target});
  ASSERT_EQ(first.exit_code, 0) << first.ToString();
  const Outcome check = Afluente({"check", target});
  EXPECT_EQ(check.exit_code, 0) << check.ToString();
  const std::string before = ReadFile(target / "estate.yaml");
  WriteFile(target / "estate.yaml", before + "# mine\n");
  EXPECT_EQ(Afluente({"init", target}).exit_code, 2);
  EXPECT_EQ(ReadFile(target / "estate.yaml"), before + "# mine\n");
}

/// An estate with one moved table.
class CliEstateTest : public MovementTest {
 protected:
  CliEstateTest() {
    Source("create table t(id bigint, v text); insert into t values (1, 'a'), (2, null)");
    Declare("");
  }
  json Json(const std::vector<std::string>& args, int exit_code = 0) {
    std::vector<std::string> all = args;
    all.emplace_back("--json");
    const Outcome outcome = estate_.Run(all);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.ToString();
    // Not one line more than the document: parse refuses trailing text.
    return json::parse(outcome.out, nullptr, false);
  }
};

TEST_F(CliEstateTest, EveryJsonAnswerIsOneDocument) {
  RunOk("t");
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"check"},
                                             {"run", "t"},
                                             {"run", "--all"},
                                             {"tables"},
                                             {"status"},
                                             {"query", "select 1 as one"},
                                             {"reconcile", "t"}}) {
    EXPECT_FALSE(Json(args).is_discarded()) << args[0];
  }
}

TEST_F(CliEstateTest, AFailedRunIsADocumentToo) {
  Declare("t", "public.missing", "dw.d.t", "");
  const json document = Json({"run", "t"}, 1);
  ASSERT_FALSE(document.is_discarded());
  EXPECT_THAT(document.dump(), HasSubstr("public.missing"));
}

TEST_F(CliEstateTest, UnknownIntegrationSuggestsOne) {
  Declare("contacts", "public.t", "dw.d.c", "");
  const Outcome outcome = estate_.Run({"run", "contcts"});
  EXPECT_EQ(outcome.exit_code, 2) << outcome.ToString();
  EXPECT_THAT(outcome.err, HasSubstr("did you mean \"contacts\""));
}

TEST_F(CliEstateTest, RunNeedsANameOrAll) { EXPECT_EQ(estate_.Run({"run"}).exit_code, 2); }

TEST_F(CliEstateTest, EstateIsFoundUpwards) {
  const auto below = estate_.path() / "integrations";
  Command command;
  command.args = {AfluenteBinary(), "check"};
  command.cwd = below;
  const Outcome outcome = RunCommand(command);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
}

TEST_F(CliEstateTest, StateOption) {
  const auto state = estate_.path() / "other state";
  EXPECT_EQ(estate_.Run({"run", "t", "--state", state}).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(state / "warehouse" / "dw.duckdb"));
  EXPECT_FALSE(std::filesystem::exists(estate_.state()));
}

TEST_F(CliEstateTest, QuietSaysNothingAndLogsCanBeJson) {
  const Outcome quiet = estate_.Run({"run", "t", "--quiet"});
  EXPECT_EQ(quiet.exit_code, 0);
  EXPECT_EQ(quiet.err, "");
  const Outcome logged = estate_.Run({"run", "t", "--log-format", "json", "--json"});
  std::istringstream lines(logged.err);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(json::accept(line)) << line;
  }
}

TEST_F(CliEstateTest, NothingTerminalLikeInAPipe) {
  const Outcome outcome = estate_.Run({"run", "t"});
  EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("\x1b[")));
  EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("\r")));
  EXPECT_THAT(outcome.out + outcome.err, HasSubstr("2"));
}

TEST_F(CliEstateTest, QueryCsv) {
  const Outcome outcome = estate_.Run(
      {"query",
       "select 1 as id, 'a,b' as \"x,y\", 'say \"hi\"' as q, e'two\\nlines' as n, null as nothing, "
       "'' as empty, 9223372036854775807 as big",
       "--format", "csv"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  EXPECT_EQ(outcome.out,
            "id,\"x,y\",q,n,nothing,empty,big\r\n"
            "1,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",,\"\",9223372036854775807\r\n");
}

TEST_F(CliEstateTest, QueryJson) {
  const Outcome outcome = estate_.Run(
      {"query",
       "select 1 as id, 'ç \"q\"' as s, null as n, true as b, 9223372036854775807 as big, "
       "1.50::decimal(5,2) as d, 'nan'::double as nan, [1, null] as xs, {'a': 1} as st, "
       "timestamptz '2026-01-01 00:00:00+00' as at",
       "--format", "json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  const json document = json::parse(outcome.out);
  const json& row = document.is_array() ? document.at(0) : document.at("rows").at(0);
  EXPECT_EQ(row.at("s"), "ç \"q\"");
  EXPECT_TRUE(row.at("n").is_null());
  EXPECT_EQ(row.at("b"), true);
  EXPECT_EQ(row.at("big"), "9223372036854775807") << "a number would lose digits in JavaScript";
  EXPECT_THAT(row.at("at").dump(), HasSubstr("2026-01-01T00:00:00"));
}

TEST_F(CliEstateTest, QueryJsonLosesNoColumnOfADoubledName) {
  const Outcome outcome = estate_.Run({"query", "select 111 as a, 222 as a", "--format", "json"});
  if (outcome.exit_code == 0) {
    EXPECT_THAT(outcome.out, HasSubstr("111"));
    EXPECT_THAT(outcome.out, HasSubstr("222"));
  } else {
    EXPECT_THAT(outcome.err, HasSubstr("\"a\""));
  }
}

TEST_F(CliEstateTest, QueryTable) {
  RunOk("t");
  const Outcome outcome = estate_.Run({"query", "select id, v from dw.d.t order by id"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  for (const char* word : {"id", "v", "1", "a", "2"}) EXPECT_THAT(outcome.out, HasSubstr(word));
}

TEST_F(CliEstateTest, QueryMistakes) {
  RunOk("t");
  const Outcome syntax = estate_.Run({"query", "selekt 1"});
  EXPECT_THAT(syntax.exit_code, AnyOf(1, 2)) << syntax.ToString();
  EXPECT_THAT(syntax.err, HasSubstr("selekt"));
  EXPECT_EQ(syntax.out, "");
  const Outcome missing = estate_.Run({"query", "select * from dw.d.tt"});
  EXPECT_THAT(missing.exit_code, AnyOf(1, 2)) << missing.ToString();
  EXPECT_THAT(missing.err, HasSubstr("tt"));
  EXPECT_EQ(estate_.Run({"query", "select 1", "--format", "xml"}).exit_code, 2);
}

TEST_F(CliEstateTest, QueryDoesNotWrite) {
  RunOk("t");
  for (const char* sql : {"drop table dw.d.t", "delete from dw.d.t", "create table dw.d.x(a int)",
                          "update dw.d.t set v = 'x'", "attach '/tmp/x.duckdb'",
                          "set enable_external_access = true", "install httpfs"}) {
    EXPECT_NE(estate_.Run({"query", sql}).exit_code, 0) << sql;
  }
  EXPECT_THAT(WarehouseLines("select count(*) from dw.d.t where v = 'a'"), ElementsAre("1"));
}

TEST_F(CliEstateTest, QueryBeforeAnythingWasMoved) {
  const Outcome outcome = estate_.Run({"query", "select 41 + 1 as n", "--format", "csv"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  EXPECT_EQ(outcome.out, "n\r\n42\r\n");
}

TEST_F(CliEstateTest, TablesAndStatus) {
  EXPECT_EQ(estate_.Run({"status"}).exit_code, 0);
  EXPECT_EQ(estate_.Run({"tables"}).exit_code, 0);
  RunOk("t");
  const Outcome tables = estate_.Run({"tables"});
  EXPECT_THAT(tables.out, HasSubstr("dw.d.t"));
  EXPECT_THAT(tables.out, Not(HasSubstr("_afluente")));
  const json listed = Json({"tables"});
  EXPECT_EQ(listed.at("tables").size(), 1U);
  EXPECT_EQ(listed.at("tables").at(0).at("table"), "t");
  EXPECT_EQ(listed.at("tables").at(0).at("rows"), 2);
  const std::string status = Json({"status"}).dump();
  EXPECT_THAT(status, HasSubstr("\"t\""));
  EXPECT_TRUE(std::regex_search(
      status, std::regex("20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+([+-][0-9]{2}:[0-9]{2})")))
      << status;
}

TEST_F(CliEstateTest, NoSecretIsEverPrinted) {
  Source("grant select on t to reader");
  estate_.SetEnv("SRC_DSN", database_->dsn("reader", "secret-of-reader"));
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"run", "t"},
                                             {"run", "t", "--json"},
                                             {"check"},
                                             {"status", "--json"},
                                             {"tables"},
                                             {"reconcile", "t"}}) {
    const Outcome outcome = estate_.Run(args);
    EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("secret-of-reader")));
    EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("salt of the tests")));
  }
  for (const auto& file : std::filesystem::recursive_directory_iterator(estate_.state())) {
    if (!file.is_regular_file()) continue;
    const std::string bytes = ReadFile(file.path());
    EXPECT_EQ(bytes.find("secret-of-reader"), std::string::npos) << file.path();
    EXPECT_EQ(bytes.find("salt of the tests"), std::string::npos) << file.path();
  }
}

TEST_F(CliEstateTest, ReconcileSeesADifference) {
  Source("insert into t select i, 'v' || i from generate_series(10, 20000) i");
  RunOk("t");
  const json same = Json({"reconcile", "t"});
  EXPECT_EQ(same.at("differences"), 0) << same.dump();
  EXPECT_EQ(same.at("source_rows"), same.at("destination_rows"));
  Source("update t set v = 'other' where id = 777");
  const json other = Json({"reconcile", "t"}, 1);
  EXPECT_NE(other.at("differences"), 0) << other.dump();
}

TEST_F(CliEstateTest, CompactKeepsEveryRow) {
  Source("insert into t select i, md5(i::text) from generate_series(10, 100000) i");
  for (int round = 0; round < 3; ++round) RunOk("t");
  const std::string sums =
      "select count(*), sum(id), md5(string_agg(v, ',' order by id)) from dw.d.t";
  const auto before = WarehouseLines(sums);
  const Outcome outcome = estate_.Run({"compact"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  EXPECT_EQ(WarehouseLines(sums), before);
  RunOk("t");
}

}  // namespace
}  // namespace afluente::test

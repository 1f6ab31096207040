// `afluente simulate` as people and scripts read it: from the estate alone, without variables or a
// state folder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/process.h"
#include "support/temp_folder.h"

namespace afluente::test {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class SimulateCommandTest : public testing::Test {
 protected:
  SimulateCommandTest() {
    WriteFile(folder_.path() / "estate.yaml",
              "estate: trial\n"
              "time_zone: America/Sao_Paulo\n"
              "projects: { dw: {} }\n"
              "connections: { app: { type: postgres, project: dw, dsn: \"${env:APP_DSN}\" } }\n");
    std::filesystem::create_directories(folder_.path() / "integrations");
    Job("nightly", "{ cron: '0 0 * * *' }");
    Job("hourly", "{ cron: '0 * * * *' }");
    Job("ended", "{ cron: '@daily', until: 2001-12-31 }");
    Job("followed", "{ on: change }");
    WriteFile(folder_.path() / "integrations" / "sends.yaml",
              "integration: sends\nsource: { warehouse_table: dw.d.nightly }\n"
              "destination: { connection: app, table: public.sends, key: [id] }\nmode: snapshot\n"
              "trigger: { on: asset }\n");
  }

  void Job(const std::string& name, const std::string& trigger) {
    WriteFile(folder_.path() / "integrations" / (name + ".yaml"),
              "integration: " + name + "\nsource: { connection: app, table: public." + name +
                  " }\ndestination: { table: dw.d." + name +
                  " }\nmode: snapshot\ntrigger: " + trigger + "\n");
  }

  Outcome Run(std::vector<std::string> args) {
    Command command;
    command.args = {AfluenteBinary(), "simulate", folder_.path()};
    command.args.insert(command.args.end(), args.begin(), args.end());
    return RunCommand(command);
  }

  TempFolder folder_;
};

TEST_F(SimulateCommandTest, ShowsADayWithoutTouchingAnything) {
  const Outcome outcome =
      Run({"--from", "2026-11-23", "--to", "2026-11-24", "--assume", "10m", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.ToString();
  const json document = json::parse(outcome.out);
  std::map<std::string, int> runs;
  for (const json& run : document.at("runs")) ++runs[run.at("job")];
  EXPECT_EQ(runs, (std::map<std::string, int>{{"hourly", 24}, {"nightly", 1}, {"sends", 1}}));
  EXPECT_EQ(document.at("runs").at(0).at("due"), "2026-11-23T03:00:00.000000+00:00");
  EXPECT_EQ(document.at("collisions").at(0).at("jobs"), (json{"hourly", "nightly"}));
  std::vector<std::string> silent;
  for (const json& job : document.at("silent")) {
    silent.push_back(job.at("job").get<std::string>() + ": " + job.at("why").get<std::string>());
  }
  EXPECT_THAT(silent, ElementsAre("ended: cron @daily: never fires again",
                                  "followed: waits for changes of app:public.followed"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / ".afluente"));
}

TEST_F(SimulateCommandTest, DrawsIntoAFile) {
  const auto file = folder_.path() / "day.svg";
  const Outcome outcome = Run({"--from", "2026-11-23T06:00:00-03:00", "--to", "2026-11-24",
                               "--format", "svg", "--output", file});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.ToString();
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(ReadFile(file), HasSubstr("hourly Mon 2026-11-23 23:00 takes 1 min"));
}

TEST_F(SimulateCommandTest, WrongMomentsAreNamedWithTheirCure) {
  const Outcome unreadable = Run({"--from", "yesterday"});
  EXPECT_EQ(unreadable.exit_code, 2);
  EXPECT_THAT(unreadable.err, HasSubstr("--from: yesterday is neither a day nor a moment; write"));
  const Outcome backwards = Run({"--from", "2026-11-24", "--to", "2026-11-23"});
  EXPECT_EQ(backwards.exit_code, 2);
  EXPECT_THAT(backwards.err, HasSubstr("--to is not after --from"));
  EXPECT_THAT(Run({"--assume", "soon"}).err, HasSubstr("write 30s, 5m or 2h"));
}

}  // namespace
}  // namespace afluente::test

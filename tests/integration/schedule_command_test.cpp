// `afluente schedule` as people and scripts read it: from the estate alone, without variables or a
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
using testing::ElementsAre;
using testing::HasSubstr;

class ScheduleCommandTest : public testing::Test {
 protected:
  ScheduleCommandTest() {
    WriteFile(folder_.path() / "estate.yaml",
              "estate: trial\n"
              "time_zone: America/Sao_Paulo\n"
              "projects: { dw: {} }\n"
              "connections: { app: { type: postgres, project: dw, dsn: \"${env:APP_DSN}\" } }\n");
    std::filesystem::create_directories(folder_.path() / "integrations");
    Job("nightly", "{ cron: '0 0 * * *', jitter: 5m }");
    Job("often", "[{ every: 8h }, { cron: '0 9 L * *' }]");
    Job("ended", "{ cron: '@daily', until: 2001-12-31 }");
    Job("followed", "{ on: change }");
  }

  void Job(const std::string& name, const std::string& trigger) {
    WriteFile(folder_.path() / "integrations" / (name + ".yaml"),
              "integration: " + name + "\nsource: { connection: app, table: public." + name +
                  " }\ndestination: { table: dw.d." + name +
                  " }\nmode: snapshot\ntrigger: " + trigger + "\n");
  }

  Outcome Run(std::vector<std::string> args) {
    Command command;
    command.args = {AfluenteBinary(), "schedule", "--estate", folder_.path()};
    command.args.insert(command.args.end(), args.begin(), args.end());
    return RunCommand(command);
  }

  json Json(std::vector<std::string> args, int exit_code = 0) {
    args.emplace_back("--json");
    const Outcome outcome = Run(args);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.ToString();
    return json::parse(outcome.out);
  }

  TempFolder folder_;
};

TEST_F(ScheduleCommandTest, ShowsTheTimesOfOneJob) {
  const json document = Json({"nightly", "--from", "2018-11-03T00:00:00-03:00", "--next", "2"});
  ASSERT_EQ(document.at("fires").size(), 2U);
  EXPECT_EQ(document.at("from"), "2018-11-03T03:00:00.000000+00:00");
  const json& fire = document.at("fires").at(1);
  EXPECT_EQ(fire.at("job"), "nightly");
  EXPECT_EQ(fire.at("zone"), "America/Sao_Paulo");
  EXPECT_EQ(fire.at("offset_seconds"), -7200);
  EXPECT_EQ(fire.at("nominal"), "2018-11-04T03:00:00.000000+00:00");
  EXPECT_GE(fire.at("at"), fire.at("nominal"));
  EXPECT_LT(fire.at("at").get<std::string>(), "2018-11-04T03:05:00");
  EXPECT_THAT(fire.at("local").get<std::string>(), HasSubstr("2018-11-04T01:0"));
  EXPECT_EQ(fire.at("interval").at("begin"), "2018-11-03T03:00:00.000000+00:00");
  EXPECT_EQ(fire.at("interval").at("end"), fire.at("nominal"));
  EXPECT_THAT(
      fire.at("why").get<std::string>(),
      HasSubstr("00:00 does not exist on 2018-11-04 (clocks go forward), shifted to 01:00"));
  // Told again, it is the same, jitter included.
  EXPECT_EQ(Json({"nightly", "--from", "2018-11-03T00:00:00-03:00", "--next", "2"}), document);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / ".afluente"));
}

TEST_F(ScheduleCommandTest, ShowsTheNextTimeOfEveryJobInOrder) {
  const json document = Json({"--from", "2026-01-31T07:00:00-03:00"});
  std::vector<std::string> jobs;
  for (const json& fire : document.at("fires")) jobs.push_back(fire.at("job"));
  EXPECT_THAT(jobs, ElementsAre("often", "nightly"));
  EXPECT_EQ(document.at("fires").at(0).at("why"), "cron 0 9 L * * of America/Sao_Paulo");
  EXPECT_EQ(document.at("never"), json::array({"ended"}));
  const Outcome text = Run({"--from", "2026-01-31T07:00:00-03:00"});
  EXPECT_EQ(text.exit_code, 0) << text.ToString();
  EXPECT_THAT(text.out, HasSubstr("Sat 2026-01-31 09:00:00 -03:00"));
  EXPECT_THAT(text.out, HasSubstr("2026-01-31T12:00:00Z"));
  EXPECT_THAT(text.out, HasSubstr("ended does not fire again"));
}

TEST_F(ScheduleCommandTest, SaysWhatItCannotShow) {
  const Outcome never = Run({"ended"});
  EXPECT_EQ(never.exit_code, 1) << never.ToString();
  EXPECT_THAT(never.out, HasSubstr("ended does not fire again"));
  EXPECT_TRUE(Json({"ended"}, 1).at("fires").empty());
  const Outcome unscheduled = Run({"followed"});
  EXPECT_EQ(unscheduled.exit_code, 2) << unscheduled.ToString();
  EXPECT_THAT(unscheduled.err, HasSubstr("job \"followed\" has no schedule"));
  const Outcome unknown = Run({"nigthly"});
  EXPECT_EQ(unknown.exit_code, 1) << unknown.ToString();
  EXPECT_THAT(unknown.err, HasSubstr("did you mean \"nightly\"?"));
  const Outcome moment = Run({"nightly", "--from", "yesterday"});
  EXPECT_EQ(moment.exit_code, 2) << moment.ToString();
  EXPECT_THAT(moment.err, HasSubstr("--from: yesterday is no moment; write it as 2018-11-01T"));
  EXPECT_EQ(Run({"nightly", "--next", "0"}).exit_code, 2);
}

}  // namespace
}  // namespace afluente::test

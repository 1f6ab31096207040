// Shadow, cut-over, rollback: a job beside the pipeline that it replaces.
#include <fmt/format.h>

#include <csignal>

#include "support/serving.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class CutoverTest : public ServingTest {
 protected:
  CutoverTest() {
    Source("create table t(id int primary key, v text); insert into t values (1, 'a'), (2, 'b')");
    // Today's pipeline, and the one that is to take its place.
    Declare("old", "public.t", "dw.d.t, key: [id]", "mode: snapshot");
    DeclareNew();
  }

  void DeclareNew(const std::string& shadow = "{ days: 1 }",
                  const std::string& yaml = "mode: incremental\ncursor: [id]\n") {
    Declare("new", "public.t", "dw.d.t, key: [id]", yaml + "shadow: " + shadow);
  }
  /// As it must be before the cut-over.
  void TakeOldOut() { std::filesystem::remove(estate_.path() / "integrations/old.yaml"); }

  nlohmann::json Shadow(const std::vector<std::string>& flags = {}, int exit_code = 0) {
    std::vector<std::string> args = {"shadow", "new", "--json"};
    args.insert(args.end(), flags.begin(), flags.end());
    const Outcome outcome = estate_.Run(args);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.ToString();
    return nlohmann::json::parse(outcome.out).at("integrations").at(0);
  }

  std::vector<std::string> Ids(const std::string& table) {
    return WarehouseLines("select string_agg(id::varchar, ',' order by id) from dw.d." + table);
  }

  Outcome RunKilledAt(const std::string& step, const std::vector<std::string>& args) {
    Command command = estate_.Afluente(args);
    command.env["AFLUENTE_KILL_AT"] = step;
    return RunCommand(command);
  }
};

TEST_F(CutoverTest, BesideTheOldOneUntilItIsEqualThenInItsPlaceAndBack) {
  RunOk("old");
  RunOk("new");
  EXPECT_THAT(Ids("t__shadow"), ElementsAre("1,2"));
  TakeOldOut();
  Fails({"cutover", "new"}, 1, {"1 days without a difference", "not compared", "--force"});
  Source("insert into t values (3, 'c')");
  RunOk("new");
  const auto differs = Shadow({"--compare"}, 1);
  EXPECT_EQ(differs.at("state"), "shadow");
  EXPECT_EQ(differs.at("days").at(0).at("differences"), 1);
  EXPECT_EQ(differs.at("days").at(0).at("notes").at(0), "extra id=3");
  Fails({"cutover", "new"}, 1, {"1 of 2 rows differ"});

  // The old pipeline comes level.
  Declare("old", "public.t", "dw.d.t, key: [id]", "mode: snapshot");
  RunOk("old");
  TakeOldOut();
  EXPECT_EQ(Shadow({"--compare"}).at("ready"), true);
  EXPECT_THAT(estate_.Run({"status"}).out, HasSubstr("beside today's pipeline"));
  const Outcome cut = estate_.Run({"cutover", "new"});
  ASSERT_EQ(cut.exit_code, 0) << cut.ToString();
  EXPECT_EQ(Shadow().at("state"), "live");
  EXPECT_THAT(estate_.Run({"tables"}).out, Not(HasSubstr("t__shadow")));
  EXPECT_THAT(Ids("t__before"), ElementsAre("1,2,3"));
  // Its checkpoint came along: only what is new is read.
  Source("insert into t values (4, 'd')");
  EXPECT_EQ(RunOk("new").rows, 1);
  EXPECT_THAT(Ids("t"), ElementsAre("1,2,3,4"));
  EXPECT_EQ(Differences("new"), 0);
  Fails({"cutover", "new"}, 2, {"live already"});

  // Nobody else may write it now; the way back is open all the same.
  Declare("old", "public.t", "dw.d.t, key: [id]", "mode: snapshot");
  Fails({"run", "old"}, 2, {"has taken over dw.d.t", "take old out of the estate"});
  const Outcome back = estate_.Run({"rollback", "new"});
  ASSERT_EQ(back.exit_code, 0) << back.ToString();
  EXPECT_THAT(Ids("t"), ElementsAre("1,2,3"));
  EXPECT_THAT(Ids("t__shadow"), ElementsAre("1,2,3,4"));
  Source("insert into t values (5, 'e')");
  EXPECT_EQ(RunOk("new").rows, 1);
  RunOk("old");
  EXPECT_THAT(Ids("t"), ElementsAre("1,2,3,4,5"));
  EXPECT_EQ(Shadow({"--compare"}).at("ready"), true);
  Fails({"rollback", "new"}, 2, {"nothing to roll back"});
}

TEST_F(CutoverTest, WhatDiffersIsNamedHoweverItDoes) {
  Declare("old", "public.t", "dw.d.t, key: [id]",
          "mode: snapshot\ntransform: SELECT id, v, 1 AS extra FROM batch");
  RunOk("old");
  Source(
      "update t set v = 'other' where id = 2; delete from t where id = 1; insert into t "
      "values (9, 'n')");
  RunOk("new");
  const auto found = Shadow({"--compare"}, 1).at("days").at(0);
  EXPECT_EQ(found.at("differences"), 4);  // A column, and three rows.
  EXPECT_THAT(found.at("notes").get<std::vector<std::string>>(),
              ElementsAre("column extra is missing in dw.d.t__shadow", "missing id=1",
                          "different id=2: v", "extra id=9"));
  // Without a key rows are counted.
  Declare("new", "public.t", "dw.d.t", "mode: snapshot\nshadow: { days: 1, compare_with: dw.d.t }");
  RunOk("new", {"--full-refresh"});
  EXPECT_EQ(Shadow({"--compare"}, 1).at("days").at(0).at("differences"), 3);
}

TEST_F(CutoverTest, ATableOfPostgresCanBeWhatIsComparedWith) {
  TakeOldOut();
  Source("create table filled(id int primary key, v text); insert into filled select * from t");
  DeclareNew("{ days: 1, compare_with: 'src:public.filled' }");
  RunOk("new");
  EXPECT_EQ(Shadow({"--compare"}).at("ready"), true);
  Source("update filled set v = 'x' where id = 1");
  EXPECT_EQ(Shadow({"--compare"}, 1).at("days").at(0).at("differences"), 1);
  Fails({"cutover", "new"}, 1, {"1 of 2 rows differ"});
  ASSERT_EQ(estate_.Run({"cutover", "new", "--force"}).exit_code, 0);
  EXPECT_THAT(Ids("t"), ElementsAre("1,2"));
  ASSERT_EQ(estate_.Run({"rollback", "new"}).exit_code, 0);
  EXPECT_THAT(Ids("t__shadow"), ElementsAre("1,2"));
}

TEST_F(CutoverTest, WhatIsFollowedIsCutOverWithItsPlaceInTheStream) {
  DeclareNew("{ days: 1, at: '00:00' }", "mode: cdc\n");
  RunOk("old");
  ServeUntilFollowing({"new"});
  // Due today already: the service compares by itself.
  ASSERT_TRUE(Soon([&] { return !Shadow().at("days").empty(); })) << service_->err();
  EXPECT_EQ(Shadow({"--compare"}).at("days").at(0).at("differences"), 0);
  TakeOldOut();
  Fails({"cutover", "new"}, 3, {"held by afluente serve", "takes a second"});
  service_->Signal(SIGTERM);
  ASSERT_EQ(service_->Wait().exit_code, 0);
  Source("update t set v = 'late' where id = 1; insert into t values (3, 'c')");
  ASSERT_EQ(estate_.Run({"cutover", "new"}).exit_code, 0);
  EXPECT_EQ(RunOk("new").rows, 2);  // Nothing is copied again.
  EXPECT_THAT(Ids("t"), ElementsAre("1,2,3"));
  EXPECT_EQ(Differences("new"), 0);
}

TEST_F(CutoverTest, KilledAnywhereItIsOneOrTheOther) {
  RunOk("old");
  RunOk("new");
  TakeOldOut();
  constexpr int kKilled = 128 + SIGKILL;
  for (const bool renamed : {false, true}) {
    const std::string step = renamed ? "cutover_renamed" : "cutover_recorded";
    EXPECT_EQ(RunKilledAt(step, {"cutover", "new", "--force"}).exit_code, kKilled);
    Source(fmt::format("insert into t values ({}, 'x')", renamed ? 11 : 10));
    EXPECT_EQ(RunOk("new").rows, 1) << "the checkpoint and the table must agree";
    EXPECT_EQ(Shadow().at("state"), renamed ? "live" : "shadow");
  }
  EXPECT_THAT(Ids("t"), ElementsAre("1,2,10,11"));
  EXPECT_THAT(Ids("t__before"), ElementsAre("1,2"));
  for (const bool renamed : {false, true}) {
    const std::string step = renamed ? "rollback_renamed" : "rollback_recorded";
    EXPECT_EQ(RunKilledAt(step, {"rollback", "new"}).exit_code, kKilled);
    Source(fmt::format("insert into t values ({}, 'x')", renamed ? 13 : 12));
    EXPECT_EQ(RunOk("new").rows, 1);
    EXPECT_EQ(Shadow().at("state"), renamed ? "shadow" : "live");
  }
  EXPECT_THAT(Ids("t"), ElementsAre("1,2"));
  EXPECT_THAT(Ids("t__shadow"), ElementsAre("1,2,10,11,12,13"));
}

TEST_F(CutoverTest, MistakesAreNamed) {
  Fails({"cutover", "old"}, 1, {"no integration old has the key shadow"});
  Fails({"shadow", "old"}, 1, {"has no key shadow"});
  RunOk("old");
  Fails({"cutover", "new", "--force"}, 2, {"old writes dw.d.t, too"});
  TakeOldOut();
  Fails({"cutover", "new", "--force"}, 1, {"there is no table dw.d.t__shadow yet"});
  DeclareNew("{ days: 0, compare_with: 'nowhere:public.t' }");
  const Outcome check = estate_.Run({"check"});
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_THAT(check.out + check.err, HasSubstr("shadow.days: expected 1 to 366, not 0"));
  EXPECT_THAT(check.out + check.err, HasSubstr("no connection \"nowhere\""));
}

}  // namespace
}  // namespace afluente::test

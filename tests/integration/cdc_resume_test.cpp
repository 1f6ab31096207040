// First copies that are cut off: what they have is not read again.
#include <fmt/format.h>

#include <csignal>

#include "support/serving.h"

namespace afluente::test {
namespace {

constexpr const char* kAll = "select id, n, note, md5(body), length(body) from {}t order by id";

class CdcResumeTest : public ServingTest {
 protected:
  CdcResumeTest() {
    // Two lanes of eight parts each; bodies stand beside the table (TOAST).
    Source(
        "create table t(id int primary key, n int, note text, body text);"
        "alter table t alter body set storage external;"
        "insert into t select i, i, repeat('n' || i, 60), case when i % 50 = 0 then "
        "repeat(md5(i::text), 100) end from generate_series(1, 12000) i;"
        "create table seed(id int primary key); insert into seed values (1)");
  }
  void FollowT() { Follow("t", "parallel: 2\n"); }

  // What stays, what moves to other pages, what goes, and what gets another key.
  void ChangeEverywhere(int round) {
    Source(fmt::format(
        "update t set n = n + 100000 where id % 7 = {0};"
        "update t set note = 'short' where id % 50 = 0 and id % 3 = {0};"
        "delete from t where id % 11 = {0};"
        "update t set id = id + {1} where id % 13 = {0} and id <= 12000;"
        "insert into t select {1} + 500000 + i, i, 'late', null from generate_series(1, 50) i",
        round, round * 1000000));
  }

  Outcome Killed(const std::vector<std::string>& args, int parts) {
    Command command = estate_.Afluente(args);
    command.env["AFLUENTE_KILL_AT"] = fmt::format("copy_part_kept:{}", parts);
    const Outcome outcome = RunCommand(command);
    EXPECT_EQ(outcome.exit_code, 128 + SIGKILL) << outcome.ToString();
    return outcome;
  }

  Outcome Run() {
    Outcome outcome = estate_.Run({"run", "t"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
    return outcome;
  }

  static bool WentOn(const std::string& log) {
    return log.find("goes on with a copy that was cut off") != std::string::npos;
  }

  void ExpectEqual() {
    ExpectSame("t", kAll);
    EXPECT_EQ(Differences("t"), 0);
    EXPECT_THAT(WarehouseLines("select count(*) from dw._afluente.begun_copies"),
                testing::ElementsAre("0"));
  }
};

TEST_F(CdcResumeTest, GoesOnWithWhatItHas) {
  FollowT();
  Killed({"run", "t"}, 5);
  ChangeEverywhere(1);
  const Outcome outcome = Run();
  EXPECT_TRUE(WentOn(outcome.err)) << outcome.ToString();
  ExpectEqual();
}

TEST_F(CdcResumeTest, CutOffAgainAndAgain) {
  FollowT();
  Killed({"run", "t"}, 4);
  ChangeEverywhere(1);
  Killed({"run", "t"}, 3);
  ChangeEverywhere(2);
  Killed({"run", "t"}, 9);
  ChangeEverywhere(3);
  EXPECT_TRUE(WentOn(Run().err));
  ExpectEqual();
}

// Nothing of it is in the table's new file, or it reads something else.
TEST_F(CdcResumeTest, BeginsAnewWhenTheTableOrTheEstateChanged) {
  FollowT();
  Killed({"run", "t"}, 5);
  Source("truncate t; insert into t select i, i, 'new', null from generate_series(1, 3000) i");
  EXPECT_FALSE(WentOn(Run().err));
  ExpectEqual();

  Source("create table again (like t including all); insert into again select * from t");
  Follow("again", "parallel: 2\n");
  Killed({"run", "again"}, 3);
  const Outcome outcome = estate_.Run({"run", "again", "--full-refresh"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  EXPECT_FALSE(WentOn(outcome.err)) << "what was asked to be read again is";
  ExpectSame("again", kAll);
}

TEST_F(CdcResumeTest, AnotherMaskBeginsAnew) {
  FollowT();
  Killed({"run", "t"}, 5);
  Follow("t", "parallel: 2\ncolumns: { note: { mask: redact } }\n");
  EXPECT_FALSE(WentOn(Run().err));
  EXPECT_THAT(WarehouseLines("select count(*) from dw.d.t where note like 'n%'"),
              testing::ElementsAre("0"));
}

// The slot goes on with the others; what came for this one is kept on disk.
TEST_F(CdcResumeTest, BesideTheStreamOfOthers) {
  Follow("seed");
  RunOk("seed");
  FollowT();
  Command serve = estate_.Afluente({"serve"});
  serve.env["AFLUENTE_KILL_AT"] = "copy_part_kept:6";
  service_.emplace(serve);
  EXPECT_EQ(service_->Wait().exit_code, 128 + SIGKILL);
  ChangeEverywhere(1);
  Source("insert into seed select generate_series(2, 100)");
  ServeUntilFollowing({"seed", "t"});
  EXPECT_TRUE(WentOn(service_->err()));
  ChangeEverywhere(2);
  ExpectSame("t", kAll);
  ExpectSame("seed", "select id from {}seed order by id");
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(CdcResumeTest, ARewriteIsNoticedAgainWhenItsCopyIsCutOff) {
  FollowT();
  RunOk("t");
  Source("alter table t alter n type int using n * 100");
  Killed({"run", "t"}, 3);
  EXPECT_THAT(Run().err, testing::HasSubstr("t: copied "));
  ExpectEqual();
}

}  // namespace
}  // namespace afluente::test

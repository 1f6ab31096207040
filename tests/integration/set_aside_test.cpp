// Tables that take no part for a while: what happens to them meanwhile is kept on disk, and nobody
// else waits.
#include <fmt/format.h>

#include <csignal>

#include "support/serving.h"

namespace afluente::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class SetAsideTest : public ServingTest {
 protected:
  SetAsideTest() {
    for (const std::string name : {"t", "u"}) {
      Source(
          fmt::format("create table {0}(id int primary key, name text, note text);"
                      "alter table {0} alter note set storage external;"
                      "insert into {0} select i, 'n' || i, repeat('x', 5000) from "
                      "generate_series(1, 10) i",
                      name));
      Follow(name);
    }
  }

  bool IsSame(const std::string& table) {
    const std::string rows = "select * from {}" + table + " order by id";
    return WarehouseLines(With(rows, "dw.d.")) == SourceLines(With(rows, "public."));
  }
  void Tell(const std::string& command, const std::string& integration) {
    const Outcome outcome = estate_.Run({command, integration});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.ToString();
  }
  std::uint64_t Of(const std::string& integration, const std::string& key) {
    const auto row = Lag(integration);
    return row.is_null() ? 0 : row.at(key).get<std::uint64_t>();
  }
  /// Every kind of change, values that an update does not send among them.
  void ChangeT() {
    Source(
        "insert into t values (11, 'eleven', 'short'); update t set name = 'two' where id = 2;"
        "update t set id = 103 where id = 3; delete from t where id = 4; "
        "begin; update t set name = 'undone'; rollback; alter table t add column more int;"
        "update t set more = id where id > 8");
  }
  /// The other table's changes go on arriving.
  void ExpectThatUFollows() {
    Source(fmt::format("insert into u values ({}, 'new', null)", ++rows_of_u_));
    EXPECT_TRUE(Soon([&] { return IsSame("u"); })) << service_->err();
  }

  int rows_of_u_ = 10;

  /// Adds table v to a service that follows, and holds its copy with a row of `holder`.
  void ServeWhileVIsCopied(PgSession& holder) {
    ServeUntilFollowing({"t", "u"});
    service_->Signal(SIGTERM);
    EXPECT_EQ(service_->Wait().exit_code, 0);
    Source("create table v(id int primary key, name text); insert into v values (1, 'one')");
    Follow("v");
    holder.Exec("begin; insert into v values (2, 'two')");
    ServeUntilFollowing({"t", "u"});
    ExpectThatUFollows();
    EXPECT_EQ(StateOf("v"), "copying");
  }
};

TEST_F(SetAsideTest, WhatAPausedTableMissesIsKeptAndNotCopied) {
  ServeUntilFollowing({"t", "u"});
  const auto copied = Of("t", "copied_rows");
  Tell("pause", "t");
  ChangeT();
  ExpectThatUFollows();
  EXPECT_FALSE(IsSame("t"));
  EXPECT_TRUE(Soon([&] { return Of("t", "kept_bytes") > 0; }));
  EXPECT_THAT(estate_.Run({"lag"}).out, HasSubstr(" kept"));
  Tell("resume", "t");
  EXPECT_TRUE(Soon([&] { return IsSame("t"); })) << service_->err();
  EXPECT_EQ(Of("t", "copied_rows"), copied);
  EXPECT_EQ(Of("t", "kept_bytes"), 0);
  Source("update t set name = 'last' where id = 11");
  EXPECT_TRUE(Soon([&] { return IsSame("t"); })) << service_->err();
  ExpectThatUFollows();
}

TEST_F(SetAsideTest, TheSlotGoesOnWhenNobodyTakesPart) {
  ServeUntilFollowing({"t", "u"});
  Tell("pause", "t");
  Tell("pause", "u");
  ChangeT();
  const std::string written = database_->Value("select pg_current_wal_lsn()");
  EXPECT_TRUE(Soon([&] {
    return database_->Value(fmt::format("select confirmed_flush_lsn >= '{}' from "
                                        "pg_replication_slots where slot_name = "
                                        "'afluente_trial_src'",
                                        written)) == "t";
  })) << service_->err();
  Tell("resume", "t");
  EXPECT_TRUE(Soon([&] { return IsSame("t"); })) << service_->err();
  EXPECT_THAT(service_->err(), Not(HasSubstr("copied again")));
}

TEST_F(SetAsideTest, WhatIsKeptSurvivesTheProcess) {
  ServeUntilFollowing({"t", "u"});
  Tell("pause", "t");
  ChangeT();
  ExpectThatUFollows();
  EXPECT_TRUE(Soon([&] { return Of("t", "kept_bytes") > 0; }));
  service_->Signal(SIGKILL);
  service_->Wait();
  Source("delete from t where id = 5");
  ServeUntilFollowing({"t", "u"});
  EXPECT_TRUE(Soon([&] { return IsSame("t"); })) << service_->err();
  EXPECT_THAT(service_->err(), Not(HasSubstr("copied")));
  service_->Signal(SIGTERM);
  EXPECT_EQ(service_->Wait().exit_code, 0);
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(SetAsideTest, AHistoryHasEachChangeOnceThatWasKept) {
  Follow("t", "form: history\n");
  ServeUntilFollowing({"t", "u"});
  Tell("pause", "t");
  Source(
      "update t set id = 103 where id = 3; begin; update t set name = 'a' where id = 2; "
      "update t set id = 104 where id = 4; update t set name = 'b' where id = 2; commit");
  ExpectThatUFollows();
  Tell("resume", "t");
  constexpr const char* kChanges =
      "select string_agg(_op || ' ' || id, ', ' order by _lsn, _ordinal) from dw.d.t "
      "where _op <> 'snapshot'";
  const std::vector<std::string> expected = {
      "delete 3, update 103, update 2, delete 4, update 104, update 2"};
  EXPECT_TRUE(Soon([&] { return WarehouseLines(kChanges) == expected; }))
      << service_->err() << testing::PrintToString(WarehouseLines(kChanges));
  EXPECT_EQ(WarehouseLines("select count(*) = count(distinct (_lsn, _ordinal)) from dw.d.t where "
                           "_op <> 'snapshot'"),
            std::vector<std::string>{"true"});
}

TEST_F(SetAsideTest, MoreThanTheLimitIsDroppedAndTheTableCopiedAgain) {
  estate_.Write("estate.yaml",
                "estate: trial\nprojects:\n  dw: {}\nconnections:\n"
                "  src: { type: postgres, project: dw, dsn: \"${env:SRC_DSN}\", "
                "max_spool: 64kB }\n");
  ServeUntilFollowing({"t", "u"});
  Tell("pause", "t");
  Source("insert into t select i, 'n', repeat('y', 9000) from generate_series(21, 40) i");
  EXPECT_TRUE(Soon(
      [&] { return service_->err().find("more than 64 kB of changes") != std::string::npos; }));
  ExpectThatUFollows();
  EXPECT_EQ(Of("t", "kept_bytes"), 0);
  Source("delete from t where id = 1");
  Tell("resume", "t");
  EXPECT_TRUE(Soon([&] { return IsSame("t"); })) << service_->err();
}

TEST_F(SetAsideTest, OthersAreFollowedWhileATableIsCopiedAgain) {
  ServeUntilFollowing({"t", "u"});
  PgSession holder(database_->dsn());
  holder.Exec("begin; lock table t; insert into t values (12, 'held', null)");
  Tell("resync", "t");
  EXPECT_TRUE(Soon([&] { return StateOf("t") == "copying"; }));
  ExpectThatUFollows();
  EXPECT_EQ(StateOf("t"), "copying");
  EXPECT_EQ(StateOf("u"), "following");
  holder.Exec("update t set name = 'held' where id < 5; commit");
  ChangeT();
  EXPECT_TRUE(Soon([&] { return IsSame("t") && StateOf("t") == "following"; })) << service_->err();
  ExpectThatUFollows();
  EXPECT_EQ(Of("t", "copied_rows"), Of("u", "copied_rows") * 2 + 1);
}

TEST_F(SetAsideTest, OthersAreFollowedWhileANewTableIsCopied) {
  PgSession holder(database_->dsn());
  ServeWhileVIsCopied(holder);
  holder.Exec("commit");
  EXPECT_TRUE(Soon([&] { return StateOf("v") == "following" && IsSame("v"); })) << service_->err();
  Source("insert into v values (3, 'three')");
  EXPECT_TRUE(Soon([&] { return IsSame("v"); })) << service_->err();
}

TEST_F(SetAsideTest, AKillWhileANewTableIsCopiedBesideTheStreamLosesNothing) {
  PgSession holder(database_->dsn());
  ServeWhileVIsCopied(holder);
  service_->Signal(SIGKILL);
  (void)service_->Wait();
  holder.Exec("commit");
  ServeUntilFollowing({"t", "u", "v"});
  EXPECT_TRUE(Soon([&] { return IsSame("v"); })) << service_->err();
}

TEST_F(SetAsideTest, WhatAFailedTableMissesIsKept) {
  Follow("t", "on_schema_change: fail\n");
  ServeUntilFollowing({"t", "u"});
  ChangeT();
  EXPECT_TRUE(Soon([&] { return StateOf("t") == "failed"; })) << service_->err();
  ExpectThatUFollows();
  EXPECT_TRUE(Soon([&] { return Of("t", "kept_bytes") > 0; })) << service_->err();
  service_->Signal(SIGTERM);
  EXPECT_EQ(service_->Wait().exit_code, 0);
  Follow("t", "on_schema_change: evolve\n");
  ServeUntilFollowing({"t", "u"});
  EXPECT_TRUE(Soon([&] { return IsSame("t"); })) << service_->err();
  EXPECT_THAT(service_->err(), Not(HasSubstr("copied")));
}

}  // namespace
}  // namespace afluente::test

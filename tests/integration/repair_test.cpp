// Tables that have drifted from their source are found and repaired: only the rows that differ are
// written, in every form, also when the slot was lost and beside a writer that never stops.
#include <fmt/format.h>

#include <csignal>
#include <thread>

#include "support/serving.h"
#include "support/warehouse_file.h"

namespace afluente::test {
namespace {

using nlohmann::json;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class RepairTest : public ServingTest {
 protected:
  /// Table t with `rows` rows, followed with `yaml`.
  void Begin(int rows, const std::string& yaml = "") {
    Source(
        fmt::format("create table t(id int primary key, name text, n numeric(10,2)); insert "
                    "into t select i, 'name ' || i, i / 4.0 from generate_series(1, {}) i",
                    rows));
    Follow("t", yaml);
    RunOk("t");
  }

  void Damage(const std::string& sql) { ExecInFile(estate_.warehouse_file(), sql); }

  /// One row each that is missing, extra, different and there twice.
  void DamageFourRows() {
    Damage(
        "delete from d.t where id = 7; insert into d.t select 5000, 'nobody', 1;"
        "update d.t set name = 'drifted' where id = 9;"
        "insert into d.t select * from d.t where id = 11");
  }

  /// `reconcile t --repair` must leave no difference.
  json Repair(const std::string& name = "t") {
    const Outcome outcome = estate_.Run({"reconcile", name, "--repair", "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
    if (outcome.exit_code > 1) return json::object();
    const json report = json::parse(outcome.out);
    EXPECT_EQ(report.at("differences"), 0);
    return report;
  }
  static std::string Kinds(const json& report) {
    const json& rows = report.at("repaired_rows");
    return fmt::format("{} missing, {} extra, {} different", rows.at("missing").get<int>(),
                       rows.at("extra").get<int>(), rows.at("different").get<int>());
  }

  std::string One(const std::string& sql) { return WarehouseLines(sql).at(0); }
  /// Rows that all runs of t so far have read of the source, but for the first copy.
  std::int64_t RowsReadSinceTheCopy() {
    const json runs = json::parse(estate_.Run({"status", "t", "--json"}).out).at("runs");
    std::int64_t rows = 0;
    for (const json& run : runs) rows += run.at("rows").get<std::int64_t>();
    return rows - runs.back().at("rows").get<std::int64_t>();
  }

  void DropSlot() { Source("select pg_drop_replication_slot('afluente_trial_src')"); }
  void StopService() {
    service_->Signal(SIGTERM);
    EXPECT_EQ(service_->Wait().exit_code, 0);
    service_.reset();
  }
  bool Says(const std::string& words) const {
    return service_->err().find(words) != std::string::npos;
  }
  void ExpectEqualRows() {
    EXPECT_EQ(WarehouseLines(
                  With("select id::varchar, name, n::varchar from {}t order by t.id", "dw.d.")),
              SourceLines(With("select id, name, n from {}t order by id", "public.")));
  }
};

TEST_F(RepairTest, OnlyRowsThatDifferAreWritten) {
  Begin(2000);
  DamageFourRows();
  EXPECT_EQ(Differences("t"), 4);
  const json report = Repair();
  EXPECT_EQ(report.at("repaired"), 4);
  EXPECT_EQ(Kinds(report), "1 missing, 1 extra, 2 different");
  EXPECT_EQ(report.at("copied"), nullptr);
  EXPECT_EQ(RowsReadSinceTheCopy(), 3);  // The row that is extra is only deleted.
  ExpectEqualRows();
  EXPECT_EQ(Repair().at("repaired"), 0);
  // The stream goes on from there.
  Source("update t set name = 'later' where id = 9; delete from t where id = 7");
  RunOk("t");
  ExpectEqualRows();
}

TEST_F(RepairTest, ATableWithoutDifferencesIsLeftAlone) {
  Begin(10);
  EXPECT_EQ(Repair().at("repaired"), 0);
  EXPECT_EQ(RowsReadSinceTheCopy(), 0);
}

TEST_F(RepairTest, WhereMostRowsDifferACopyIsCheaper) {
  Begin(3000);
  Damage("update d.t set name = 'x' where id <= 2000");
  const json report = Repair();
  EXPECT_THAT(report.at("copied").get<std::string>(), HasSubstr("a copy is cheaper"));
  Damage("delete from d.t");
  EXPECT_THAT(Repair().at("copied").get<std::string>(), HasSubstr("a copy is cheaper"));
  ExpectEqualRows();
}

TEST_F(RepairTest, SoftDeleteMarksWhatTheSourceDoesNotHave) {
  Begin(20, "form: soft_delete");
  Source("delete from t where id in (3, 4)");
  RunOk("t");
  // 3 lives again, 5 was lost, 6 differs, 50 is nobody's.
  Damage(
      "update d.t set _deleted_at = null where id = 3; delete from d.t where id = 5;"
      "update d.t set name = 'drifted' where id = 6; insert into d.t values (50, 'x', 1, null)");
  EXPECT_EQ(Kinds(Repair()), "1 missing, 2 extra, 1 different");
  EXPECT_THAT(WarehouseLines("select id::varchar, name from dw.d.t where _deleted_at is not null "
                             "order by id"),
              ElementsAre("3|name 3", "4|name 4", "50|x"));
  EXPECT_EQ(One("select count(*)::varchar from dw.d.t"), "21");
  // A row that is marked and lives at the source is one row again.
  Damage("update d.t set _deleted_at = now() where id = 10");
  EXPECT_EQ(Kinds(Repair()), "1 missing, 0 extra, 0 different");
  EXPECT_EQ(One("select count(*)::varchar from dw.d.t where id = 10"), "1");
}

TEST_F(RepairTest, HistoryGetsTheRowsThatWereFound) {
  Begin(20, "form: history");
  Source("update t set name = 'second' where id = 2; delete from t where id = 3");
  RunOk("t");
  Damage(
      "delete from d.t where id = 5; delete from d.t where id = 3 and _op = 'delete';"
      "update d.t set name = 'drifted' where id = 2 and _op = 'update'");
  EXPECT_EQ(Kinds(Repair()), "1 missing, 1 extra, 1 different");
  EXPECT_THAT(WarehouseLines("select id::varchar, _op, name from dw.d.t where _lsn = (select "
                             "max(_lsn) from dw.d.t) order by id"),
              ElementsAre("2|snapshot|second", "3|delete|NULL", "5|snapshot|name 5"));
  Source("update t set name = 'third' where id = 2");
  RunOk("t");
  EXPECT_EQ(One("select name from dw.d.t where id = 2 order by _lsn desc, _ordinal desc limit 1"),
            "third");
  EXPECT_EQ(Differences("t"), 0);
}

struct Shape {
  const char* name;
  const char* create;
  const char* yaml;
  const char* damage;
  const char* kinds;
};
class RepairShapeTest : public RepairTest, public testing::WithParamInterface<Shape> {};

TEST_P(RepairShapeTest, IsRepaired) {
  Source(GetParam().create);
  Follow("t", GetParam().yaml);
  RunOk("t");
  Damage(GetParam().damage);
  const json report = Repair();
  EXPECT_EQ(Kinds(report), GetParam().kinds) << report.dump(2);
  EXPECT_EQ(report.at("copied"), nullptr);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, RepairShapeTest,
    testing::Values(
        Shape{"CompositeKey",
              "create table t(a int, b text, v text, primary key (a, b)); insert into t select i, "
              "k, 'v' from generate_series(1, 9) i, unnest(array['x', 'it''s', '']) k",
              "",
              "delete from d.t where a = 1 and b = ''; update d.t set v = 'w' where b = 'it''s' "
              "and a < 3; update d.t set b = 'other' where a = 9 and b = 'x'",
              "2 missing, 1 extra, 2 different"},
        Shape{"KeyOfTimeAndUuid",
              "create table t(at timestamptz, u uuid, v bytea, primary key (at, u)); insert into t "
              "select '2026-01-01 00:00:00.123456+02'::timestamptz + i * interval '1 day', "
              "md5(i::text)::uuid, decode(md5(i::text), 'hex') from generate_series(1, 9) i",
              "", "delete from d.t where rowid = 2; update d.t set v = null where rowid = 4",
              "1 missing, 0 extra, 1 different"},
        Shape{"MaskedKeyAndRenames",
              "create table t(id int primary key, phone text, name text); insert into t select i, "
              "'+55' || i, 'n' || i from generate_series(1, 9) i; create unique index p on "
              "t(phone); alter table t alter phone set not null; alter table t replica identity "
              "using index p",
              "columns:\n  phone: { mask: hash, rename: urn }\n  name: { mask: redact }",
              "delete from d.t where id = 1; update d.t set name = 'open' where id = 2; insert "
              "into d.t select * replace ('nobody' as urn) from d.t where id = 3",
              "1 missing, 1 extra, 1 different"},
        Shape{"Partitions",
              "create table t(id int primary key, v text) partition by range (id); create table "
              "t_low partition of t for values from (minvalue) to (5); create table t_high "
              "partition of t for values from (5) to (maxvalue); insert into t select i, 'v' || i "
              "from generate_series(1, 9) i",
              "", "delete from d.t where id in (1, 8); update d.t set v = 'w' where id in (2, 9)",
              "2 missing, 0 extra, 2 different"},
        Shape{"RowWiseTransform",
              "create table t(id int primary key, v text, w text); insert into t select i, 'v', "
              "'w' from generate_series(1, 9) i",
              "transform: SELECT id, v AS value FROM batch",
              "update d.t set value = 'x' where id = 4", "0 missing, 0 extra, 1 different"},
        Shape{"NothingButAKey",
              "create table t(id int primary key, v text); insert into t select i, 'v' from "
              "generate_series(1, 9) i",
              "columns:\n  v: { exclude: true }", "insert into d.t values (77)",
              "0 missing, 1 extra, 0 different"}),
    [](const auto& row) { return std::string(row.param.name); });

struct Incomparable {
  const char* name;
  const char* yaml;
  const char* why;
};
class RepairByCopyTest : public RepairTest, public testing::WithParamInterface<Incomparable> {};

// What cannot be compared is not taken for equal.
TEST_P(RepairByCopyTest, IsCopiedAndSaysWhy) {
  Source(
      "create table t(id int primary key, name text, seen timestamptz default '2026-01-01'); "
      "insert "
      "into t select i, 'n' from generate_series(1, 9) i");
  Follow("t", GetParam().yaml);
  RunOk("t");
  const std::string column =
      One("select column_name from (describe dw.d.t) where column_name <> "
          "'id' and column_name <> 'name' limit 1");
  Damage("update d.t set " + column + " = null where id = 4");
  const Outcome outcome = estate_.Run({"reconcile", "t", "--repair"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  EXPECT_THAT(outcome.out, HasSubstr(GetParam().why));
  EXPECT_EQ(One(fmt::format("select count({})::varchar from dw.d.t", column)), "9");
}

INSTANTIATE_TEST_SUITE_P(
    Columns, RepairByCopyTest,
    testing::Values(Incomparable{"MadeByTransform",
                                 "transform: SELECT id, upper(name) AS loud FROM batch",
                                 "column loud cannot be compared: made by the transform"},
                    Incomparable{"MaskedInAnotherText", "columns:\n  seen: { mask: hash }",
                                 "column seen cannot be compared: masked"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(RepairTest, ALostSlotNeedsNoCopy) {
  Begin(2000);
  DropSlot();
  Source(
      "insert into t values (3000, 'new', 1); update t set name = 'changed' where id in (1, 2); "
      "delete from t where id in (5, 6, 7)");
  Fails({"run", "t"}, 1, {"was lost", "`afluente reconcile t --repair`", "--full-refresh"});
  ServeUntilFollowing({"t"});
  EXPECT_TRUE(
      Says("slot afluente_trial_src was lost; compared 1998 rows, repaired 6 (1 missing, 3 "
           "extra, 2 different)"))
      << service_->err();
  EXPECT_FALSE(Says("copied"));
  EXPECT_EQ(Lag("t").at("copied_rows"), 3);
  Source("insert into t values (3001, 'later', 2)");
  EXPECT_TRUE(Soon([&] { return One("select count(*)::varchar from dw.d.t") == "1999"; }));
  StopService();
  ExpectEqualRows();
  EXPECT_EQ(Differences("t"), 0);
}

TEST_F(RepairTest, ALostSlotIsCuredByHandToo) {
  Begin(100);
  DropSlot();
  Source("delete from t where id = 5");
  const json report = Repair();
  EXPECT_EQ(Kinds(report), "0 missing, 1 extra, 0 different");
  Source("insert into t values (101, 'later', 2)");
  RunOk("t");
  ExpectEqualRows();
}

TEST_F(RepairTest, AColumnThatCameWhileTheSlotWasLostIsCopied) {
  Begin(10);
  DropSlot();
  Source("alter table t add plan text default 'free'; update t set plan = 'paid' where id = 3");
  ServeUntilFollowing({"t"});
  EXPECT_TRUE(Says("the table is copied again, because column plan is new")) << service_->err();
  EXPECT_EQ(One("select count(*)::varchar from dw.d.t where plan = 'paid'"), "1");
}

TEST_F(RepairTest, ATableThatIsGoneIsCopied) {
  Begin(10);
  DropSlot();
  Damage("drop table d.t");
  ServeUntilFollowing({"t"});
  ExpectEqualRows();
}

// One commit: whatever kills it, all of the repair stands there or nothing of it.
TEST_F(RepairTest, AKilledRepairHasHappenedOrNot) {
  Begin(20'000);
  constexpr int kDamaged = 900;
  bool was_killed = false;
  for (int limit_ms = 20; limit_ms < 2'000; limit_ms += limit_ms / 2) {
    Damage(
        fmt::format("update d.t set name = name || '!' where id <= {0}; delete from d.t where "
                    "id > 1000 and id <= 1000 + {0} / 2",
                    kDamaged));
    Process process(estate_.Afluente({"reconcile", "t", "--repair", "--quiet"}));
    const bool ended = process.EndsWithin(std::chrono::milliseconds(limit_ms));
    process.Signal(SIGKILL);
    (void)process.Wait();
    was_killed = was_killed || !ended;
    EXPECT_THAT(Differences("t"), AnyOf(0, kDamaged * 3 / 2)) << "after " << limit_ms << " ms";
    Repair();
  }
  EXPECT_TRUE(was_killed);
  Source("delete from t where id = 1");
  RunOk("t");
  ExpectEqualRows();
}

TEST_F(RepairTest, OnlyFollowedTablesAreRepaired) {
  Source("create table s(id int primary key)");
  Declare("s", "public.s", "dw.d.s", "mode: snapshot\n");
  Fails({"reconcile", "s", "--repair"}, 2,
        {"--repair is for integrations of mode cdc", "`afluente run s --full-refresh`"});
}

/// A writer that never stops until the test ends.
class BusyRepairTest : public RepairTest {
 protected:
  void Begin(const std::string& yaml) {
    RepairTest::Begin(3000, yaml);
    writer_ = std::jthread([dsn = database_->dsn()](const std::stop_token& stop) {
      PgSession session(dsn);
      for (int i = 0; !stop.stop_requested(); ++i) {
        session.Exec(fmt::format(
            "begin; update t set n = n + 1 where id in (100, 101, {}); delete from t where id = "
            "{}; insert into t values ({}, 'new', 0); commit",
            110 + i % 50, 10'000 + i - 5, 10'000 + i));
      }
    });
  }
  void StopWriter() {
    writer_.request_stop();
    writer_.join();
  }
  json Verification() {
    const json row = Lag("t");
    return row.is_null() ? row : row.at("verification");
  }
  void UntilVerified() {
    EXPECT_TRUE(Soon([&] { return !Verification().is_null(); })) << service_->err();
  }

  std::jthread writer_;
};

TEST_F(BusyRepairTest, WhatIsOnItsWayIsNoDifference) {
  Begin("verify: 1h");
  Damage("update d.t set name = 'drifted' where id = 9; delete from d.t where id = 7");
  ServeUntilFollowing({"t"});
  UntilVerified();
  EXPECT_EQ(Verification().at("differences"), 2) << service_->err();
  EXPECT_EQ(Verification().at("repaired"), 0);
  EXPECT_TRUE(Says("t: 2 of")) << service_->err();
  const Outcome compared = estate_.Run({"reconcile", "t", "--json"});
  EXPECT_EQ(json::parse(compared.out).at("differences"), 2) << compared.ToString();
  EXPECT_THAT(estate_.Run({"lag"}).out, HasSubstr("2 differ 20"));
  const json repaired = Repair();
  EXPECT_GE(repaired.at("repaired").get<int>(), 2);
  StopWriter();
  EXPECT_EQ(Repair().at("repaired"), 0);
  StopService();
  ExpectEqualRows();
  EXPECT_THAT(estate_.Run({"status"}).out, HasSubstr("equal"));
}

TEST_F(BusyRepairTest, AVerificationRepairsWhenItIsToldTo) {
  Begin("verify: { every: 1h, repair: true }");
  Damage("update d.t set name = 'drifted' where id = 9; delete from d.t where id = 7");
  ServeUntilFollowing({"t"});
  UntilVerified();
  EXPECT_EQ(Verification().at("differences"), 2) << service_->err();
  EXPECT_GE(Verification().at("repaired").get<int>(), 2);
  EXPECT_EQ(Differences("t"), 0);
  StopWriter();
  EXPECT_EQ(Differences("t"), 0);
  StopService();
  ExpectEqualRows();
  // It is remembered: a new process does not verify again before it is due.
  ServeUntilFollowing({"t"});
  EXPECT_THAT(service_->err(), Not(HasSubstr("verified")));
}

TEST_F(BusyRepairTest, ALostSlotBesideAWriter) {
  Begin("form: soft_delete");
  DropSlot();
  Source("delete from t where id between 500 and 509");
  ServeUntilFollowing({"t"});
  EXPECT_TRUE(Says("slot afluente_trial_src was lost; compared")) << service_->err();
  EXPECT_EQ(Differences("t"), 0);
  StopWriter();
  EXPECT_EQ(Differences("t"), 0);
  EXPECT_EQ(One("select count(*)::varchar from dw.d.t where _deleted_at is not null and id between "
                "500 and 509"),
            "10");
}

}  // namespace
}  // namespace afluente::test

// Reverse ETL: a table of the warehouse into a table of PostgreSQL.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "support/movement.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// public.t moves to dw.d.t by `t`, and from there to public.r by `back`.
class ReverseTest : public MovementTest {
 protected:
  void Back(const std::string& yaml = "", const std::string& destination = "public.r, key: [id]") {
    estate_.Integration("back", fmt::format("source: {{ warehouse_table: dw.d.t }}\n"
                                            "destination: {{ connection: src, table: {} }}\n"
                                            "mode: snapshot\n{}",
                                            destination, yaml));
  }
  void Tables(const std::string& columns, const std::string& rows) {
    Source(fmt::format("create table t({0}); insert into t values {1}; create table r({0})",
                       columns, rows));
    Declare("");
  }
  RunReport Move() {
    RunOk("t");
    return RunOk("back");
  }
  std::int64_t Written(const RunReport& report) {
    return report.entry.value("rows_written", std::int64_t{-1});
  }
  std::vector<std::string> There() { return SourceLines("select * from r order by 1"); }
};

TEST_F(ReverseTest, SendsRowsThenOnlyWhatChanged) {
  Tables("id int primary key, name text", "(1, 'ana'), (2, 'bia'), (3, null)");
  Back();
  const RunReport first = Move();
  EXPECT_EQ(first.rows, 3);
  EXPECT_EQ(Written(first), 3);
  EXPECT_THAT(There(), ElementsAre("1|ana", "2|bia", "3|NULL"));

  const auto versions = SourceLines("select id, xmin from r order by id");
  const RunReport quiet = Move();
  EXPECT_EQ(quiet.rows, 3);
  EXPECT_EQ(Written(quiet), 0);
  EXPECT_EQ(SourceLines("select id, xmin from r order by id"), versions);

  Source("update t set name = 'bea' where id = 2; insert into t values (4, 'cid')");
  EXPECT_EQ(Written(Move()), 2);
  EXPECT_THAT(There(), ElementsAre("1|ana", "2|bea", "3|NULL", "4|cid"));
  EXPECT_EQ(SourceLines("select xmin from r where id = 1"),
            std::vector<std::string>{versions[0].substr(2)});
}

TEST_F(ReverseTest, RowsOfOthersAndRowsThatLeftStay) {
  Tables("id int primary key, name text", "(1, 'ana'), (2, 'bia')");
  Source("insert into r values (1, 'old'), (9, 'of the application')");
  Back();
  Move();
  Source("delete from t where id = 2");
  EXPECT_EQ(Written(Move()), 0);
  EXPECT_THAT(There(), ElementsAre("1|ana", "2|bia", "9|of the application"));
}

TEST_F(ReverseTest, DeletesTakeWhatWasSentAndLeft) {
  Tables("id int primary key, name text", "(1, 'ana'), (2, 'bia')");
  Source("insert into r values (9, 'of the application')");
  Back("deletes: delete");
  Move();
  Source("delete from t where id = 2");
  EXPECT_EQ(Written(Move()), 1);
  EXPECT_THAT(There(), ElementsAre("1|ana", "9|of the application"));
  EXPECT_EQ(Written(Move()), 0);
}

TEST_F(ReverseTest, ReplaceTakesEveryOtherRow) {
  Tables("id int primary key, name text", "(1, 'ana'), (2, 'bia')");
  Source("insert into r values (9, 'of the application')");
  Back("write: replace");
  EXPECT_EQ(Written(Move()), 3);
  EXPECT_THAT(There(), ElementsAre("1|ana", "2|bia"));
  EXPECT_EQ(Written(Move()), 0);
  Source("insert into r values (8, 'again'); delete from t where id = 1");
  Move();
  EXPECT_THAT(There(), ElementsAre("2|bia"));
}

TEST_F(ReverseTest, AppendAddsWhatWasNotSent) {
  Tables("id int, name text", "(1, 'ana'), (1, 'ana'), (2, null)");
  Back("write: append", "public.r");
  EXPECT_EQ(Written(Move()), 3);
  EXPECT_EQ(Written(Move()), 0);
  Source("insert into t values (1, 'ana'), (3, 'cid')");
  EXPECT_EQ(Written(Move()), 2);
  EXPECT_THAT(There(), ElementsAre("1|ana", "1|ana", "1|ana", "2|NULL", "3|cid"));
}

TEST_F(ReverseTest, ReplaceWithoutKeyIsOneTransaction) {
  Tables("id int, name text", "(1, 'ana'), (1, 'ana'), (2, null)");
  Source("insert into r values (9, 'old')");
  Back("", "public.r");
  EXPECT_EQ(Written(Move()), 3);
  EXPECT_THAT(There(), ElementsAre("1|ana", "1|ana", "2|NULL"));
  EXPECT_EQ(Written(Move()), 0);
  Source("delete from t where id = 2");
  EXPECT_EQ(Written(Move()), 2);
  EXPECT_THAT(There(), ElementsAre("1|ana", "1|ana"));
  EXPECT_THAT(SourceLines("select count(distinct xmin::text) from r"), ElementsAre("1"));
}

TEST_F(ReverseTest, ShapesOnTheWay) {
  Tables("id int primary key, name text, score float8", "(1, 'ana', 0.5), (2, 'bia', 0.25)");
  Source(
      "drop table r; create table r(id bigint primary key, nome varchar(9), pontos numeric, "
      "origem text default 'app', loud text)");
  Back(
      "where: id < 3\n"
      "columns: { name: { rename: nome }, score: { rename: pontos } }\n"
      "transform: SELECT *, upper(nome) AS loud FROM batch");
  Move();
  EXPECT_THAT(There(), ElementsAre("1|ana|0.5|app|ANA", "2|bia|0.25|app|BIA"));
  Source("update r set origem = 'hand'; update t set score = 1.1");
  Move();
  EXPECT_THAT(There(), ElementsAre("1|ana|1.1|hand|ANA", "2|bia|1.1|hand|BIA"));
}

TEST_F(ReverseTest, ARestoredDestinationGetsEverythingAgain) {
  Tables("id int primary key, name text", "(1, 'ana'), (2, 'bia')");
  Back();
  Move();
  Source("create table backup as select * from afluente.checkpoints; update t set name = 'x'");
  Move();
  // As a restore does: old rows, old checkpoint.
  Source(
      "update r set name = 'restored'; delete from afluente.checkpoints; insert into "
      "afluente.checkpoints select * from backup");
  EXPECT_EQ(Written(Move()), 2);
  EXPECT_THAT(There(), ElementsAre("1|x", "2|x"));
  Source("truncate r");
  EXPECT_EQ(Written(Move()), 2);
  EXPECT_THAT(There(), ElementsAre("1|x", "2|x"));
  Source("drop table r; create table r(id int primary key, name text)");
  EXPECT_EQ(Written(Move()), 2);
}

TEST_F(ReverseTest, AFullRefreshSendsEverythingAndWritesWhatDiffers) {
  Tables("id int primary key, name text", "(1, 'ana'), (2, 'bia')");
  Back();
  Move();
  Source("update r set name = 'by hand' where id = 1");
  EXPECT_EQ(Written(RunOk("back")), 0);
  EXPECT_EQ(Written(RunOk("back", {"--full-refresh"})), 1);
  EXPECT_THAT(There(), ElementsAre("1|ana", "2|bia"));
}

TEST_F(ReverseTest, WhatDoesNotExistIsNamed) {
  Tables("id int primary key, score int", "(1, 2)");
  Source("alter table r rename score to scores");
  Back();
  RunFails("back", 1, {"dw.d.t", "run the integration or the model"});
  RunOk("t");
  RunFails("back", 1, {"public.r", "\"score\"", "did you mean \"scores\"?"});
  Back("", "public.rr, key: [id]");
  RunFails("back", 1, {"public.rr", "does not exist"});
  Source("alter table r rename scores to score; alter table r drop constraint r_pkey");
  Back();
  RunFails("back", 1, {"unique index", "CREATE UNIQUE INDEX ON public.r (\"id\")"});
}

TEST_F(ReverseTest, ARefusedRowIsNamedByItsKeyAlone) {
  Tables("id int primary key, name text, n int", "(1, 'ana', 1), (42, 'secret', 2), (3, 'cid', 3)");
  Source("alter table r add constraint no_secrets check (name <> 'secret')");
  Back();
  RunOk("t");
  const Outcome outcome = RunFails("back", 1, {"row id=42", "no_secrets"});
  EXPECT_THAT(outcome.err, Not(HasSubstr("secret'")));
  EXPECT_THAT(There(), IsEmpty());

  Source("alter table r drop constraint no_secrets; alter table r alter name type int using 0");
  const Outcome text = RunFails("back", 1, {"row id=1", "invalid input syntax"});
  EXPECT_THAT(text.err, Not(HasSubstr("ana")));

  Back("columns: { id: { mask: hash } }");
  Source(
      "drop table r; create table r(id text primary key, name text check (name <> 'secret'), "
      "n int)");
  EXPECT_THAT(RunFails("back", 1, {"its key is masked"}).err, Not(HasSubstr("42")));
}

TEST_F(ReverseTest, DeadLettersLetTheRestGoOn) {
  Tables("id int primary key, name text, other int",
         "(1, 'ana', 1), (2, null, 2), (3, 'cid', 3), (4, 'dora', 99), (5, 'eva', 1)");
  Source(
      "create table parent(id int primary key); insert into parent values (1), (2), (3);"
      "alter table r alter name set not null, add foreign key (other) references parent");
  Back("on_bad_row: dead_letter");
  const RunReport report = Move();
  EXPECT_EQ(Written(report), 3);
  EXPECT_EQ(report.entry.value("dead_letters", -1), 2);
  EXPECT_THAT(There(), ElementsAre("1|ana|1", "3|cid|3", "5|eva|1"));
  EXPECT_THAT(WarehouseLines("select key, reason like '%not-null%' or reason like '%foreign key%' "
                             "from dw._afluente.dead_letters order by key"),
              ElementsAre("id=2|true", "id=4|true"));
  Source("insert into parent values (99)");
  EXPECT_EQ(Written(Move()), 1);
  EXPECT_THAT(SourceLines("select id from r where id = 4"), ElementsAre("4"));
}

TEST_F(ReverseTest, NothingIsRoundedInSilence) {
  Tables("id int primary key, v numeric(12,4)", "(1, 1.2500), (7, 1.2345)");
  Source("alter table r alter v type numeric(12,2)");
  Back();
  RunOk("t");
  RunFails("back", 1, {"row id=7", "\"v\"", "numeric(12,2)", "round"});
}

TEST_F(ReverseTest, AnotherSessionsLockEndsTheRunWithTheCure) {
  Tables("id int primary key, name text", "(1, 'ana')");
  Back();
  RunOk("t");
  PgSession other(database_->dsn());
  other.Exec("begin; lock table r in access exclusive mode");
  const auto began = std::chrono::steady_clock::now();
  RunFails("back", 3, {"public.r", "lock", "run again"});
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30));
  other.Exec("rollback");
  EXPECT_EQ(Written(RunOk("back")), 1);
}

TEST_F(ReverseTest, ARoleWithoutRightsIsToldTheSql) {
  Tables("id int primary key, name text", "(1, 'ana')");
  Source("create role writer login password 'w'; grant insert, select, update on r to writer");
  estate_.SetEnv("SRC_DSN", database_->dsn("writer", "w"));
  Source("grant select on t to writer");
  Back();
  RunOk("t");
  RunFails("back", 2, {"CREATE SCHEMA IF NOT EXISTS afluente", "GRANT", "writer"});
  Source("create schema afluente authorization writer");
  EXPECT_EQ(Written(RunOk("back")), 1);
  Source("drop schema afluente cascade; delete from r");
  Source(
      "create schema afluente; create table afluente.checkpoints (integration text primary key, "
      "kind text not null, position jsonb not null, committed_at timestamptz not null);"
      "grant usage on schema afluente to writer; grant select, insert, update on "
      "afluente.checkpoints to writer");
  EXPECT_EQ(Written(RunOk("back")), 1);
  estate_.SetEnv("SRC_DSN", database_->dsn());
  Source("drop owned by writer; drop role writer");
}

TEST_F(ReverseTest, KeysThatAreNullOrTwiceAreRefused) {
  Tables("id int, name text", "(1, 'ana'), (1, 'bia')");
  Source("create unique index on r(id)");
  Back();
  RunOk("t");
  RunFails("back", 1, {"not unique"});
  Source("update t set id = null where name = 'bia'");
  RunOk("t");
  RunFails("back", 1, {"NULL in the key"});
}

TEST_F(ReverseTest, PostgresToPostgresAndWarehouseToWarehouse) {
  Tables("id int primary key, name text", "(1, 'ana'), (2, 'bia')");
  RunOk("t");
  estate_.Integration("direct",
                      "source: { connection: src, table: public.t }\n"
                      "destination: { connection: src, table: public.r, key: [id] }\n"
                      "mode: snapshot\n");
  estate_.Integration("copy",
                      "source: { warehouse_table: dw.d.t }\n"
                      "destination: { table: dw.d.copy }\n"
                      "mode: snapshot\n");
  EXPECT_EQ(Written(RunOk("direct")), 2);
  EXPECT_EQ(Written(RunOk("direct")), 0);
  EXPECT_EQ(RunOk("copy").rows, 2);
  EXPECT_THAT(WarehouseLines("select * from dw.d.copy order by id"), ElementsAre("1|ana", "2|bia"));
}

TEST_F(ReverseTest, KilledInTheMiddle) {
  Source(
      "create table t(id int primary key, v text); insert into t select i, md5(i::text) from "
      "generate_series(1, 150000) i; create table r(id int primary key, v text); create table "
      "a(id int, v text)");
  Declare("");
  Back("deletes: delete");
  estate_.Integration("append",
                      "source: { warehouse_table: dw.d.t }\n"
                      "destination: { connection: src, table: public.a }\n"
                      "mode: snapshot\nwrite: append\n");
  int kills = 0;
  for (int round = 0; round < 8; ++round) {
    RunOk("t");
    for (const std::string name : {"back", "append"}) {
      const std::string table = name == "back" ? "r" : "a";
      const auto landed = [&] {
        return SourceLines(
            fmt::format("select count(*) from {} t where exists (select from t s "
                        "where s.id = t.id and s.v = t.v)",
                        table))[0];
      };
      const std::string before = landed();
      Process process(estate_.Afluente({"run", name}));
      // Dies when the first rows of this round have been committed, or later.
      for (int i = 0; i < 2000 && landed() == before; ++i) {
        if (process.EndsWithin(std::chrono::milliseconds(5))) break;
      }
      if (!process.EndsWithin(std::chrono::milliseconds(20 * round))) {
        process.Signal(SIGKILL);
        ++kills;
      }
      process.Wait();
      RunOk(name);
    }
    EXPECT_THAT(SourceLines("(table t except table r) union all (table r except table t)"),
                IsEmpty())
        << "round " << round;
    // Each version of each row once: no row was appended twice, none was lost.
    EXPECT_THAT(SourceLines("select id, v from a group by 1, 2 having count(*) > 1 limit 3"),
                IsEmpty())
        << "round " << round;
    EXPECT_THAT(SourceLines("table t except table a limit 3"), IsEmpty()) << "round " << round;
    Source(
        fmt::format("update t set v = md5(v || {}) where id % 2 = 0; delete from t where id % "
                    "1000 = {}",
                    round, round));
  }
  EXPECT_GE(kills, 8);
}

}  // namespace
}  // namespace afluente::test

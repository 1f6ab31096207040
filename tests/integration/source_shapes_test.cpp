// What a source can be: odd names, views, partitions, children, queries.
#include <fmt/format.h>

#include "support/movement.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;

class SourceShapesTest : public MovementTest {
 protected:
  void DeclareQuery(const std::string& query, const std::string& yaml = "mode: snapshot") {
    std::string indented = "    ";
    for (const char letter : query) indented += letter == '\n' ? "\n    " : std::string(1, letter);
    estate_.Integration("t", fmt::format("source:\n  connection: src\n  query: |\n{}\n"
                                         "destination: {{ table: dw.d.t }}\n{}",
                                         indented, yaml));
  }
};

TEST_F(SourceShapesTest, OddNamesAreKept) {
  Source(R"(create schema "Odd ""Schema""";
            create table "Odd ""Schema"""."Ta.ble çã"("Id" int, "with space" text, "select" int,
              "quote""d" text, "ünï✓" int, "a.b" int, "'single'" int);
            insert into "Odd ""Schema"""."Ta.ble çã" values (1, 'x', 2, 'y', 3, 4, 5))");
  Declare("t", R"("Odd ""Schema"""."Ta.ble çã")", "dw.d.t", "");
  RunOk("t");
  EXPECT_THAT(WarehouseColumns(),
              ElementsAre("Id INTEGER", "with space VARCHAR", "select INTEGER", "quote\"d VARCHAR",
                          "ünï✓ INTEGER", "a.b INTEGER", "'single' INTEGER"));
  EXPECT_THAT(WarehouseLines(R"(select "Id", "with space", "select", "quote""d" from dw.d.t)"),
              ElementsAre("1|x|2|y"));
}

TEST_F(SourceShapesTest, ProjectAndDatasetWithHyphens) {
  estate_.Write("estate.yaml",
                "estate: trial\nprojects:\n  operations-dashboards: { description: x }\n"
                "connections:\n  src: { type: postgres, project: operations-dashboards, dsn: "
                "\"${env:SRC_DSN}\" }\n");
  Source("create table t(id int); insert into t values (1)");
  Declare("t", "public.t", "operations-dashboards.analytics.t", "");
  RunOk("t");
  EXPECT_THAT(WarehouseLines(R"(select id from "operations-dashboards".analytics.t)"),
              ElementsAre("1"));
}

TEST_F(SourceShapesTest, TableWithoutSchemaIsAFindingThatSaysWhatToWrite) {
  Declare("t", "t", "dw.d.t", "");
  RunFails("t", 2, {"write public.t"});
}

TEST_F(SourceShapesTest, Views) {
  Source(
      "create table base(id int, x int); insert into base values (1, 10), (2, 20);"
      "create view t as select id, x * 2 as twice from base where id > 1");
  Declare("");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, twice from dw.d.t"), ElementsAre("2|40"));
}

TEST_F(SourceShapesTest, MaterializedViews) {
  Source("create materialized view t as select i as id from generate_series(1, 3) i");
  Declare("");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select count(*) from dw.d.t"), ElementsAre("3"));
}

TEST_F(SourceShapesTest, PartitionsWithColumnsInAnotherOrder) {
  Source(
      "create table t(id int, name text, at date) partition by range (at);"
      "create table t_2020 partition of t for values from ('2020-01-01') to ('2021-01-01');"
      "create table t_2021(at date not null, junk int, name text, id int);"
      "alter table t_2021 drop column junk;"
      "alter table t attach partition t_2021 for values from ('2021-01-01') to ('2022-01-01');"
      "create table t_rest partition of t default partition by list (name);"
      "create table t_rest_x partition of t_rest default;"
      "insert into t values (1, 'a', '2020-06-01'), (2, 'b', '2021-06-01'), (3, 'c', "
      "'1999-01-01')");
  for (const char* parallel : {"parallel: 1", "parallel: 3"}) {
    Declare(parallel);
    RunOk("t");
    EXPECT_THAT(WarehouseLines("select id, name, \"at\" from dw.d.t order by id"),
                ElementsAre("1|a|2020-06-01", "2|b|2021-06-01", "3|c|1999-01-01"));
  }
}

TEST_F(SourceShapesTest, RightsOnThePartitionedTableAloneAreEnough) {
  Source(
      "create table t(id int) partition by range (id);"
      "create table t_1 partition of t for values from (0) to (100);"
      "create table t_2 partition of t for values from (100) to (200);"
      "insert into t select i from generate_series(1, 199) i; grant select on t to reader");
  estate_.SetEnv("SRC_DSN", database_->dsn("reader", "secret-of-reader"));
  Declare("parallel: 3");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select count(*), sum(id) from dw.d.t"), ElementsAre("199|19900"));
}

TEST_F(SourceShapesTest, RightsOnSomeColumnsWithTheOthersExcluded) {
  Source(
      "create table t(id int, secret text, name text); insert into t values (1, 's', 'n');"
      "grant select (id, name) on t to reader");
  estate_.SetEnv("SRC_DSN", database_->dsn("reader", "secret-of-reader"));
  Declare("columns: { secret: { exclude: true } }");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, name from dw.d.t"), ElementsAre("1|n"));
}

TEST_F(SourceShapesTest, InheritanceReadsChildrenToo) {
  Source(
      "create table t(id int, name text); create table child(extra int) inherits (t);"
      "insert into t values (1, 'p'); insert into child values (2, 'c', 9)");
  for (const char* parallel : {"parallel: 1", "parallel: 3"}) {
    Declare(parallel);
    RunOk("t");
    EXPECT_THAT(WarehouseLines("select id, name from dw.d.t order by id"),
                ElementsAre("1|p", "2|c"));
  }
}

TEST_F(SourceShapesTest, RowSecurityIsObeyed) {
  Source(
      "create table t(id int); insert into t values (1), (2); alter table t enable row level "
      "security;"
      "create policy odd on t for select using (id % 2 = 1); grant select on t to reader");
  estate_.SetEnv("SRC_DSN", database_->dsn("reader", "secret-of-reader"));
  Declare("parallel: 2");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id from dw.d.t"), ElementsAre("1"));
}

TEST_F(SourceShapesTest, CustomQuery) {
  Source(
      "create table a(id int, v text); create table b(a_id int, n numeric(6,2));"
      "insert into a values (1, 'x'), (2, 'y'); insert into b values (1, 1.5), (1, 2.5)");
  DeclareQuery(
      "select a.id, a.v, sum(b.n)::numeric(8,2) as total -- with a comment\n"
      "from a left join b on b.a_id = a.id\ngroup by 1, 2 -- and one at the end");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, v, total from dw.d.t order by id"),
              ElementsAre("1|x|4.00", "2|y|NULL"));
}

TEST_F(SourceShapesTest, CustomQueryWithCte) {
  DeclareQuery(
      "with n as (select generate_series(1, 3) as id) select id, id * id as square from n");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, square from dw.d.t order by id"),
              ElementsAre("1|1", "2|4", "3|9"));
}

TEST_F(SourceShapesTest, CustomQueryIncrementally) {
  Source("create table a(id int, v text); insert into a values (1, 'x')");
  DeclareQuery("select id, upper(v) as v from a", "mode: incremental\ncursor: [id]");
  EXPECT_EQ(RunOk("t").rows, 1);
  Source("insert into a values (2, 'y')");
  EXPECT_EQ(RunOk("t").rows, 1);
  EXPECT_THAT(WarehouseLines("select id, v from dw.d.t order by id"), ElementsAre("1|X", "2|Y"));
}

TEST_F(SourceShapesTest, GeneratedColumns) {
  Source(
      "create table t(id int generated always as identity, net numeric(8,2),"
      "  gross numeric(8,2) generated always as (net * 1.1) stored);"
      "insert into t(net) values (10), (20)");
  Declare("");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, net, gross from dw.d.t order by id"),
              ElementsAre("1|10.00|11.00", "2|20.00|22.00"));
}

TEST_F(SourceShapesTest, DroppedColumnsLeaveNoTrace) {
  Source(
      "create table t(id int, gone text, v text); insert into t values (1, 'x', 'y');"
      "alter table t drop column gone; alter table t add column late int default 7");
  Declare("");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, v, late from dw.d.t"), ElementsAre("1|y|7"));
}

TEST_F(SourceShapesTest, TableOfNoColumnsIsRefusedWithWords) {
  Source("create table t(); insert into t default values");
  Declare("");
  RunFails("t", 2, {"public.t", "no columns"});
}

TEST_F(SourceShapesTest, TempAndUnloggedTables) {
  Source("create unlogged table t(id int); insert into t values (1)");
  Declare("");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id from dw.d.t"), ElementsAre("1"));
}

// The server's own settings must not shape what arrives.
TEST_F(SourceShapesTest, HostileSessionDefaults) {
  Source(fmt::format(
      "alter database {} set datestyle = 'SQL, DMY';"
      "alter database {} set intervalstyle = 'iso_8601';"
      "alter database {} set extra_float_digits = -10;"
      "alter database {} set bytea_output = 'escape';"
      "alter database {} set timezone = 'Asia/Kolkata';"
      "alter database {} set search_path = 'pg_temp';"
      "alter database {} set default_transaction_isolation = 'serializable';"
      "alter database {} set statement_timeout = '2s';"
      "alter database {} set xmlbinary = 'hex'",
      database_->name(), database_->name(), database_->name(), database_->name(), database_->name(),
      database_->name(), database_->name(), database_->name(), database_->name()));
  Source(
      "create type public.at as (a timestamptz, d date, i interval, f float8, b bytea);"
      "create table public.t(id int, c public.at, r tstzrange, p point, ia interval[], ts "
      "timestamptz);"
      "insert into public.t values (1, row('2020-03-04 05:06:07+00', '2020-03-04', '1 mon 2 days',"
      "  0.1::float8 + 0.2, '\\x00ff'), '[2020-03-04 00:00+00,)', point(0.1, 1.0 / 3),"
      "  '{1 mon 2 days}', '2020-03-04 05:06:07+00')");
  Declare("columns: { ts: { type: text } }");
  RunOk("t");
  EXPECT_EQ(WarehouseLines("select c, r, p, ts from dw.d.t"),
            SourceLines("select c::text, r::text, p::text, ts::text from public.t"));
}

TEST_F(SourceShapesTest, ForeignKeysTriggersAndCommentsDoNotMatter) {
  Source(
      "create table a(id int primary key); create table t(id int references a, \"check\" int check "
      "(\"check\" > 0));"
      "comment on table t is 'x'; insert into a values (1); insert into t values (1, 2)");
  Declare("");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, \"check\" from dw.d.t"), ElementsAre("1|2"));
}

}  // namespace
}  // namespace afluente::test

// What happens to columns and rows on their way: choice, names, masks, types, SQL.
#include <fmt/format.h>

#include <set>

#include "support/movement.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ColumnsTest : public MovementTest {
 protected:
  ColumnsTest() {
    Source(
        "create table t(id int, name text, phone text, doc text, birth date, n numeric(10,2));"
        "insert into t values (1, 'Ana', '+5511999991234', '123.456.789-00', '2001-02-03', 1.50),"
        "  (2, 'Bia', '+5511999991234', '12', '1999-12-31', -2), (3, null, null, null, null, "
        "null)");
  }
};

TEST_F(ColumnsTest, Exclude) {
  Declare("columns: { phone: { exclude: true }, doc: { exclude: true } }");
  RunOk("t");
  EXPECT_THAT(WarehouseColumns(),
              ElementsAre("id INTEGER", "name VARCHAR", "birth DATE", "n DECIMAL(10,2)"));
}

TEST_F(ColumnsTest, IncludeLeavesTheOthersOut) {
  Declare("columns: { name: { include: true }, id: { include: true } }");
  RunOk("t");
  EXPECT_THAT(WarehouseColumns(), ElementsAre("id INTEGER", "name VARCHAR"));
}

TEST_F(ColumnsTest, Rename) {
  Declare("columns: { name: { rename: full_name }, id: { rename: \"Odd Name\" } }");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select \"Odd Name\", full_name from dw.d.t order by 1 limit 1"),
              ElementsAre("1|Ana"));
}

TEST_F(ColumnsTest, RenameSwapsTwoColumns) {
  Declare("columns: { name: { rename: phone }, phone: { rename: name } }");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select name, phone from dw.d.t where id = 1"),
              ElementsAre("+5511999991234|Ana"));
}

TEST_F(ColumnsTest, RenamedKeyAndCursor) {
  Declare("t", "public.t", "dw.d.t, key: [pk]",
          "mode: incremental\ncursor: [id]\nwrite: upsert\ncolumns: { id: { rename: pk } }");
  RunOk("t");
  Source("insert into t(id, name) values (4, 'Dri')");
  EXPECT_EQ(RunOk("t").rows, 1);
  EXPECT_THAT(WarehouseLines("select count(*), max(pk) from dw.d.t"), ElementsAre("4|4"));
}

TEST_F(ColumnsTest, MasksHideAndKeepNull) {
  Declare(
      "columns:\n  name: { mask: redact, pii: name }\n  phone: { mask: hash, pii: phone }\n"
      "  doc: { mask: last4, pii: document }\n  birth: { mask: \"null\", pii: birth_date }\n");
  RunOk("t");
  const auto lines = WarehouseLines("select name, phone, doc, birth from dw.d.t order by id");
  ASSERT_EQ(lines.size(), 3U);
  for (const std::string& line : lines) {
    for (const char* secret : {"Ana", "Bia", "+55", "99999", "123.456", "2001", "|12|"}) {
      EXPECT_THAT(line, Not(HasSubstr(secret)));
    }
  }
  EXPECT_THAT(lines[0], HasSubstr("9-00|NULL"));
  EXPECT_EQ(lines[2], "NULL|NULL|NULL|NULL");
  // Equal values stay equal, so that masked columns still join.
  EXPECT_THAT(WarehouseLines("select count(distinct phone), count(phone) from dw.d.t"),
              ElementsAre("1|2"));
}

TEST_F(ColumnsTest, HashDependsOnTheSaltAndIsStable) {
  Declare("columns: { phone: { mask: hash } }");
  std::set<std::string> seen;
  for (const char* salt : {"one", "two", "one"}) {
    estate_.SetEnv("MASK_SALT", salt);
    RunOk("t");
    seen.insert(WarehouseLines("select phone from dw.d.t where id = 1").at(0));
  }
  EXPECT_EQ(seen.size(), 2U);
}

TEST_F(ColumnsTest, HashWithoutSaltIsRefused) {
  estate_.Write("estate.yaml",
                "estate: trial\nprojects:\n  dw: { description: x }\nconnections:\n"
                "  src: { type: postgres, project: dw, dsn: \"${env:SRC_DSN}\" }\n");
  Declare("columns: { phone: { mask: hash } }");
  RunFails("t", 2, {"mask_salt"});
}

TEST_F(ColumnsTest, MaskedColumnNeverReachesTheTransform) {
  Declare(
      "columns: { phone: { mask: redact } }\n"
      "transform: \"select id, phone as stolen from batch\"");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select stolen from dw.d.t where id = 1").at(0),
              Not(HasSubstr("9999")));
}

TEST_F(ColumnsTest, TypeCastsInDuckdb) {
  Declare("columns: { id: { type: BIGINT }, n: { type: DOUBLE }, birth: { type: TIMESTAMP } }");
  RunOk("t");
  EXPECT_THAT(WarehouseColumns(), ElementsAre("id BIGINT", "name VARCHAR", "phone VARCHAR",
                                              "doc VARCHAR", "birth TIMESTAMP", "n DOUBLE"));
}

TEST_F(ColumnsTest, TypeDecimalReadsUnconstrainedNumericExactlyOrFails) {
  Source("create table u(id int, v numeric); insert into u values (1, 1.2345), (2, 99999.9999)");
  Declare("u", "public.u", "dw.d.u", "columns: { v: { type: \"decimal(9,4)\" } }");
  RunOk("u");
  EXPECT_THAT(WarehouseLines("select v from dw.d.u order by id"),
              ElementsAre("1.2345", "99999.9999"));
  Source("insert into u values (3, 1.23456)");
  RunFails("u", 1, {"\"v\""});
  EXPECT_THAT(WarehouseLines("select count(*) from dw.d.u"), ElementsAre("2"));
}

TEST_F(ColumnsTest, TransformProjectsAndFilters) {
  Declare(
      "transform: |\n  SELECT id, upper(name) AS shout, n * 2 AS twice\n  FROM batch -- rows\n"
      "  WHERE name IS NOT NULL AND id % 2 = 0");
  EXPECT_EQ(RunOk("t").entry.at("rows_written"), 1);
  EXPECT_THAT(WarehouseLines("select id, shout, twice from dw.d.t"), ElementsAre("2|BIA|-4.00"));
}

TEST_F(ColumnsTest, TransformUnnests) {
  Source(
      "create table u(id int, xs int[]); insert into u values (1, '{10,20}'), (2, '{}'), (3, "
      "null), (4, '{40}')");
  Declare("u", "public.u", "dw.d.u", "transform: \"select id, unnest(xs) as x from batch\"");
  RunOk("u");
  EXPECT_THAT(WarehouseLines("select id, x from dw.d.u order by 1, 2"),
              ElementsAre("1|10", "1|20", "4|40"));
}

TEST_F(ColumnsTest, TransformJoinsAWarehouseTable) {
  Source("create table kinds(id int, label text); insert into kinds values (1, 'one'), (2, 'two')");
  Declare("kinds", "public.kinds", "dw.d.kinds", "");
  RunOk("kinds");
  Declare(
      "transform: |\n  select b.id, k.label from batch b left join dw.d.kinds k on k.id = b.id");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id, label from dw.d.t order by id"),
              ElementsAre("1|one", "2|two", "3|NULL"));
}

TEST_F(ColumnsTest, TransformOverManyBatchesKeepsEveryRow) {
  Source("create table big as select i as id, 'v' || i as v from generate_series(1, 300000) i");
  Declare("big", "public.big", "dw.d.big",
          "parallel: 2\ntransform: \"select id, reverse(v) as v from batch where id % 3 <> 0\"");
  RunOk("big");
  EXPECT_EQ(WarehouseLines("select count(*), sum(id), count(distinct v) from dw.d.big"),
            SourceLines(
                "select count(*), sum(id), count(distinct reverse(v)) from big where id % 3 <> 0"));
}

TEST_F(ColumnsTest, TransformErrorsFailTheRunAndTouchNothing) {
  Declare("");
  RunOk("t");
  Declare("transform: \"select id, cast(name as integer) as v from batch\"");
  const Outcome outcome = RunFails("t", 1, {"transform"});
  EXPECT_THAT(outcome.err, Not(HasSubstr("Ana"))) << "a value of a cell stands in the message";
  EXPECT_THAT(WarehouseLines("select count(*), max(name) from dw.d.t"), ElementsAre("3|Bia"));
}

class TransformRulesTest : public MovementTest,
                           public testing::WithParamInterface<std::pair<const char*, const char*>> {
};

TEST_P(TransformRulesTest, IsAFinding) {
  Declare(fmt::format("transform: \"{}\"", GetParam().second));
  const Outcome outcome = estate_.Run({"check"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.ToString();
  EXPECT_THAT(outcome.out + outcome.err, HasSubstr("integrations/t.yaml:5"));
}

INSTANTIATE_TEST_SUITE_P(
    NotRowWise, TransformRulesTest,
    testing::Values(
        std::pair{"Aggregate", "select count(*) as n from batch"},
        std::pair{"GroupBy", "select id, max(v) as v from batch group by id"},
        std::pair{"GroupByAll", "select id, max(v) as v from batch group by all"},
        std::pair{"Having", "select id from batch having id > 1"},
        std::pair{"Window", "select id, row_number() over () as n from batch"},
        std::pair{"Distinct", "select distinct id from batch"},
        std::pair{"DistinctOn", "select distinct on (id) id from batch"},
        std::pair{"OrderBy", "select id from batch order by id"},
        std::pair{"Limit", "select id from batch limit 1"},
        std::pair{"SecondBatch", "select a.id from batch a join batch b on a.id = b.id"},
        std::pair{"BatchInSubquery", "select id from batch where id in (select id from batch)"},
        std::pair{"AggregateInSubquery", "select id from (select max(id) as id from batch) x"},
        std::pair{"Union", "select id from batch union select id from batch"},
        std::pair{"Sample", "select id from batch using sample 10%"},
        std::pair{"NoBatch", "select 1 as id"}, std::pair{"NotASelect", "delete from batch"},
        std::pair{"TwoStatements", "select id from batch; drop table dw.d.t"},
        std::pair{"Syntax", "selekt id from batch"}),
    [](const auto& row) { return row.param.first; });

}  // namespace
}  // namespace afluente::test

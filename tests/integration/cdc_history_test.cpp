// Form history: how the source came to be as it is.
#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "integration/forms_fixture.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;

class HistoryTest : public FormsTest {
 protected:
  HistoryTest() { Follow("t", "form: history\n"); }

  /// "insert|1|name 1" of what came after the copy, in order.
  std::vector<std::string> Log() {
    return WarehouseLines(
        "select _op, coalesce(id::varchar, '-'), coalesce(name, '-'), coalesce(length(blob), -1) "
        "from dw.d.t where _op <> 'snapshot' order by _lsn, _ordinal");
  }
  void ExpectInOrder() {
    EXPECT_THAT(WarehouseLines("select count(*) - count(distinct (_lsn, _ordinal)) from dw.d.t"),
                ElementsAre("0"));
  }
  /// The SELECT of docs/forms.md, over t.
  static std::string Versions(const std::string& columns, const std::string& where) {
    std::ifstream file(AFLUENTE_DOCS "/forms.md");
    const std::string page((std::istreambuf_iterator<char>(file)), {});
    const std::string opening = "```sql\n";
    const std::size_t begin = page.find(opening) + opening.size();
    std::string select = page.substr(begin, page.find("```", begin) - begin);
    const std::string table = "analytics.crm.contacts_history";
    select.replace(select.find(table), table.size(), "dw.d.t");
    return fmt::format("select {} from ({}) where {} order by id, valid_from", columns, select,
                       where);
  }
  /// The versions without an end are what stands in the source.
  void ExpectCurrentSame() {
    RunOk("t");
    EXPECT_EQ(WarehouseLines(Versions("id, name, md5(blob)", "valid_to is null")),
              SourceLines("select id, name, md5(blob) from t order by id"));
  }
};

TEST_F(HistoryTest, EveryChangeIsARow) {
  RunOk("t");
  EXPECT_THAT(WarehouseColumns(), ElementsAre("id INTEGER", "name VARCHAR", "blob VARCHAR",
                                              "_op VARCHAR", "_lsn VARCHAR", "_ordinal BIGINT",
                                              "_committed_at TIMESTAMP WITH TIME ZONE"));
  EXPECT_THAT(WarehouseLines("select _op, _ordinal, name from dw.d.t order by _lsn, _ordinal"),
              ElementsAre("snapshot|1|name 1", "snapshot|2|name 2", "snapshot|3|name 3"));
  const std::string before = Now();
  Source(
      "begin; insert into t values (4, 'four', 'x'); update t set name = 'one' where id = 1;"
      "update t set name = 'uno' where id = 1; delete from t where id = 2; commit");
  const std::string after = Now();
  Source(
      "begin; update t set id = 30 where id = 3; truncate t; insert into t(id) values (5); commit");
  ExpectCurrentSame();
  EXPECT_THAT(Log(), ElementsAre("insert|4|four|1", "update|1|one|9600", "update|1|uno|9600",
                                 "delete|2|-|-1", "delete|3|-|-1", "update|30|name 3|9600",
                                 "truncate|-|-|-1", "insert|5|-|-1"));
  EXPECT_THAT(WarehouseLines("select string_agg(_ordinal, ' ' order by _ordinal) from dw.d.t group "
                             "by _lsn order by _lsn"),
              ElementsAre("1 2 3", "1 2 3 4", "1 2 3 4"));
  EXPECT_THAT(WarehouseLines(fmt::format(
                  "select count(*), count(distinct _committed_at) from dw.d.t where _committed_at "
                  "between '{}'::timestamptz and '{}'::timestamptz",
                  before, after)),
              ElementsAre("4|1"));
  // PostgreSQL reads the places as its own.
  EXPECT_EQ(database_->Value(fmt::format(
                "select bool_and(l::pg_lsn < pg_current_wal_lsn()) from unnest('{{{}}}'::text[]) l",
                WarehouseLines("select string_agg(_lsn, ',') from dw.d.t").front())),
            "t");
  ExpectReconciled();
}

TEST_F(HistoryTest, ALargeValueThatWasNotSentIsThere) {
  RunOk("t");
  Source("update t set name = 'a' where id = 1");
  RunOk("t");
  // From the table, through a changed key; from the same set; from a set that was cut.
  Source(
      "begin; update t set id = 0 where id = 1; update t set id = 1 where id = 2; update t set id "
      "= "
      "2 where id = 0; commit; update t set name = 'b' where id = 2;"
      "update t set blob = 'new', name = 'c' where id = 3; update t set name = 'd' where id = 3");
  ExpectCurrentSame();
  EXPECT_THAT(Log(),
              ElementsAre("update|1|a|9600", "delete|1|-|-1", "update|0|a|9600", "delete|2|-|-1",
                          "update|1|name 2|9600", "delete|0|-|-1", "update|2|a|9600",
                          "update|2|b|9600", "update|3|c|3", "update|3|d|3"));
  ExpectReconciled();
}

TEST_F(HistoryTest, TheOldRowUnderReplicaIdentityFull) {
  Source("alter table t replica identity full");
  estate_.Integration("t",
                      "source: { connection: src, table: public.t }\n"
                      "destination: { table: dw.d.t, key: [id] }\nmode: cdc\nform: history\n");
  RunOk("t");
  Source(
      "update t set name = 'x' where id = 1; delete from t where id = 2;"
      "update t set id = 9 where id = 3");
  ExpectCurrentSame();
  EXPECT_THAT(Log(), ElementsAre("update|1|x|9600", "delete|2|name 2|9600", "delete|3|name 3|9600",
                                 "update|9|name 3|9600"));
}

TEST_F(HistoryTest, ALargeTransactionWithAbortedParts) {
  RunOk("t");
  SendLargeTransactionsEarly();
  Source(
      "begin; insert into t select i, 'kept', md5(i::text) from generate_series(1000, 9000) i;"
      "savepoint a; insert into t select i, 'gone', 'x' from generate_series(10000, 14000) i;"
      "rollback to a; update t set name = 'second' where id between 1000 and 1999;"
      "delete from t where id between 1000 and 1499; commit");
  ExpectCurrentSame();
  EXPECT_THAT(WarehouseLines("select _op, count(*), min(_ordinal), max(_ordinal) from dw.d.t where "
                             "_op <> 'snapshot' group by 1 order by 3"),
              ElementsAre("insert|8001|1|8001", "update|1000|8002|9001", "delete|500|9002|9501"));
  ExpectInOrder();
  ExpectReconciled();
}

// More than is held in memory: its parts look for values in the parts before them.
TEST_F(HistoryTest, ATransactionInSeveralParts) {
  RunOk("t");
  Source(
      "begin; insert into t select i, 'first', repeat(md5(i::text), 250) from "
      "generate_series(1, 9000) i on conflict do nothing; update t set name = 'second' where id % "
      "2 "
      "= 0; update t set id = id + 10000 where id % 4 = 0; delete from t where id > 18000; commit");
  ExpectCurrentSame();
  EXPECT_THAT(WarehouseLines("select _op, count(*), min(length(blob)) from dw.d.t where _op <> "
                             "'snapshot' group by 1 order by 1"),
              ElementsAre("delete|2500|NULL", "insert|8997|8000", "update|6750|8000"));
  EXPECT_THAT(WarehouseLines("select max(_ordinal) = count(*), count(distinct _lsn) from dw.d.t "
                             "where _op <> 'snapshot'"),
              ElementsAre("true|1"));
  ExpectInOrder();
  ExpectReconciled();
}

TEST_F(HistoryTest, ColumnsThatComeAndWiden) {
  RunOk("t");
  Source(
      "update t set name = 'old' where id = 1; delete from t where id = 2;"
      "begin; update t set name = 'before' where id = 3; alter table t add plan text default "
      "'basic'; insert into t(id, plan) values (4, 'gold'); commit");
  RunOk("t");
  EXPECT_THAT(
      WarehouseLines("select _op, id, coalesce(plan, '-') from dw.d.t order by _lsn, _ordinal"),
      ElementsAre("snapshot|1|basic", "snapshot|2|basic", "snapshot|3|basic", "update|1|basic",
                  "delete|2|-", "update|3|basic", "insert|4|gold"));
  ExpectReconciled(4);
  // All rows are written anew: a new generation.
  Source("alter table t alter id type bigint; insert into t(id) values (5000000000)");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select _op, count(*) from dw.d.t group by 1 order by 1"),
              ElementsAre("delete|1", "insert|1", "snapshot|7", "truncate|1", "update|2"));
  ExpectReconciled(4);
}

TEST_F(HistoryTest, AFullRefreshIsANewGeneration) {
  RunOk("t");
  Source("update t set name = 'one' where id = 1");
  RunOk("t");
  Source("delete from t where id = 2; alter table t add more int");
  RunOk("t", {"--full-refresh"});
  EXPECT_THAT(
      WarehouseLines("select _op, coalesce(id, 0), coalesce(name, '-') from dw.d.t order by "
                     "_lsn, _ordinal"),
      ElementsAre("snapshot|1|name 1", "snapshot|2|name 2", "snapshot|3|name 3", "update|1|one",
                  "truncate|0|-", "snapshot|3|name 3", "snapshot|1|one"));
  ExpectInOrder();
  Source("update t set name = 'after' where id = 3");
  ExpectCurrentSame();
  ExpectReconciled(4);
  Source("alter table t drop more; alter table t add more uuid; update t set name = 'y'");
  RunFails("t", 1, {"more", "cannot hold every old value"});
  const Outcome refreshed = estate_.Run({"run", "t", "--full-refresh"});
  EXPECT_EQ(refreshed.exit_code, 1);
  EXPECT_THAT(refreshed.err, testing::HasSubstr("form: history keeps rows of dw.d.t"));
}

TEST_F(HistoryTest, VersionsHaveABeginningAndAnEnd) {
  RunOk("t");
  Source("update t set name = 'x' where id = 1");
  Source("update t set id = 4 where id = 2");
  Source("truncate t");
  Source("insert into t values (1, 'again', null)");
  ExpectCurrentSame();
  EXPECT_THAT(WarehouseLines(Versions("id, name, valid_to is null, valid_from < valid_to", "true")),
              ElementsAre("1|name 1|false|true", "1|x|false|true", "1|again|true|NULL",
                          "2|name 2|false|true", "3|name 3|false|true", "4|name 2|false|true"));
}

TEST_F(HistoryTest, MasksRenamesAndExcludedColumns) {
  estate_.Integration("t",
                      "source: { connection: src, table: public.t }\n"
                      "destination: { table: dw.d.t, key: [nr] }\nmode: cdc\nform: history\n"
                      "columns: { id: { rename: nr }, name: { mask: redact }, blob: { exclude: "
                      "true } }\n");
  RunOk("t");
  Source("update t set name = 'secret' where id = 1; delete from t where id = 2; truncate t");
  RunOk("t");
  EXPECT_THAT(
      WarehouseLines("select _op, coalesce(nr, 0), coalesce(name, '-') from dw.d.t order by "
                     "_lsn, _ordinal"),
      ElementsAre("snapshot|1|***", "snapshot|2|***", "snapshot|3|***", "update|1|***",
                  "delete|2|-", "truncate|0|-"));
  ExpectReconciled(2);
}

TEST_F(HistoryTest, TwoFormsOfOneTable) {
  Declare("soft", "public.t", "dw.d.soft", "mode: cdc\nform: soft_delete\n");
  Declare("plain", "public.t", "dw.d.plain", "mode: cdc\n");
  RunOk("t");
  Source("update t set id = 11 where id = 1; delete from t where id = 2; insert into t values (5)");
  RunOk("t");
  for (const char* name : {"t", "soft", "plain"}) EXPECT_EQ(Differences(name), 0) << name;
  EXPECT_THAT(WarehouseLines("select id from dw.d.soft where _deleted_at is not null"),
              ElementsAre("2"));
  EXPECT_THAT(Log(), ElementsAre("delete|1|-|-1", "update|11|name 1|9600", "delete|2|-|-1",
                                 "insert|5|-|-1"));
}

}  // namespace
}  // namespace afluente::test

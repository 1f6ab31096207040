// Forms soft_delete and history: what the source forgot, and how it came to be as it is.
#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "support/following.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kAll = "select id, name, md5(blob) from {}t order by id";

class FormsTest : public FollowingTest {
 protected:
  FormsTest() {
    Source(
        "create table t(id int primary key, name text, blob text);"
        "alter table t alter blob set storage external;"
        "insert into t select i, 'name ' || i, repeat(md5(i::text), 300) from "
        "generate_series(1, 3) i");
  }

  std::string Now() { return database_->Value("select clock_timestamp()::text"); }
  void SendLargeTransactionsEarly() {
    estate_.SetEnv("SRC_DSN", database_->dsn() + " options='-c logical_decoding_work_mem=64kB'");
  }
  /// Runs t and expects that reconcile finds no difference and has compared `columns` columns.
  void ExpectReconciled(int columns = 3) {
    RunOk("t");
    const Outcome outcome = estate_.Run({"reconcile", "t", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.ToString();
    const auto report = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(report.at("differences"), 0);
    EXPECT_EQ(report.at("source_rows"), report.at("destination_rows"));
    EXPECT_EQ(report.at("columns").size(), columns) << outcome.out;
  }
};

class SoftDeleteTest : public FormsTest {
 protected:
  SoftDeleteTest() { Follow("t", "form: soft_delete\n"); }

  /// "1|name 1|lives" or "1|name 1|gone".
  std::vector<std::string> Rows() {
    return WarehouseLines(
        "select id, name, case when _deleted_at is null then 'lives' else 'gone' end from dw.d.t "
        "order by id");
  }
  /// What lives in the warehouse is what stands in the source.
  void ExpectLivingSame() {
    RunOk("t");
    EXPECT_EQ(WarehouseLines("select id, name, md5(blob) from dw.d.t where _deleted_at is null "
                             "order by id"),
              SourceLines("select id, name, md5(blob) from t order by id"));
  }
};

TEST_F(SoftDeleteTest, ADeletedRowStaysWithTheTimeOfTheCommit) {
  RunOk("t");
  EXPECT_THAT(WarehouseColumns(), ElementsAre("id INTEGER", "name VARCHAR", "blob VARCHAR",
                                              "_deleted_at TIMESTAMP WITH TIME ZONE"));
  EXPECT_THAT(Rows(), ElementsAre("1|name 1|lives", "2|name 2|lives", "3|name 3|lives"));
  const std::string before = Now();
  Source("update t set name = 'last' where id = 2; delete from t where id = 2");
  const std::string after = Now();
  ExpectLivingSame();
  EXPECT_THAT(Rows(), ElementsAre("1|name 1|lives", "2|last|gone", "3|name 3|lives"));
  EXPECT_THAT(WarehouseLines(fmt::format("select id, length(blob) from dw.d.t where _deleted_at "
                                         "between '{}'::timestamptz and '{}'::timestamptz",
                                         before, after)),
              ElementsAre("2|9600"));
  Source("insert into t values (2, 'again', null)");
  ExpectLivingSame();
  EXPECT_THAT(Rows(), ElementsAre("1|name 1|lives", "2|again|lives", "3|name 3|lives"));
  Source("begin; delete from t where id = 2; insert into t values (2, 'third', null); commit");
  ExpectLivingSame();
  EXPECT_THAT(Rows(), ElementsAre("1|name 1|lives", "2|third|lives", "3|name 3|lives"));
}

TEST_F(SoftDeleteTest, TruncateMarksWhatLived) {
  RunOk("t");
  Source("delete from t where id = 1");
  RunOk("t");
  const std::string between = Now();
  Source(
      "begin; insert into t values (4, 'four', 'x'); update t set name = 'changed' where id = 2;"
      "delete from t where id = 3; truncate t; insert into t values (2, 'new', null); commit");
  ExpectLivingSame();
  EXPECT_THAT(Rows(), ElementsAre("1|name 1|gone", "2|new|lives", "3|name 3|gone", "4|four|gone"));
  EXPECT_THAT(
      WarehouseLines(fmt::format(
          "select id from dw.d.t where _deleted_at > '{}'::timestamptz order by id", between)),
      ElementsAre("3", "4"));
  Source("truncate t");
  ExpectLivingSame();
  EXPECT_THAT(WarehouseLines("select count(*), count(_deleted_at) from dw.d.t"),
              ElementsAre("4|4"));
}

TEST_F(SoftDeleteTest, AKeyThatChangesIsNoDeletion) {
  RunOk("t");
  Source("update t set id = id + 10 where id < 3");
  ExpectLivingSame();
  EXPECT_THAT(Rows(), ElementsAre("3|name 3|lives", "11|name 1|lives", "12|name 2|lives"));
  // Moved and deleted in one set: the large value that was not sent goes with it.
  Source("begin; update t set id = 21 where id = 11; delete from t where id = 21; commit");
  ExpectLivingSame();
  EXPECT_THAT(WarehouseLines("select id, length(blob) from dw.d.t where _deleted_at is not null"),
              ElementsAre("21|9600"));
}

TEST_F(SoftDeleteTest, ARowThatCameAndWentStaysToo) {
  RunOk("t");
  Source("insert into t values (7, 'short', 'x'); delete from t where id = 7");
  ExpectLivingSame();
  EXPECT_THAT(Rows(),
              ElementsAre("1|name 1|lives", "2|name 2|lives", "3|name 3|lives", "7|short|gone"));
  ExpectReconciled();
}

TEST_F(SoftDeleteTest, ALargeTransactionMarksInParts) {
  RunOk("t");
  SendLargeTransactionsEarly();
  Source(
      "begin; insert into t select i, 'kept', md5(i::text) from generate_series(1000, 9000) i;"
      "savepoint a; delete from t where id < 3000; rollback to a; delete from t where id % 2 = 0;"
      "commit");
  ExpectLivingSame();
  EXPECT_THAT(WarehouseLines("select count(*), count(_deleted_at) from dw.d.t"),
              ElementsAre("8004|4002"));
  ExpectReconciled();
}

TEST_F(SoftDeleteTest, RowsThatAreGoneAfterAFullRefreshAreMarked) {
  RunOk("t");
  Source("delete from t where id = 1");
  RunOk("t");
  const std::string time =
      WarehouseLines("select _deleted_at::varchar from dw.d.t where id = 1").front();
  Source(
      "delete from t where id = 2; insert into t values (4, 'four', 'x');"
      "alter table t drop column name; alter table t add more text default 'm';"
      "alter table t alter id type bigint");
  RunOk("t", {"--full-refresh"});
  EXPECT_THAT(WarehouseLines("select id, coalesce(name, '-'), coalesce(more, '-'), _deleted_at is "
                             "null from dw.d.t order by id"),
              ElementsAre("1|name 1|-|false", "2|name 2|-|false", "3|-|m|true", "4|-|m|true"));
  EXPECT_THAT(WarehouseLines("select _deleted_at::varchar from dw.d.t where id = 1"),
              ElementsAre(time));
  Source("delete from t where id = 3");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id from dw.d.t where _deleted_at is null"), ElementsAre("4"));
}

TEST_F(SoftDeleteTest, WithRenamesMasksAndATransform) {
  estate_.Integration("t",
                      "source: { connection: src, table: public.t }\n"
                      "destination: { table: dw.d.t, key: [nr] }\nmode: cdc\nform: soft_delete\n"
                      "columns: { id: { rename: nr }, name: { mask: redact } }\n"
                      "transform: select nr, name, unnest([1, 2]) as part from batch\n");
  Source("alter table t replica identity full");
  RunOk("t");
  Source("delete from t where id = 2; update t set name = 'x' where id = 3");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select nr, name, part, _deleted_at is null from dw.d.t order by all"),
              ElementsAre("1|***|1|true", "1|***|2|true", "2|***|1|false", "2|***|2|false",
                          "3|***|1|true", "3|***|2|true"));
}

TEST_F(SoftDeleteTest, ASourceColumnOfThatNameNeedsAnother) {
  Source("create table u(id int primary key, _deleted_at date); insert into u values (1, null)");
  Follow("u", "form: soft_delete\n");
  RunFails("u", 1,
           {"form: soft_delete adds a column \"_deleted_at\"", "rename: source_deleted_at"});
  Follow("u", "form: soft_delete\ncolumns: { _deleted_at: { rename: source_deleted_at } }\n");
  RunOk("u");
  Source("alter table t add _deleted_at text");
  RunOk("t");
  Source("update t set name = 'x'");
  RunFails("t", 1, {"form: soft_delete adds a column \"_deleted_at\""});
}

TEST_F(SoftDeleteTest, ATableOfAnotherFormIsCopiedAgain) {
  RunOk("t");
  Source("delete from t where id = 1");
  RunOk("t");
  Follow("t", "form: mirror\n");
  Source("delete from t where id = 2");
  RunFails("t", 1, {"not written in form mirror", "afluente run t --full-refresh"});
  RunOk("t", {"--full-refresh"});
  ExpectSame("t", kAll);
  Follow("t", "form: soft_delete\n");
  Fails({"reconcile", "t"}, 1, {"not written in form soft_delete"});
  Source("delete from t where id = 3");
  RunFails("t", 1, {"not written in form soft_delete"});
  RunOk("t", {"--full-refresh"});
  EXPECT_THAT(Rows(), IsEmpty());
}

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

TEST_F(HistoryTest, ColumnsThatComeAndWiden) {
  RunOk("t");
  Source(
      "update t set name = 'old' where id = 1; delete from t where id = 2;"
      "begin; update t set name = 'before' where id = 3; alter table t add plan text default "
      "'basic'; insert into t(id, plan) values (4, 'gold'); commit");
  RunOk("t");
  Source("alter table t alter id type bigint; insert into t(id) values (5000000000)");
  RunOk("t");
  EXPECT_THAT(
      WarehouseLines("select _op, id, coalesce(plan, '-') from dw.d.t order by _lsn, _ordinal"),
      ElementsAre("snapshot|1|basic", "snapshot|2|basic", "snapshot|3|basic", "update|1|basic",
                  "delete|2|-", "update|3|basic", "insert|4|gold", "insert|5000000000|basic"));
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

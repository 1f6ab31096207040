// Form soft_delete: what the source forgot.
#include <fmt/format.h>

#include "integration/forms_fixture.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kAll = "select id, name, md5(blob) from {}t order by id";

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

}  // namespace
}  // namespace afluente::test

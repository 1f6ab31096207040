// Mode incremental: only what lies behind the cursor, nothing lost, nothing twice.
#include <fmt/format.h>

#include "support/movement.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class IncrementalTest : public MovementTest {
 protected:
  void DeclareAppend(const std::string& yaml = "cursor: [id]") {
    Declare("mode: incremental\n" + yaml);
  }
  void DeclareUpsert(const std::string& yaml = "cursor: [updated_at, id]") {
    Declare("t", "public.t", "dw.d.t, key: [id]", "mode: incremental\n" + yaml);
  }
  /// Both sides, row by row.
  void ExpectEqual(const std::string& columns = "id, v, updated_at") {
    const std::string order = " order by 1, 2";
    EXPECT_EQ(WarehouseLines("select " + AsText(columns) + " from dw.d.t" + order),
              SourceLines("select " + AsText(columns) + " from t" + order));
  }
  static std::string AsText(const std::string& columns) {
    std::string select;
    std::string name;
    for (const char letter : columns + ",") {
      if (letter == ',') {
        const std::string value =
            name == "updated_at" ? "extract(epoch from updated_at)::decimal(38,6)" : name;
        select += (select.empty() ? "" : ", ") + value;
        name.clear();
      } else if (letter != ' ') {
        name += letter;
      }
    }
    return select;
  }

  void CreateStamped() {
    Source(
        "create table t(id int, v text, updated_at timestamptz not null);"
        "insert into t values (1, 'a', '2026-01-01 10:00+00'), (2, 'b', '2026-01-01 11:00+00')");
  }
};

TEST_F(IncrementalTest, FirstRunTakesEverythingThenOnlyNews) {
  Source(
      "create table t(id bigint, v text); insert into t select i, 'v' || i from generate_series(1, "
      "1000) i");
  DeclareAppend();
  EXPECT_EQ(RunOk("t").rows, 1000);
  Source("insert into t values (1001, 'x'), (1002, 'y')");
  EXPECT_EQ(RunOk("t").rows, 2);
  EXPECT_EQ(RunOk("t").rows, 0);
  EXPECT_THAT(WarehouseLines("select count(*), count(distinct id), max(id) from dw.d.t"),
              ElementsAre("1002|1002|1002"));
}

TEST_F(IncrementalTest, FirstRunOnAnEmptyTableThenRows) {
  Source("create table t(id int, v text)");
  DeclareAppend();
  EXPECT_EQ(RunOk("t").rows, 0);
  EXPECT_THAT(WarehouseColumns(), ElementsAre("id INTEGER", "v VARCHAR"));
  EXPECT_EQ(RunOk("t").rows, 0);
  Source("insert into t values (1, 'a')");
  EXPECT_EQ(RunOk("t").rows, 1);
  EXPECT_EQ(RunOk("t").rows, 0);
}

TEST_F(IncrementalTest, FirstRunTakesRowsWithoutCursorToo) {
  Source(
      "create table t(id int, v text); insert into t values (1, 'a'), (null, 'never'), (2, 'b')");
  DeclareAppend();
  EXPECT_EQ(RunOk("t").rows, 3);
  EXPECT_EQ(RunOk("t").rows, 0);
}

TEST_F(IncrementalTest, KeyMeansUpsert) {
  CreateStamped();
  DeclareUpsert();
  EXPECT_EQ(RunOk("t").rows, 2);
  Source(
      "update t set v = 'changed', updated_at = '2026-01-01 12:00+00' where id = 1;"
      "insert into t values (3, 'c', '2026-01-01 12:30+00')");
  EXPECT_EQ(RunOk("t").rows, 2);
  ExpectEqual();
}

TEST_F(IncrementalTest, TiesOfTheFirstCursorColumnAreNotLost) {
  Source(
      "create table t(id int, v text, updated_at timestamptz not null);"
      "insert into t select i, 'one', '2026-01-01 10:00+00' from generate_series(1, 100) i");
  DeclareUpsert();
  EXPECT_EQ(RunOk("t").rows, 100);
  Source("insert into t select i, 'two', '2026-01-01 10:00+00' from generate_series(101, 150) i");
  EXPECT_EQ(RunOk("t").rows, 50);
  ExpectEqual();
}

TEST_F(IncrementalTest, MicrosecondsCount) {
  Source(
      "create table t(id int, v text, updated_at timestamptz not null);"
      "insert into t values (1, 'a', '2026-01-01 10:00:00.000001+00')");
  DeclareUpsert("cursor: [updated_at]");
  RunOk("t");
  Source("insert into t values (2, 'b', '2026-01-01 10:00:00.000002+00')");
  EXPECT_EQ(RunOk("t").rows, 1);
  EXPECT_EQ(RunOk("t").rows, 0);
  ExpectEqual();
}

TEST_F(IncrementalTest, LookbackFetchesLateCommits) {
  CreateStamped();
  DeclareUpsert("cursor: [updated_at]\nlookback: 10m");
  RunOk("t");
  // A transaction that took its time stamp before the last run and commits after it.
  PgSession late(database_->dsn());
  late.Exec("begin; insert into t values (3, 'late', '2026-01-01 10:55+00')");
  RunOk("t");
  late.Exec("commit");
  RunOk("t");
  ExpectEqual();
}

TEST_F(IncrementalTest, LookbackSeesAnUpdateThatKeptItsStamp) {
  CreateStamped();
  DeclareUpsert("cursor: [updated_at]\nlookback: 2h");
  RunOk("t");
  Source("update t set v = 'quiet change' where id = 1");
  RunOk("t");
  ExpectEqual();
}

TEST_F(IncrementalTest, AKeyThatIsNotUniqueIsRefused) {
  CreateStamped();
  DeclareUpsert();
  RunOk("t");
  Source("insert into t values (3, 'x', '2026-01-01 12:00+00'), (3, 'y', '2026-01-01 11:30+00')");
  RunFails("t", 1, {"key", "\"id\"", "unique"});
  EXPECT_THAT(WarehouseLines("select id from dw.d.t order by 1"), ElementsAre("1", "2"));
}

TEST_F(IncrementalTest, NullInAKeyIsRefused) {
  CreateStamped();
  DeclareUpsert("cursor: [updated_at]");
  RunOk("t");
  Source("insert into t values (null, 'x', '2026-01-01 12:00+00')");
  RunFails("t", 1, {"key", "\"id\"", "NULL"});
  EXPECT_THAT(WarehouseLines("select id from dw.d.t order by 1"), ElementsAre("1", "2"));
}

TEST_F(IncrementalTest, DeletedNewestRowsDoNotMoveTheCursorBack) {
  Source("create table t(id int, v text); insert into t values (1, 'a'), (2, 'b'), (3, 'c')");
  DeclareAppend();
  RunOk("t");
  Source("delete from t where id = 3");
  EXPECT_EQ(RunOk("t").rows, 0);
  Source("insert into t values (3, 'again'), (4, 'd')");
  EXPECT_EQ(RunOk("t").rows, 1);
  EXPECT_THAT(WarehouseLines("select id, v from dw.d.t order by id"),
              ElementsAre("1|a", "2|b", "3|c", "4|d"));
}

TEST_F(IncrementalTest, FullRefreshStartsOver) {
  CreateStamped();
  DeclareUpsert();
  RunOk("t");
  Source("delete from t where id = 1; update t set v = 'silent' where id = 2");
  EXPECT_EQ(RunOk("t").rows, 0);
  EXPECT_EQ(RunOk("t", {"--full-refresh"}).rows, 1);
  ExpectEqual();
  EXPECT_EQ(RunOk("t").rows, 0);
}

TEST_F(IncrementalTest, FullRefreshOfAnAppendedTableDoesNotDouble) {
  Source("create table t(id int); insert into t values (1), (2)");
  DeclareAppend();
  RunOk("t");
  EXPECT_EQ(RunOk("t", {"--full-refresh"}).rows, 2);
  EXPECT_THAT(WarehouseLines("select count(*) from dw.d.t"), ElementsAre("2"));
}

TEST_F(IncrementalTest, WhereHoldsInEveryRun) {
  Source("create table t(id int, kind text); insert into t values (1, 'a'), (2, 'b')");
  DeclareAppend("cursor: [id]\nwhere: \"kind = 'a' or kind = 'c'\"");
  EXPECT_EQ(RunOk("t").rows, 1);
  Source("insert into t values (3, 'b'), (4, 'a')");
  EXPECT_EQ(RunOk("t").rows, 1);
  EXPECT_THAT(WarehouseLines("select id from dw.d.t order by 1"), ElementsAre("1", "4"));
}

TEST_F(IncrementalTest, AnExcludedCursorIsAFinding) {
  DeclareAppend("cursor: [id]\ncolumns: { id: { exclude: true } }");
  RunFails("t", 2, {"integrations/t.yaml:5", "excluded"});
}

struct CursorCase {
  const char* name;
  const char* type;
  const char* first;
  const char* second;
};

class CursorTypeTest : public MovementTest, public testing::WithParamInterface<CursorCase> {};

TEST_P(CursorTypeTest, Follows) {
  const CursorCase& row = GetParam();
  Source(fmt::format("create table t(id int, c {}); insert into t values (1, '{}')", row.type,
                     row.first));
  Declare("mode: incremental\ncursor: [c]");
  EXPECT_EQ(RunOk("t").rows, 1);
  EXPECT_EQ(RunOk("t").rows, 0);
  Source(fmt::format("insert into t values (2, '{}')", row.second));
  EXPECT_EQ(RunOk("t").rows, 1);
  EXPECT_EQ(RunOk("t").rows, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Of, CursorTypeTest,
    testing::Values(
        CursorCase{"Smallint", "smallint", "1", "2"},
        CursorCase{"Bigint", "bigint", "9007199254740992", "9007199254740993"},
        CursorCase{"Numeric", "numeric", "1.00000000000000000001", "1.00000000000000000002"},
        CursorCase{"Timestamp", "timestamp(6)", "2026-01-01 10:00:00.1", "2026-01-01 10:00:00.2"},
        CursorCase{"Timestamptz", "timestamptz", "0044-03-15 00:00+00 BC", "2026-01-01 00:00-03"},
        CursorCase{"Date", "date", "2026-01-01", "2026-01-02"},
        CursorCase{"Text", "text collate \"C\"", "it''s \\a", "it''s \\b"},
        CursorCase{"Uuid", "uuid", "00000000-0000-0000-0000-000000000001",
                   "00000000-0000-0000-0000-000000000002"},
        CursorCase{"PgLsn", "pg_lsn", "0/1", "0/2"},
        CursorCase{"Float8", "float8", "0.1", "0.30000000000000004"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(IncrementalTest, ChangedCursorNeedsAFullRefresh) {
  CreateStamped();
  DeclareUpsert("cursor: [id]");
  RunOk("t");
  DeclareUpsert("cursor: [updated_at]");
  RunFails("t", 1, {"--full-refresh", "cursor"});
  RunOk("t", {"--full-refresh"});
  ExpectEqual();
}

TEST_F(IncrementalTest, LookbackWithoutAKeyWouldDoubleRows) {
  CreateStamped();
  DeclareAppend("cursor: [updated_at]\nlookback: 10m");
  const Outcome check = estate_.Run({"check"});
  EXPECT_EQ(check.exit_code, 1) << check.ToString();
  EXPECT_THAT(check.out + check.err, HasSubstr("lookback"));
}

TEST_F(IncrementalTest, ManyRunsAgainstASourceThatKeepsChanging) {
  Source("create table t(id int primary key, v text, updated_at timestamptz not null)");
  DeclareUpsert("cursor: [updated_at, id]");
  for (int round = 1; round <= 12; ++round) {
    Source(fmt::format(
        "insert into t select i, 'r{0}', timestamptz '2026-01-01 00:00+00' + interval '{0} "
        "minutes' "
        "from generate_series(({0} * 37) % 50, ({0} * 37) % 50 + 40) i "
        "on conflict (id) do update set v = excluded.v, updated_at = excluded.updated_at",
        round));
    EXPECT_EQ(RunOk("t").rows, 41);
    ExpectEqual();
  }
}

}  // namespace
}  // namespace afluente::test

#include "connectors/duckdb/model_build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "connectors/duckdb/test_warehouse.h"

namespace afluente::duck {
namespace {

using estate::DataTest;
using estate::Materialize;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ModelBuildTest : public testing::Test {
 protected:
  ModelBuildTest() : warehouse_({"analytics", "my-sources"}) {
    model_.name = "sums";
    model_.table = {"analytics", "d", "sums"};
    model_.sql_mark = {"models/analytics/d/sums.sql", 1, 1};
    estate_.warehouse.engine = estate::WarehouseEngine::kDuckdb;
    Sql("CREATE SCHEMA \"my-sources\".s; CREATE TABLE \"my-sources\".s.events(id INTEGER, day "
        "DATE, "
        "n INTEGER)");
    Events("(1, '2026-01-01', 10), (2, '2026-01-01', 20), (3, '2026-01-02', 30)");
    model_.sql = "SELECT id, day, n FROM my-sources.s.events";
  }

  void Sql(const std::string& sql) const {
    const Status done = warehouse_.Execute(sql);
    ASSERT_TRUE(done.ok()) << done.error().message();
  }
  void Events(const std::string& rows) const {
    Sql("INSERT INTO \"my-sources\".s.events VALUES " + rows);
  }
  Result<ModelBuilt> Build(bool full_refresh = false) {
    now_ += std::chrono::hours(24);
    pipeline::Progress progress;
    return BuildModel(*warehouse_, estate_, model_, full_refresh, now_, progress,
                      stop_.get_token());
  }
  ModelBuilt BuildOk(bool full_refresh = false) {
    auto built = Build(full_refresh);
    EXPECT_TRUE(built.ok()) << built.error().message();
    return built.ok() ? std::move(built).value() : ModelBuilt{};
  }
  std::string BuildError(bool full_refresh = false) {
    const auto built = Build(full_refresh);
    return built.ok() ? "it succeeded" : built.error().message();
  }
  std::vector<std::string> Table(const std::string& select = "id, n") const {
    return warehouse_.Rows("SELECT " + select + " FROM analytics.d.sums ORDER BY ALL");
  }
  std::vector<std::string> Tables() const {
    return warehouse_.Rows(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'analytics' AND schema_name "
        "= "
        "'d'");
  }
  void FailsAbove(int n) {
    DataTest test;
    test.kind = DataTest::Kind::kSql;
    test.sql = "SELECT id FROM analytics.d.sums WHERE n > " + std::to_string(n);
    test.mark = {"models/analytics/d/sums.yaml", 4, 5};
    model_.tests = {test};
  }

  TestWarehouse warehouse_;
  estate::Estate estate_;
  estate::Model model_;
  WallTime now_ = std::chrono::sys_days(std::chrono::January / 1 / 2026);
  std::stop_source stop_;
};

TEST_F(ModelBuildTest, ATableIsReplaced) {
  EXPECT_EQ(BuildOk().rows, 3U);
  Sql("DELETE FROM \"my-sources\".s.events WHERE id < 3");
  EXPECT_EQ(BuildOk().rows, 1U);
  EXPECT_THAT(Table(), ElementsAre("3|30"));
  EXPECT_THAT(Tables(), ElementsAre("sums"));
}

TEST_F(ModelBuildTest, AFailedTestLeavesTheTableAndNoStage) {
  FailsAbove(30);
  BuildOk();
  Events("(4, '2026-01-03', 40)");
  EXPECT_THAT(BuildError(), testing::AllOf(HasSubstr("analytics.d.sums is not published and stays"),
                                           HasSubstr("1 row, such as (id: 4)"),
                                           HasSubstr("models/analytics/d/sums.yaml:4:5")));
  EXPECT_THAT(Table(), ElementsAre("1|10", "2|20", "3|30"));
  EXPECT_THAT(Tables(), ElementsAre("sums"));
}

TEST_F(ModelBuildTest, AFirstBuildThatFailsItsTestLeavesNothing) {
  FailsAbove(0);
  EXPECT_THAT(BuildError(), HasSubstr("not published"));
  EXPECT_THAT(Tables(), IsEmpty());
}

TEST_F(ModelBuildTest, AWarningPublishes) {
  FailsAbove(0);
  model_.tests.front().severity = estate::Severity::kWarn;
  EXPECT_THAT(BuildOk().warnings, ElementsAre(HasSubstr("3 rows")));
  EXPECT_EQ(Table().size(), 3U);
}

TEST_F(ModelBuildTest, CommentsStay) {
  model_.description = "It's the sums";
  BuildOk();
  Sql("COMMENT ON COLUMN analytics.d.sums.n IS 'how many'");
  model_.sql = "SELECT n, id FROM my-sources.s.events";
  BuildOk();
  EXPECT_THAT(warehouse_.Rows("SELECT comment FROM duckdb_tables() WHERE table_name = 'sums' UNION "
                              "ALL SELECT comment FROM duckdb_columns() WHERE comment IS NOT NULL"),
              ElementsAre("It's the sums", "how many"));
}

TEST_F(ModelBuildTest, AViewFollowsItsTableAndIsTested) {
  model_.materialize = Materialize::kView;
  model_.description = "A view";
  FailsAbove(30);
  EXPECT_EQ(BuildOk().rows, 0U);
  Events("(4, '2026-01-03', 4)");
  EXPECT_EQ(Table().size(), 4U);
  model_.sql = "SELECT id, n * 10 AS n FROM my-sources.s.events";
  EXPECT_THAT(BuildError(), HasSubstr("not published"));
  EXPECT_THAT(Table("max(n)"), ElementsAre("30"));
  warehouse_.Reopen();
  EXPECT_EQ(Table().size(), 4U);
}

TEST_F(ModelBuildTest, AViewBecomesATableAndBack) {
  model_.materialize = Materialize::kView;
  BuildOk();
  model_.materialize = Materialize::kTable;
  BuildOk();
  EXPECT_THAT(Tables(), ElementsAre("sums"));
  model_.materialize = Materialize::kView;
  BuildOk();
  EXPECT_THAT(Tables(), IsEmpty());
  EXPECT_EQ(Table().size(), 3U);
}

TEST_F(ModelBuildTest, IncrementalByKeyReplacesAndAdds) {
  model_.materialize = Materialize::kIncremental;
  model_.key = {"id"};
  BuildOk();
  Sql("DELETE FROM \"my-sources\".s.events WHERE id <> 2; UPDATE \"my-sources\".s.events SET n = "
      "21");
  Events("(4, '2026-01-03', 40)");
  EXPECT_EQ(BuildOk().rows, 2U);
  EXPECT_THAT(Table(), ElementsAre("1|10", "2|21", "3|30", "4|40"));
  EXPECT_EQ(BuildOk(true).rows, 2U);
  EXPECT_THAT(Table(), ElementsAre("2|21", "4|40"));
}

TEST_F(ModelBuildTest, IncrementalByPartitionReplacesWholePartitions) {
  model_.materialize = Materialize::kIncremental;
  model_.partition = "day";
  Events("(9, NULL, 90)");
  BuildOk();
  Sql("DELETE FROM \"my-sources\".s.events WHERE day IS NULL OR day = '2026-01-02' OR id = 1");
  Events("(8, NULL, 80)");
  BuildOk();
  EXPECT_THAT(Table(), ElementsAre("2|20", "3|30", "8|80"));
}

TEST_F(ModelBuildTest, WhereNewAddsWhatIsNewSinceTheLastPublishedRun) {
  model_.materialize = Materialize::kIncremental;
  model_.key = {"id"};
  model_.where_new = "day >= {{ interval.start }} -- a comment";
  EXPECT_EQ(BuildOk().rows, 3U);  // Everything, on 2 January.
  Sql("UPDATE \"my-sources\".s.events SET n = n + 1");
  FailsAbove(0);
  EXPECT_THAT(BuildError(), HasSubstr("not published"));  // On 3 January: nothing is remembered.
  model_.tests.clear();
  EXPECT_EQ(BuildOk().rows, 1U);
  EXPECT_THAT(Table(), ElementsAre("1|10", "2|20", "3|31"));
}

TEST_F(ModelBuildTest, AnotherShapeEvolvesOrNamesTheCure) {
  model_.materialize = Materialize::kIncremental;
  model_.key = {"id"};
  BuildOk();
  model_.sql = "SELECT id, day, n, 'new' AS kind FROM my-sources.s.events WHERE id = 3";
  EXPECT_THAT(BuildOk().schema_changes, ElementsAre("column kind: added (VARCHAR)"));
  EXPECT_THAT(Table("id, kind"), ElementsAre("1|NULL", "2|NULL", "3|new"));
  model_.sql = "SELECT id, day, kind FROM (SELECT *, 'k' AS kind FROM my-sources.s.events)";
  EXPECT_THAT(BuildError(), testing::AllOf(HasSubstr("column n"), HasSubstr("--full-refresh")));
  model_.sql = "SELECT id, day, n / 2 AS n, 'k' AS kind FROM my-sources.s.events";
  EXPECT_THAT(BuildError(), testing::AllOf(HasSubstr("column n is INTEGER in the table and DOUBLE"),
                                           HasSubstr("--full-refresh")));
  BuildOk(true);
  EXPECT_THAT(Table("n"), ElementsAre("5.0", "10.0", "15.0"));
}

TEST_F(ModelBuildTest, KeysThatAreNoneAreRefused) {
  model_.materialize = Materialize::kIncremental;
  model_.key = {"day"};
  EXPECT_THAT(BuildError(), HasSubstr("is not unique"));
  model_.key = {"idd"};
  EXPECT_THAT(BuildError(),
              testing::AllOf(HasSubstr("yields no column idd"), HasSubstr("did you mean \"id\"?")));
  EXPECT_THAT(Tables(), IsEmpty());
}

TEST_F(ModelBuildTest, ATableThatIsNotThereYetIsNamedWithItsMaker) {
  estate::Model maker;
  maker.name = "first";
  maker.table = {"analytics", "d", "firsts"};
  estate_.models.emplace(maker.table.ToString(), maker);
  model_.sql = "SELECT * FROM analytics.d.firsts";
  EXPECT_THAT(BuildError(),
              HasSubstr("models/analytics/d/sums.sql: it reads analytics.d.firsts, "
                        "which the warehouse has not: `afluente run first` makes it"));
}

TEST_F(ModelBuildTest, OnlyASelectIsRun) {
  for (const std::string sql :
       {"SELECT 1 AS a; DROP TABLE \"my-sources\".s.events", "DROP TABLE \"my-sources\".s.events",
        "SELECT 1 AS a) ; DROP TABLE \"my-sources\".s.events; (SELECT 1"}) {
    model_.sql = sql;
    EXPECT_FALSE(Build().ok()) << sql;
  }
  model_.sql = "SELECT * FROM read_text('/etc/hostname')";
  EXPECT_THAT(BuildError(), HasSubstr("disabled"));
  EXPECT_THAT(warehouse_.Rows("SELECT count(*) FROM \"my-sources\".s.events"), ElementsAre("3"));
}

TEST_F(ModelBuildTest, TwoColumnsOfOneNameAreRefused) {
  model_.sql = "SELECT id, n AS ID FROM my-sources.s.events";
  EXPECT_THAT(BuildError(), HasSubstr("two columns"));
}

TEST_F(ModelBuildTest, AStopLeavesTheTable) {
  BuildOk();
  model_.sql = "SELECT a.i AS id, b.i AS n FROM range(1000000) a(i), range(1000000) b(i)";
  stop_.request_stop();
  const auto stopped = Build();
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().kind(), ErrorKind::kCancelled);
  EXPECT_THAT(Table(), ElementsAre("1|10", "2|20", "3|30"));
  EXPECT_THAT(Tables(), ElementsAre("sums"));
}

}  // namespace
}  // namespace afluente::duck

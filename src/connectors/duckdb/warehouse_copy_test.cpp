#include "connectors/duckdb/warehouse_copy.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/names.h"
#include "connectors/duckdb/test_warehouse.h"

namespace afluente::duck {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class WarehouseCopyTest : public testing::Test {
 protected:
  std::filesystem::path Taken(const std::string& project) const {
    return warehouse_.folder().path() / (project + ".taken");
  }

  /// Takes a project's copy away and checks it.
  CopiedProject Take(WarehouseCopy& copy, const std::string& project) {
    auto copied = copy.Copy(project, {});
    if (!copied.ok()) throw std::runtime_error(copied.error().message());
    std::filesystem::rename(copy.FileOf(project), Taken(project));
    const Status same = CheckCopy(Taken(project), copied.value(), {});
    EXPECT_TRUE(same.ok()) << same.error().message();
    return std::move(copied).value();
  }

  /// Rows of a copy that was taken, attached as `project`.
  std::vector<std::string> RowsOf(const std::string& project, const std::string& sql) const {
    data::DuckDatabase database;
    data::DuckConnection connection;
    duckdb_open(nullptr, database.out());
    duckdb_connect(database.get(), connection.out());
    EXPECT_TRUE(AttachFile(connection.get(), Taken(project), project, Access::kReadOnly).ok());
    return data::TestDuckdb::RowsOf(connection.get(), sql);
  }

  TestWarehouse warehouse_{{"d", "other"}};
};

TEST_F(WarehouseCopyTest, TheCopyIsAsOfThePinWhateverIsWrittenMeanwhile) {
  ASSERT_TRUE(warehouse_
                  .Execute("CREATE SCHEMA d.d; CREATE SCHEMA other.s;"
                           "CREATE TABLE d.d.replaced AS SELECT i, md5(i::VARCHAR) AS h FROM "
                           "range(300000) t(i); CREATE TABLE d.d.changed AS SELECT i FROM "
                           "range(1000) t(i); CREATE TABLE other.s.t AS SELECT 1 AS i;"
                           "CREATE TABLE d.d._afluente_stage_x(i INTEGER); CHECKPOINT d")
                  .ok());
  const auto before = warehouse_.Rows("SELECT count(*), sum(hash(t)) FROM d.d.replaced t");
  auto copy = WarehouseCopy::Open(*warehouse_, warehouse_.options().folder);
  ASSERT_TRUE(copy.ok()) << copy.error().message();
  ASSERT_TRUE(copy.value()->Pin().ok());
  // What a snapshot does, and what the space of the old table is used for afterwards.
  ASSERT_TRUE(
      warehouse_
          .Execute("BEGIN; DROP TABLE d.d.replaced; CREATE TABLE d.d.replaced AS SELECT i + "
                   "7 AS i, 'new' AS h FROM range(300000) t(i); COMMIT;"
                   "DELETE FROM d.d.changed WHERE i < 500; INSERT INTO other.s.t VALUES (2);"
                   "CREATE TABLE d.d.later AS SELECT 1 AS i")
          .ok());
  (void)warehouse_->Checkpoint("d");
  ASSERT_TRUE(warehouse_
                  .Execute("CREATE TABLE d.d.more AS SELECT md5(i::VARCHAR) AS h FROM "
                           "range(300000) t(i)")
                  .ok());
  (void)warehouse_->Checkpoint("d");
  const CopiedProject copied = Take(*copy.value(), "d");
  Take(*copy.value(), "other");
  EXPECT_EQ(RowsOf("d", "SELECT count(*), sum(hash(t)) FROM d.d.replaced t"), before);
  EXPECT_THAT(RowsOf("d", "SELECT count(*) FROM d.d.changed"), ElementsAre("1000"));
  EXPECT_THAT(RowsOf("other", "SELECT * FROM other.s.t"), ElementsAre("1"));
  EXPECT_THAT(
      RowsOf("d", "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'd' ORDER BY 1"),
      ElementsAre("changed", "replaced"));
  EXPECT_THAT(copied.tables, SizeIs(5));  // checkpoints, dead_letters and format are ours.
  EXPECT_THAT(warehouse_.Rows("SELECT count(*) FROM d.d.replaced WHERE h = 'new'"),
              ElementsAre("300000"));
}

TEST_F(WarehouseCopyTest, ShapesCommentsAndViewsComeAlong) {
  ASSERT_TRUE(warehouse_
                  .Execute("CREATE SCHEMA d.d; CREATE TABLE d.d.\"a (b)\"(i INTEGER NOT NULL, "
                           "l STRUCT(x INTEGER, y VARCHAR[]), e ENUM('p', 'q'), m DECIMAL(38, 9));"
                           "INSERT INTO d.d.\"a (b)\" VALUES (1, {'x': 1, 'y': ['z']}, 'q', 1.5);"
                           "COMMENT ON TABLE d.d.\"a (b)\" IS 'it''s a table';"
                           "COMMENT ON COLUMN d.d.\"a (b)\".i IS 'a column';"
                           "CREATE VIEW d.d.z_view AS SELECT i FROM d.d.\"a (b)\";"
                           "CREATE VIEW d.d.a_view(j) AS SELECT i FROM d.d.z_view;"
                           "CREATE TABLE d.d.gone(i INTEGER);"
                           "CREATE VIEW d.d.lost AS SELECT i FROM d.d.gone; DROP TABLE d.d.gone")
                  .ok());
  auto copy = WarehouseCopy::Open(*warehouse_, warehouse_.options().folder);
  ASSERT_TRUE(copy.ok());
  ASSERT_TRUE(copy.value()->Pin().ok());
  const CopiedProject copied = Take(*copy.value(), "d");
  EXPECT_EQ(copied.views, 2U);
  ASSERT_THAT(copied.lost_views, SizeIs(1));
  EXPECT_THAT(copied.lost_views.front(), HasSubstr("d.d.lost: "));
  EXPECT_THAT(RowsOf("d", "SELECT i, l::VARCHAR, e::VARCHAR, m::VARCHAR FROM d.d.\"a (b)\""),
              ElementsAre("1|{'x': 1, 'y': [z]}|q|1.500000000"));
  EXPECT_THAT(RowsOf("d", "SELECT j FROM d.d.a_view"), ElementsAre("1"));
  EXPECT_THAT(RowsOf("d",
                     "SELECT comment FROM duckdb_tables() WHERE comment IS NOT NULL UNION ALL "
                     "SELECT comment FROM duckdb_columns() WHERE comment IS NOT NULL"),
              ElementsAre("it's a table", "a column"));
  EXPECT_THAT(RowsOf("d",
                     "SELECT is_nullable FROM duckdb_columns() WHERE table_name = 'a (b)' AND "
                     "column_name = 'i'"),
              ElementsAre("false"));
}

TEST_F(WarehouseCopyTest, ACopyThatIsNotTheSameIsFound) {
  ASSERT_TRUE(warehouse_.Execute("CREATE TABLE d.main.t AS SELECT 1 AS i").ok());
  auto copy = WarehouseCopy::Open(*warehouse_, warehouse_.options().folder);
  ASSERT_TRUE(copy.value()->Pin().ok());
  CopiedProject copied = Take(*copy.value(), "d");
  for (CopiedTable& table : copied.tables) {
    if (table.table == "t") table.checksum = "1";
  }
  const Status differs = CheckCopy(Taken("d"), copied, {});
  ASSERT_FALSE(differs.ok());
  EXPECT_THAT(differs.error().message(), HasSubstr("differs in main.t"));
}

TEST_F(WarehouseCopyTest, AStopEndsItAndLeavesNothing) {
  ASSERT_TRUE(
      warehouse_.Execute("CREATE TABLE d.main.t AS SELECT i FROM range(3000000) t(i)").ok());
  std::stop_source stop;
  {
    auto copy = WarehouseCopy::Open(*warehouse_, warehouse_.options().folder);
    ASSERT_TRUE(copy.value()->Pin().ok());
    stop.request_stop();
    const auto copied = copy.value()->Copy("d", stop.get_token());
    ASSERT_FALSE(copied.ok());
    EXPECT_EQ(copied.error().kind(), ErrorKind::kCancelled);
  }
  EXPECT_FALSE(std::filesystem::exists(CopiesOf(warehouse_.options().folder)));
  EXPECT_THAT(warehouse_.Rows(fmt::format("SELECT count(*) FROM duckdb_databases() WHERE "
                                          "starts_with(database_name, {})",
                                          QuoteLiteral(kCopyPrefix))),
              ElementsAre("0"));
  EXPECT_TRUE(WarehouseCopy::Open(*warehouse_, warehouse_.options().folder).ok());
}

}  // namespace
}  // namespace afluente::duck

#include "connectors/duckdb/warehouse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/duckdb/compact.h"
#include "connectors/duckdb/test_warehouse.h"

namespace afluente::duck {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(WarehouseTest, AProjectIsADatabaseOfItsName) {
  TestWarehouse warehouse({"movva-datalake", "analytics"});
  ASSERT_TRUE(warehouse
                  .Execute("CREATE SCHEMA \"movva-datalake\".raw; "
                           "CREATE TABLE \"movva-datalake\".raw.events AS SELECT 7 AS id")
                  .ok());
  warehouse.options().create.clear();
  warehouse.Reopen();
  EXPECT_THAT(warehouse->projects(), ElementsAre("analytics", "movva-datalake"));
  EXPECT_THAT(warehouse.Rows("FROM \"movva-datalake\".raw.events"), ElementsAre("7"));
}

TEST(WarehouseTest, AProjectMayHaveANameThatCompactionWouldLike) {
  TestWarehouse warehouse({"fresh"});
  EXPECT_THAT(warehouse->projects(), ElementsAre("fresh"));
  warehouse.Close();
  EXPECT_TRUE(Compact(warehouse.options().folder, "fresh").ok());
}

TEST(WarehouseTest, ReadingChangesNothing) {
  TestWarehouse warehouse;
  ASSERT_TRUE(warehouse.Execute("CREATE TABLE analytics.main.t AS SELECT 1 AS id").ok());
  warehouse.options().access = Access::kReadOnly;
  warehouse.Reopen();
  EXPECT_THAT(warehouse.Rows("FROM analytics.main.t"), ElementsAre("1"));
  EXPECT_FALSE(warehouse.Execute("INSERT INTO analytics.main.t VALUES (2)").ok());
}

TEST(WarehouseTest, ReadingAFolderThatIsNotThereFindsNothing) {
  WarehouseOptions options;
  const TestFolder folder;
  options.folder = folder.path() / "none";
  options.access = Access::kReadOnly;
  const auto warehouse = Warehouse::Open(options);
  ASSERT_TRUE(warehouse.ok()) << warehouse.error().message();
  EXPECT_TRUE(warehouse.value()->projects().empty());
  EXPECT_FALSE(std::filesystem::exists(options.folder));
}

// A file whose process died between creating it and its first transaction.
TEST(WarehouseTest, AFileWithoutOurSchemaGetsIt) {
  TestWarehouse warehouse;
  ASSERT_TRUE(warehouse.Execute("DROP SCHEMA analytics._afluente CASCADE").ok());
  warehouse.Reopen();
  EXPECT_THAT(warehouse.Rows("FROM analytics._afluente.format"), ElementsAre("1"));
}

TEST(WarehouseTest, ANewerFormatIsRefusedWithTheFile) {
  TestWarehouse warehouse;
  ASSERT_TRUE(warehouse.Execute("UPDATE analytics._afluente.format SET version = 99").ok());
  warehouse.Close();
  const auto failed = Warehouse::Open(warehouse.options());
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kSchemaMismatch);
  EXPECT_THAT(failed.error().message(), HasSubstr("analytics.duckdb has format 99"));
}

struct GarbageCase {
  std::string name;
  std::string bytes;
};

std::ostream& operator<<(std::ostream& out, const GarbageCase& row) { return out << row.name; }

class GarbageFileTest : public testing::TestWithParam<GarbageCase> {};

TEST_P(GarbageFileTest, IsRefusedWithItsNameAndStays) {
  const TestFolder folder;
  folder.Write("analytics.duckdb", GetParam().bytes);
  WarehouseOptions options;
  options.folder = folder.path();
  const auto failed = Warehouse::Open(options);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kInternal);
  EXPECT_THAT(failed.error().message(), HasSubstr("analytics.duckdb"));
  EXPECT_EQ(folder.Read("analytics.duckdb"), GetParam().bytes);
}

INSTANTIATE_TEST_SUITE_P(Files, GarbageFileTest,
                         testing::Values(GarbageCase{"Text", "not a database\n"},
                                         GarbageCase{"Zeros", std::string(1 << 16, '\0')},
                                         GarbageCase{"Noise", std::string(1 << 16, '\x5a')}),
                         [](const auto& row) { return row.param.name; });

TEST(WarehouseTest, OtherFilesInTheFolderAreNoProjects) {
  TestWarehouse warehouse;
  warehouse.Close();
  warehouse.folder().Write("warehouse/notes.txt", "x");
  warehouse.folder().Write("warehouse/analytics.duckdb.compacting", "x");
  warehouse.Reopen();
  EXPECT_THAT(warehouse->projects(), ElementsAre("analytics"));
}

struct ForbiddenCase {
  std::string name;
  std::string sql;  // $FOLDER is the test's own.
};

std::ostream& operator<<(std::ostream& out, const ForbiddenCase& row) { return out << row.sql; }

class ForbiddenSqlTest : public testing::TestWithParam<ForbiddenCase> {};

// Estates and users write SQL: it reaches neither other files nor settings.
TEST_P(ForbiddenSqlTest, IsRefused) {
  TestWarehouse warehouse;
  warehouse.folder().Write("secret.csv", "a\n1\n");
  std::string sql = GetParam().sql;
  const std::string mark = "$FOLDER";
  if (const auto at = sql.find(mark); at != std::string::npos) {
    sql.replace(at, mark.size(), warehouse.folder().path().string());
  }
  EXPECT_FALSE(warehouse.Execute(sql).ok());
}

INSTANTIATE_TEST_SUITE_P(
    Statements, ForbiddenSqlTest,
    testing::Values(ForbiddenCase{"ReadFile", "SELECT * FROM read_csv('$FOLDER/secret.csv')"},
                    ForbiddenCase{"ReadByName", "SELECT * FROM '$FOLDER/secret.csv'"},
                    ForbiddenCase{"ReadText", "SELECT * FROM read_text('/etc/passwd')"},
                    ForbiddenCase{"OutOfTheLake",
                                  "SELECT * FROM read_csv('$FOLDER/lake/../secret.csv')"},
                    ForbiddenCase{"WriteFile", "COPY (SELECT 1) TO '$FOLDER/out.csv'"},
                    ForbiddenCase{"Attach", "ATTACH '$FOLDER/other.duckdb' AS other"},
                    ForbiddenCase{"Unlock", "SET lock_configuration = false"},
                    ForbiddenCase{"Access", "SET enable_external_access = true"},
                    ForbiddenCase{"Memory", "SET memory_limit = '100GB'"},
                    ForbiddenCase{"Environment", "SELECT getenv('HOME')"},
                    ForbiddenCase{"Extension", "INSTALL httpfs"}),
    [](const auto& row) { return row.param.name; });

TEST(WarehouseTest, TheLakeMayBeReadAndWritten) {
  TestWarehouse warehouse;
  std::filesystem::create_directories(warehouse.options().lake);
  const std::string file = "'" + (warehouse.options().lake / "x.parquet").string() + "'";
  const Status written = warehouse.Execute("COPY (SELECT 3 AS id) TO " + file);
  ASSERT_TRUE(written.ok()) << written.error().message();
  EXPECT_THAT(warehouse.Rows("FROM " + file), ElementsAre("3"));
}

TEST(WarehouseTest, CheckpointEndsWithASmallFileBehindIt) {
  TestWarehouse warehouse;
  ASSERT_TRUE(warehouse.Execute("CREATE TABLE analytics.main.t AS FROM range(1000)").ok());
  EXPECT_TRUE(warehouse->Checkpoint("analytics").ok());
  EXPECT_FALSE(
      std::filesystem::exists(FileOf(warehouse.options().folder, "analytics").string() + ".wal"));
}

TEST(CompactTest, TheTablesStayAndTheFileShrinks) {
  TestWarehouse warehouse;
  ASSERT_TRUE(warehouse
                  .Execute("CREATE TABLE analytics.main.t AS "
                           "SELECT i, md5(i::VARCHAR) AS h FROM range(200000) t(i)")
                  .ok());
  ASSERT_TRUE(warehouse.Execute("DELETE FROM analytics.main.t WHERE i >= 10").ok());
  warehouse.Close();
  const auto compacted = Compact(warehouse.options().folder, "analytics");
  ASSERT_TRUE(compacted.ok()) << compacted.error().message();
  EXPECT_LT(compacted.value().bytes_after, compacted.value().bytes_before);
  warehouse.Reopen();
  EXPECT_THAT(warehouse.Rows("SELECT count(*), sum(i) FROM analytics.main.t"),
              ElementsAre("10|45"));
}

TEST(CompactTest, AMissingProjectIsNotFound) {
  const TestFolder folder;
  EXPECT_EQ(Compact(folder.path(), "none").error().kind(), ErrorKind::kNotFound);
}

// What a process that died left in the log belongs to the file: it must be in
// the new one, and must not be replayed over it again.
TEST(CompactTest, AnUnfinishedLogIsKeptOnce) {
  TestWarehouse warehouse;
  warehouse.Close();
  const auto file = FileOf(warehouse.options().folder, "analytics");
  const auto log = file.string() + ".wal";
  {
    const data::TestDuckdb writer;
    ASSERT_TRUE(data::Execute(writer.connection(),
                              "SET checkpoint_threshold = '1TB'; "
                              "PRAGMA disable_checkpoint_on_shutdown; ATTACH '" +
                                  file.string() +
                                  "' AS a; CREATE TABLE a.main.t AS SELECT 7 AS id; "
                                  "INSERT INTO a.main.t VALUES (8)")
                    .ok());
    std::filesystem::copy(file, file.string() + ".crashed");
    std::filesystem::copy(log, file.string() + ".crashed.wal");
  }
  std::filesystem::rename(file.string() + ".crashed", file);
  std::filesystem::rename(file.string() + ".crashed.wal", log);
  const auto compacted = Compact(warehouse.options().folder, "analytics");
  ASSERT_TRUE(compacted.ok()) << compacted.error().message();
  warehouse.Reopen();
  EXPECT_THAT(warehouse.Rows("SELECT id FROM analytics.main.t ORDER BY id"), ElementsAre("7", "8"));
}

}  // namespace
}  // namespace afluente::duck

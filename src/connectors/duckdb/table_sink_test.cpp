#include "connectors/duckdb/table_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/duckdb/test_warehouse.h"

namespace afluente::duck {
namespace {

using data::Position;
using estate::Write;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Rows = std::vector<TestReader::Row>;

class TableSinkTest : public testing::Test {
 protected:
  TableSinkTest() {
    integration_.name = "contacts";
    integration_.mode = estate::Mode::kIncremental;
    integration_.destination.table = {"analytics", "crm", "contacts"};
    integration_.destination.key = {"id"};
  }

  Result<std::unique_ptr<pipeline::Sink>> Open(bool full_refresh = false) {
    AFL_ASSIGN(auto sink, OpenTableSink(*warehouse_, integration_, full_refresh));
    AFL_TRY(sink->Stored());
    return sink;
  }

  /// One run: each element of `lanes` is what a lane yields.
  Result<pipeline::Committed> Run(const std::vector<Rows>& lanes, const Position& end,
                                  bool full_refresh = false) {
    AFL_ASSIGN(const auto sink, Open(full_refresh));
    AFL_TRY(sink->Prepare(TestReader::Schema(), 0));
    for (const Rows& rows : lanes) {
      TestReader reader(rows);
      AFL_TRY(sink->Load(reader, {}));
    }
    return sink->Commit(end, {});
  }

  std::vector<std::string> Table() {
    return warehouse_.Rows("SELECT * FROM analytics.crm.contacts ORDER BY ALL");
  }
  std::optional<Position> Stored() {
    const auto sink = OpenTableSink(*warehouse_, integration_, false);
    return sink.value()->Stored().value();
  }
  std::vector<std::string> Tables() {
    return warehouse_.Rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'crm'");
  }

  TestWarehouse warehouse_;
  estate::Integration integration_;
};

const Position kFirst = {"cursor", "1"};
const Position kSecond = {"cursor", "2"};

TEST_F(TableSinkTest, AFirstRunMakesTheTableAndItsPosition) {
  const auto committed = Run({{{1, "Ana"}, {2, std::nullopt}}, {{3, "Caio"}}}, kFirst);
  ASSERT_TRUE(committed.ok()) << committed.error().message();
  EXPECT_EQ(committed.value().rows_written, 3U);
  EXPECT_THAT(Table(), ElementsAre("1|Ana", "2|NULL", "3|Caio"));
  EXPECT_EQ(Stored(), kFirst);
  EXPECT_THAT(Tables(), ElementsAre("contacts"));
}

TEST_F(TableSinkTest, WhatIsFollowedSetsAsideWhatACastFailsOn) {
  integration_.mode = estate::Mode::kCdc;
  integration_.on_bad_row = estate::OnBadRow::kDeadLetter;
  integration_.columns["name"].type = "INTEGER";
  const auto committed = Run({{{1, "1"}, {2, "two"}, {3, std::nullopt}}, {{4, "4"}}}, kFirst);
  ASSERT_TRUE(committed.ok()) << committed.error().message();
  EXPECT_EQ(committed.value().rows_written, 3U);
  EXPECT_EQ(committed.value().dead_letters, 1U);
  EXPECT_THAT(Table(), ElementsAre("1|1", "3|NULL", "4|4"));
  EXPECT_THAT(
      warehouse_.Rows("SELECT key, \"row\", position FROM analytics._afluente.dead_letters"),
      ElementsAre(R"(id=2|{"id":"2","name":"two"}|NULL)"));
}

TEST_F(TableSinkTest, LongTextsAreStoredWithZstandard) {
  data::Schema schema = TestReader::Schema();
  schema[1].average_bytes = 100;
  const auto sink = Open().value();
  ASSERT_TRUE(sink->Prepare(schema, 0).ok());
  Rows rows;
  for (int i = 0; i < 5000; ++i) rows.push_back({i, std::string(100, 'a') + std::to_string(i)});
  TestReader reader(rows);
  ASSERT_TRUE(sink->Load(reader, {}).ok());
  ASSERT_TRUE(sink->Commit(kFirst, {}).ok());
  EXPECT_THAT(warehouse_.Rows("SELECT DISTINCT compression FROM "
                              "pragma_storage_info('analytics.crm.contacts') "
                              "WHERE column_name = 'name' AND segment_type = 'VARCHAR'"),
              ElementsAre("ZSTD"));
}

TEST_F(TableSinkTest, AnEmptySourceMakesAnEmptyTable) {
  ASSERT_TRUE(Run({{}}, kFirst).ok());
  EXPECT_THAT(Table(), IsEmpty());
  EXPECT_EQ(Stored(), kFirst);
}

TEST_F(TableSinkTest, ReplaceLeavesNothingOfBefore) {
  integration_.write = Write::kReplace;
  ASSERT_TRUE(Run({{{1, "Ana"}, {2, "Bia"}}}, kFirst).ok());
  ASSERT_TRUE(Run({{{3, "Caio"}}}, kSecond).ok());
  EXPECT_THAT(Table(), ElementsAre("3|Caio"));
  EXPECT_EQ(Stored(), kSecond);
}

TEST_F(TableSinkTest, AppendKeepsWhatStandsThere) {
  integration_.write = Write::kAppend;
  ASSERT_TRUE(Run({{{1, "Ana"}}}, kFirst).ok());
  ASSERT_TRUE(Run({{{1, "Ana"}, {2, "Bia"}}}, kSecond).ok());
  EXPECT_THAT(Table(), ElementsAre("1|Ana", "1|Ana", "2|Bia"));
}

TEST_F(TableSinkTest, UpsertReplacesByKey) {
  ASSERT_TRUE(Run({{{1, "Ana"}, {2, "Bia"}}}, kFirst).ok());
  const auto committed = Run({{{2, "Beatriz"}, {3, "Caio"}}}, kSecond);
  ASSERT_TRUE(committed.ok());
  EXPECT_EQ(committed.value().rows_written, 2U);
  EXPECT_THAT(Table(), ElementsAre("1|Ana", "2|Beatriz", "3|Caio"));
}

TEST_F(TableSinkTest, UpsertingTheSameRowsTwiceChangesNothing) {
  ASSERT_TRUE(Run({{{1, "Ana"}, {2, std::nullopt}}}, kFirst).ok());
  ASSERT_TRUE(Run({{{1, "Ana"}, {2, std::nullopt}}}, kFirst).ok());
  EXPECT_THAT(Table(), ElementsAre("1|Ana", "2|NULL"));
}

TEST_F(TableSinkTest, ALookbackWritesOnlyWhatChanged) {
  integration_.lookback = std::chrono::minutes(10);
  ASSERT_TRUE(Run({{{1, "Ana"}, {2, std::nullopt}, {3, "Caio"}}}, kFirst).ok());
  const auto same = Run({{{1, "Ana"}, {2, std::nullopt}}}, kFirst);
  EXPECT_EQ(same.value().rows_written, 0U);
  const auto changed = Run({{{1, "Ana"}, {2, "Bia"}}}, kSecond);
  EXPECT_EQ(changed.value().rows_written, 1U);
  EXPECT_THAT(Table(), ElementsAre("1|Ana", "2|Bia", "3|Caio"));
  EXPECT_EQ(Stored(), kSecond);
}

TEST_F(TableSinkTest, AFullRefreshReplacesEvenWhereItUpserts) {
  ASSERT_TRUE(Run({{{1, "Ana"}, {2, "Bia"}}}, kFirst).ok());
  ASSERT_TRUE(Run({{{3, "Caio"}}}, kSecond, true).ok());
  EXPECT_THAT(Table(), ElementsAre("3|Caio"));
  EXPECT_EQ(Stored(), kSecond);
}

TEST_F(TableSinkTest, ADroppedTableIsReadFromTheBeginning) {
  ASSERT_TRUE(Run({{{1, "Ana"}}}, kFirst).ok());
  ASSERT_TRUE(warehouse_.Execute("DROP TABLE analytics.crm.contacts").ok());
  EXPECT_EQ(Stored(), std::nullopt);
}

struct BadKeyCase {
  std::string name;
  Rows rows;
  std::string want;  // In the message.
};

std::ostream& operator<<(std::ostream& out, const BadKeyCase& row) { return out << row.name; }

class BadKeyTest : public TableSinkTest, public testing::WithParamInterface<BadKeyCase> {};

TEST_P(BadKeyTest, FailsTheRunAndTouchesNothing) {
  integration_.destination.key = {"name"};
  ASSERT_TRUE(Run({{{1, "Ana"}}}, kFirst).ok());
  const auto failed = Run({GetParam().rows}, kSecond);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kConversion);
  EXPECT_THAT(failed.error().message(), HasSubstr(GetParam().want));
  EXPECT_THAT(Table(), ElementsAre("1|Ana"));
  EXPECT_EQ(Stored(), kFirst);
  EXPECT_THAT(Tables(), ElementsAre("contacts"));
}

INSTANTIATE_TEST_SUITE_P(
    Keys, BadKeyTest,
    testing::Values(BadKeyCase{"Twice", {{2, "Bia"}, {3, "Bia"}}, "2 rows share 1 keys"},
                    BadKeyCase{"Null", {{2, std::nullopt}}, "1 rows have NULL in the key"},
                    BadKeyCase{"TwoNulls",
                               {{2, std::nullopt}, {3, std::nullopt}},
                               "2 rows have NULL in the key"}),
    [](const auto& row) { return row.param.name; });

TEST_F(TableSinkTest, AnErrorInTheMiddleOfALaneTouchesNothing) {
  ASSERT_TRUE(Run({{{1, "Ana"}}}, kFirst).ok());
  {
    const auto sink = Open();
    ASSERT_TRUE(sink.ok());
    ASSERT_TRUE(sink.value()->Prepare(TestReader::Schema(), 0).ok());
    Rows rows;
    for (std::int64_t i = 0; i < 5000; ++i) rows.emplace_back(i, "x");
    TestReader reader(rows, 1000);
    reader.FailAt(3500, Error(ErrorKind::kTransient, "server closed the connection"));
    const Status failed = sink.value()->Load(reader, {});
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().kind(), ErrorKind::kTransient);
    EXPECT_THAT(failed.error().message(), HasSubstr("server closed the connection"));
  }
  EXPECT_THAT(Table(), ElementsAre("1|Ana"));
  EXPECT_EQ(Stored(), kFirst);
  EXPECT_THAT(Tables(), ElementsAre("contacts"));
}

TEST_F(TableSinkTest, ASinkThatNeverCommitsLeavesNoTrace) {
  {
    const auto sink = Open();
    ASSERT_TRUE(sink.ok());
    ASSERT_TRUE(sink.value()->Prepare(TestReader::Schema(), 0).ok());
    TestReader reader({{1, "Ana"}});
    ASSERT_TRUE(sink.value()->Load(reader, {}).ok());
    EXPECT_THAT(Tables(), ElementsAre(std::string(kStagePrefix) + "contacts"));
  }
  EXPECT_THAT(Tables(), IsEmpty());
}

TEST_F(TableSinkTest, AStageThatACrashLeftIsReplaced) {
  ASSERT_TRUE(warehouse_
                  .Execute("CREATE SCHEMA analytics.crm; CREATE TABLE analytics.crm." +
                           std::string(kStagePrefix) + "contacts AS SELECT 99 AS junk")
                  .ok());
  ASSERT_TRUE(Run({{{1, "Ana"}}}, kFirst).ok());
  EXPECT_THAT(Table(), ElementsAre("1|Ana"));
}

TEST_F(TableSinkTest, AStoppedLaneIsCancelled) {
  const auto sink = Open();
  ASSERT_TRUE(sink.value()->Prepare(TestReader::Schema(), 0).ok());
  Rows rows;
  for (std::int64_t i = 0; i < 2'000'000; ++i) rows.emplace_back(i, std::nullopt);
  TestReader reader(std::move(rows));
  std::stop_source stop;
  stop.request_stop();
  const Status failed = sink.value()->Load(reader, stop.get_token());
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kCancelled);
}

TEST_F(TableSinkTest, ReadersSeeTheOldTableUntilTheCommit) {
  integration_.write = Write::kReplace;
  ASSERT_TRUE(Run({{{1, "Ana"}}}, kFirst).ok());
  const auto sink = Open();
  ASSERT_TRUE(sink.value()->Prepare(TestReader::Schema(), 0).ok());
  TestReader reader({{2, "Bia"}});
  ASSERT_TRUE(sink.value()->Load(reader, {}).ok());
  EXPECT_THAT(Table(), ElementsAre("1|Ana"));
  ASSERT_TRUE(sink.value()->Commit(kSecond, {}).ok());
  EXPECT_THAT(Table(), ElementsAre("2|Bia"));
}

TEST_F(TableSinkTest, DeadLettersComeWithTheCommit) {
  const auto sink = Open();
  ASSERT_TRUE(sink.value()->Prepare(TestReader::Schema(), 0).ok());
  TestReader reader({{1, "Ana"}});
  ASSERT_TRUE(sink.value()->Load(reader, {}).ok());
  ASSERT_TRUE(sink.value()->Commit(kFirst, {{"id=2", "column \"name\" is not UTF-8"}}).ok());
  EXPECT_THAT(warehouse_.Rows("SELECT integration, key FROM analytics._afluente.dead_letters"),
              ElementsAre("contacts|id=2"));
}

TEST_F(TableSinkTest, RulesShapeTheRowsOnTheirWay) {
  integration_.columns["name"].rename = "first name";
  integration_.columns["name"].mask = estate::Mask::kRedact;
  ASSERT_TRUE(Run({{{1, "Ana"}, {2, std::nullopt}}}, kFirst).ok());
  EXPECT_THAT(warehouse_.Rows("SELECT id, \"first name\" FROM analytics.crm.contacts ORDER BY id"),
              ElementsAre("1|***", "2|NULL"));
}

TEST_F(TableSinkTest, ATransformShapesTheRowsOnTheirWay) {
  integration_.transform = "SELECT id, upper(name) AS name FROM batch WHERE id > 1";
  ASSERT_TRUE(Run({{{1, "Ana"}, {2, "Bia"}}}, kFirst).ok());
  EXPECT_THAT(Table(), ElementsAre("2|BIA"));
}

TEST_F(TableSinkTest, ATransformMayHaveTablesOfItsOwn) {
  integration_.transform =
      "WITH known AS (SELECT * FROM batch WHERE name IS NOT NULL), "
      "words(name, word) AS (VALUES ('Ana', 'yes')) "
      "SELECT id, word AS name FROM known LEFT JOIN words USING (name) -- the last word";
  const auto committed = Run({{{1, "Ana"}, {2, "Bia"}, {3, std::nullopt}}}, kFirst);
  ASSERT_TRUE(committed.ok()) << committed.error().message();
  EXPECT_THAT(Table(), ElementsAre("1|yes", "2|NULL"));
}

TEST_F(TableSinkTest, AKeyThatDoesNotArriveIsNamed) {
  integration_.destination.key = {"idd"};
  const auto failed = Run({{{1, "Ana"}}}, kFirst);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kNotFound);
  EXPECT_THAT(failed.error().message(), HasSubstr("did you mean \"id\"?"));
}

TEST_F(TableSinkTest, ANewColumnIsAddedAndOldRowsHaveNull) {
  ASSERT_TRUE(warehouse_
                  .Execute("CREATE SCHEMA analytics.crm; "
                           "CREATE TABLE analytics.crm.contacts(id INTEGER); "
                           "INSERT INTO analytics.crm.contacts VALUES (9)")
                  .ok());
  const auto committed = Run({{{1, "Ana"}}}, kFirst);
  ASSERT_TRUE(committed.ok()) << committed.error().message();
  EXPECT_THAT(committed.value().schema_changes,
              ElementsAre("column id: INTEGER becomes BIGINT", "column name: added (VARCHAR)"));
  EXPECT_THAT(Table(), ElementsAre("1|Ana", "9|NULL"));
}

TEST_F(TableSinkTest, IgnoreNeverRoundsInSilence) {
  integration_.on_schema_change = estate::OnSchemaChange::kIgnore;
  integration_.transform = "SELECT id, id + 0.5 AS price FROM batch";
  ASSERT_TRUE(warehouse_
                  .Execute("CREATE SCHEMA analytics.crm; "
                           "CREATE TABLE analytics.crm.contacts(id BIGINT, price INTEGER)")
                  .ok());
  const auto failed = Run({{{1, "Ana"}}}, kFirst);
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message(), HasSubstr("price"));
  EXPECT_THAT(Table(), IsEmpty());
}

}  // namespace
}  // namespace afluente::duck

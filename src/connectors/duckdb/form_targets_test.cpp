#include "connectors/duckdb/form_targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/duckdb/test_changes.h"
#include "connectors/duckdb/test_warehouse.h"

namespace afluente::duck {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kTable = "w.d.t";

WallTime Day(int day) { return WallTime(std::chrono::days(day)); }

/// Changes of one table, in transactions that a test begins and ends.
class FormTargetTest : public testing::Test {
 protected:
  explicit FormTargetTest(estate::Form form) {
    integration_.name = "t";
    integration_.mode = estate::Mode::kCdc;
    integration_.form = form;
    integration_.source.table = "public.t";
    integration_.destination.table = {"w", "d", "t"};
    integration_.destination.key = {"id"};
    Must(warehouse_.Execute("CREATE SCHEMA w.d"));
  }

  void Open() {
    target_ = MakeChangeTarget(*warehouse_, integration_);
    auto connected = warehouse_->Connect();
    ASSERT_TRUE(connected.ok());
    connection_ = std::move(connected).value();
  }

  FakeChanges Changes(const std::vector<std::string>& texts, std::uint64_t version = 1) {
    return {integration_, texts, version};
  }
  Status Apply(FakeChanges& changes) { return target_->Apply(connection_.get(), changes); }
  void ApplyOk(FakeChanges& changes) { Must(Apply(changes)); }
  void Begin() { Must(data::Execute(connection_.get(), "BEGIN")); }
  void Commit() {
    Must(data::Execute(connection_.get(), "COMMIT"));
    target_->Keep();
  }
  static void Must(const Status& status) {
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message());
  }

  TestWarehouse warehouse_{{"w"}};
  estate::Integration integration_;
  std::unique_ptr<ChangeTarget> target_;
  data::DuckConnection connection_;
};

class SoftDeleteTargetTest : public FormTargetTest {
 protected:
  SoftDeleteTargetTest() : FormTargetTest(estate::Form::kSoftDelete) {
    Must(
        warehouse_.Execute("CREATE TABLE w.d.t(id BIGINT, name VARCHAR, _deleted_at TIMESTAMPTZ); "
                           "INSERT INTO w.d.t VALUES (1, 'one', NULL), (2, 'two', NULL), (3, "
                           "'three', TIMESTAMPTZ '1970-01-02 00:00:00+00')"));
    Open();
  }
  /// The day of the deletion stands behind the columns.
  std::vector<std::string> Rows() {
    return warehouse_.Rows(
        "SELECT * REPLACE (epoch(_deleted_at)::BIGINT // 86400 AS _deleted_at) FROM w.d.t ORDER BY "
        "ALL");
  }
};

TEST_F(SoftDeleteTargetTest, MarksWhatStandsThereAndWhatComes) {
  FakeChanges changes = Changes({"name"});
  changes.Mark(1, Day(5)).Put(4, {"four"}).Mark(4, Day(6)).Put(3, {"again"});
  ApplyOk(changes);
  EXPECT_THAT(Rows(), ElementsAre("1|one|5", "2|two|NULL", "3|again|NULL", "4|four|6"));
}

TEST_F(SoftDeleteTargetTest, AMarkOfARowThatIsNotThereIsNothing) {
  FakeChanges changes = Changes({"name"});
  changes.Mark(9, Day(5));
  ApplyOk(changes);
  EXPECT_THAT(Rows(), ElementsAre("1|one|NULL", "2|two|NULL", "3|three|1"));
}

TEST_F(SoftDeleteTargetTest, TruncateMarksWhatLives) {
  FakeChanges changes = Changes({"name"});
  changes.Truncate(Day(7)).Mark(1, Day(6)).Put(5, {"new"});
  ApplyOk(changes);
  EXPECT_THAT(Rows(), ElementsAre("1|one|6", "2|two|7", "3|three|1", "5|new|NULL"));
}

TEST_F(SoftDeleteTargetTest, TheSameSetTwiceIsTheSameTable) {
  for (int i = 0; i < 2; ++i) {
    FakeChanges changes = Changes({"name"});
    changes.Mark(1, Day(5)).Put(4, {"four"}).Mark(4, Day(6)).Delete(2);
    ApplyOk(changes);
  }
  EXPECT_THAT(Rows(), ElementsAre("1|one|5", "3|three|1", "4|four|6"));
}

TEST_F(SoftDeleteTargetTest, MarksThenColumnsThenMarksInOneTransaction) {
  Begin();
  FakeChanges first = Changes({"name"});
  first.Mark(1, Day(5));
  ApplyOk(first);
  FakeChanges second = Changes({"name", "plan"}, 2);
  second.Default({std::nullopt, "basic"}).Put(4, {"four", "gold"}).Mark(4, Day(6));
  ApplyOk(second);
  Commit();
  // The default came after the rows that were deleted before it.
  EXPECT_THAT(warehouse_.Rows("SELECT id, plan, _deleted_at IS NULL FROM w.d.t ORDER BY id"),
              ElementsAre("1|NULL|false", "2|basic|true", "3|NULL|false", "4|gold|false"));
}

TEST_F(SoftDeleteTargetTest, ValuesThatLackGoWithAMark) {
  FakeChanges changes = Changes({"name"});
  changes.PutLacking(7, {std::nullopt}, {true}, 1).Delete(1).Mark(7, Day(5));
  ApplyOk(changes);
  EXPECT_THAT(Rows(), ElementsAre("2|two|NULL", "3|three|1", "7|one|5"));
}

TEST_F(SoftDeleteTargetTest, ColumnsThatAreIgnored) {
  integration_.on_schema_change = estate::OnSchemaChange::kIgnore;
  FakeChanges changes = Changes({"name", "more"});
  changes.Put(4, {"four", "x"})
      .PutLacking(2, {"dos", std::nullopt}, {false, true}, 2)
      .Mark(1, Day(5));
  ApplyOk(changes);
  EXPECT_THAT(Rows(), ElementsAre("1|one|5", "2|dos|NULL", "3|three|1", "4|four|NULL"));
}

TEST_F(SoftDeleteTargetTest, ATableOfAnotherFormIsRefused) {
  Must(warehouse_.Execute("ALTER TABLE w.d.t DROP COLUMN _deleted_at"));
  FakeChanges changes = Changes({"name"});
  const Status refused = Apply(changes);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::kSchemaMismatch);
  EXPECT_THAT(refused.error().message(),
              HasSubstr("table w.d.t was not written in form soft_delete; `afluente run t "
                        "--full-refresh` copies it again"));
}

/// The columns of the form are texts here: of the schema that fakes have.
class HistoryTargetTest : public FormTargetTest {
 protected:
  HistoryTargetTest() : FormTargetTest(estate::Form::kHistory) {
    Must(
        warehouse_.Execute("CREATE TABLE w.d.t(id BIGINT, name VARCHAR, blob VARCHAR, _op VARCHAR, "
                           "_lsn VARCHAR, _ordinal VARCHAR, _committed_at VARCHAR); INSERT INTO "
                           "w.d.t VALUES (2, 'b', 'of 2', 'snapshot', '1', '2', ''), (1, 'b', "
                           "'newer', 'update', '2', '1', ''), (1, 'a', 'older', 'snapshot', '1', "
                           "'1', '')"));
    Open();
  }
  FakeChanges Changes() {
    return FormTargetTest::Changes({"name", "blob", "_op", "_lsn", "_ordinal", "_committed_at"});
  }
  static std::vector<TestText> Texts(const TestText& name, const TestText& blob,
                                     const std::string& op, const std::string& lsn,
                                     const std::string& ordinal) {
    return {name, blob, op, lsn, ordinal, ""};
  }
  static std::vector<bool> LacksBlob() { return {false, true, false, false, false, false}; }
  std::vector<std::string> Rows() {
    return warehouse_.Rows(
        "SELECT _lsn, _ordinal, _op, id, name, blob FROM w.d.t ORDER BY _lsn, "
        "_ordinal");
  }
};

TEST_F(HistoryTargetTest, AMissingValueIsThatOfTheLastRow) {
  FakeChanges changes = Changes();
  changes.PutLacking(1, Texts("c", std::nullopt, "update", "3", "1"), LacksBlob(), 1);
  changes.PutLacking(5, Texts("d", std::nullopt, "update", "3", "2"), LacksBlob(), 2);
  changes.PutLacking(1, Texts("e", std::nullopt, "update", "3", "3"), LacksBlob(), 1);
  FakeChanges& borrowed = changes;
  ApplyOk(borrowed);
  EXPECT_THAT(Rows(),
              ElementsAre("1|1|snapshot|1|a|older", "1|2|snapshot|2|b|of 2", "2|1|update|1|b|newer",
                          "3|1|update|1|c|newer", "3|2|update|5|d|of 2", "3|3|update|1|e|newer"));
}

TEST_F(HistoryTargetTest, AMissingValueOfAnEarlierPart) {
  Begin();
  FakeChanges first = Changes();
  first.PutLacking(7, Texts("c", std::nullopt, "update", "3", "1"), LacksBlob(), 1);
  ApplyOk(first);
  FakeChanges second = Changes();
  second.PutLacking(7, Texts("d", std::nullopt, "update", "3", "2"), LacksBlob(), 7);
  ApplyOk(second);
  Commit();
  EXPECT_THAT(warehouse_.Rows("SELECT name, blob FROM w.d.t WHERE id = 7 ORDER BY name"),
              ElementsAre("c|newer", "d|newer"));
}

TEST_F(HistoryTargetTest, AMissingValueOfADeletedRowIsAnError) {
  Must(warehouse_.Execute("INSERT INTO w.d.t VALUES (2, NULL, NULL, 'delete', '2', '2', '')"));
  FakeChanges changes = Changes();
  changes.PutLacking(2, Texts("c", std::nullopt, "update", "3", "1"), LacksBlob(), 2);
  const Status failed = Apply(changes);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kSchemaMismatch);
  EXPECT_THAT(failed.error().message(), HasSubstr("1 changed rows stand in no row of w.d.t"));
}

}  // namespace
}  // namespace afluente::duck

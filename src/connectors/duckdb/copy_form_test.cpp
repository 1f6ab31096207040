#include "connectors/duckdb/copy_form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/duckdb/table_sink.h"
#include "connectors/duckdb/test_warehouse.h"

namespace afluente::duck {
namespace {

using data::Position;
using testing::ElementsAre;
using testing::HasSubstr;
using Rows = std::vector<TestReader::Row>;

/// Copies of a table of an id and a name, one after another.
class CopyFormTest : public testing::Test {
 protected:
  void Become(estate::Form form) { integration_.form = form; }

  CopyFormTest() {
    integration_.name = "contacts";
    integration_.mode = estate::Mode::kCdc;
    integration_.destination.table = {"analytics", "crm", "contacts"};
  }

  /// A copy of day `day`; each element of `lanes` is what a lane yields.
  Status Copy(const std::vector<Rows>& lanes, const std::string& lsn, int day) {
    AFL_ASSIGN(const auto sink, OpenCopySink(*warehouse_, integration_,
                                             {{"id"}, lsn, WallTime(std::chrono::days(day))}));
    AFL_TRY(sink->Stored());
    AFL_TRY(sink->Prepare(TestReader::Schema(), 0));
    for (const Rows& rows : lanes) {
      TestReader reader(rows);
      AFL_TRY(sink->Load(reader, {}));
    }
    AFL_TRY(sink->Commit(Position{"lsn", lsn}, {}));
    return Done{};
  }
  void CopyOk(const std::vector<Rows>& lanes, const std::string& lsn, int day) {
    const Status copied = Copy(lanes, lsn, day);
    EXPECT_TRUE(copied.ok()) << (copied.ok() ? "" : copied.error().message());
  }

  std::vector<std::string> Table(const std::string& columns) {
    return warehouse_.Rows("SELECT " + columns + " FROM analytics.crm.contacts ORDER BY ALL");
  }
  std::vector<std::string> Tables() {
    return warehouse_.Rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'crm'");
  }

  TestWarehouse warehouse_;
  estate::Integration integration_;
};

TEST_F(CopyFormTest, AMirrorIsReplaced) {
  CopyOk({{{1, "ana"}, {2, "bia"}}}, "1", 1);
  CopyOk({{{2, "bia"}}}, "2", 2);
  EXPECT_THAT(Table("*"), ElementsAre("2|bia"));
}

TEST_F(CopyFormTest, SoftDeleteMarksWhatIsGone) {
  Become(estate::Form::kSoftDelete);
  const char* columns = "id, name, epoch(_deleted_at)::BIGINT // 86400";
  CopyOk({{{1, "ana"}}, {{2, "bia"}, {3, "caio"}}}, "1", 1);
  EXPECT_THAT(Table(columns), ElementsAre("1|ana|NULL", "2|bia|NULL", "3|caio|NULL"));
  CopyOk({{{2, "bia"}, {3, "caio"}}}, "2", 2);
  CopyOk({{{3, "again"}, {4, "davi"}}}, "3", 3);
  EXPECT_THAT(Table(columns), ElementsAre("1|ana|2", "2|bia|3", "3|again|NULL", "4|davi|NULL"));
  // It came back.
  CopyOk({{{1, "back"}}}, "4", 4);
  EXPECT_THAT(Table(columns), ElementsAre("1|back|NULL", "2|bia|3", "3|again|4", "4|davi|4"));
  EXPECT_THAT(Tables(), ElementsAre("contacts"));
}

TEST_F(CopyFormTest, SoftDeleteOfAMirrorBeginsAnew) {
  CopyOk({{{1, "ana"}}}, "1", 1);
  Become(estate::Form::kSoftDelete);
  CopyOk({{{2, "bia"}}}, "2", 2);
  EXPECT_THAT(Table("*"), ElementsAre("2|bia|NULL"));
}

TEST_F(CopyFormTest, HistoryNumbersTheRowsOfEachLane) {
  Become(estate::Form::kHistory);
  CopyOk({{{1, "ana"}, {2, "bia"}}, {{3, "caio"}}}, "1", 1);
  EXPECT_THAT(Table("_lsn, _ordinal, _op, id, name, epoch(_committed_at)::BIGINT // 86400"),
              ElementsAre("1|1|snapshot|1|ana|1", "1|2|snapshot|2|bia|1",
                          "1|1099511627777|snapshot|3|caio|1"));
}

TEST_F(CopyFormTest, ANewCopyIsAGenerationOfTheHistory) {
  Become(estate::Form::kHistory);
  CopyOk({{{1, "ana"}, {2, "bia"}}}, "1", 1);
  CopyOk({{{2, "bia"}}}, "2", 2);
  EXPECT_THAT(Table("_lsn, _ordinal, _op, id"), ElementsAre("1|1|snapshot|1", "1|2|snapshot|2",
                                                            "2|0|truncate|NULL", "2|1|snapshot|2"));
  EXPECT_THAT(Tables(), ElementsAre("contacts"));
}

TEST_F(CopyFormTest, AHistoryThatLiesAheadIsAnotherServers) {
  Become(estate::Form::kHistory);
  CopyOk({{{1, "ana"}}}, "2", 1);
  const Status refused = Copy({{{1, "ana"}}}, "1", 2);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::kSchemaMismatch);
  EXPECT_THAT(refused.error().message(), HasSubstr("another server's"));
  EXPECT_THAT(Table("_lsn, _op"), ElementsAre("2|snapshot"));
}

TEST_F(CopyFormTest, AColumnOfTheFormThatArrivesIsNamed) {
  Become(estate::Form::kHistory);
  integration_.columns["name"].rename = "_Op";
  const Status refused = Copy({{{1, "ana"}}}, "1", 1);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("columns: { name: { rename: source_Op } }"));
}

}  // namespace
}  // namespace afluente::duck

#include "connectors/duckdb/checkpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/duckdb/test_warehouse.h"

namespace afluente::duck {
namespace {

using data::Position;
using testing::ElementsAre;
using testing::HasSubstr;

const estate::TableAddress kTable = {"analytics", "crm", "dim_contacts"};

class CheckpointsTest : public testing::Test {
 protected:
  duckdb_connection connection() const { return connection_.get(); }

  std::optional<Position> Stored(const std::string& integration,
                                 const estate::TableAddress& table = kTable) {
    const auto stored = ReadCheckpoint(connection(), table, integration);
    EXPECT_TRUE(stored.ok());
    return stored.ok() ? stored.value() : std::nullopt;
  }

  TestWarehouse warehouse_;
  data::DuckConnection connection_ = std::move(warehouse_->Connect()).value();
};

TEST_F(CheckpointsTest, ThereIsNoneAtFirst) { EXPECT_EQ(Stored("contacts"), std::nullopt); }

TEST_F(CheckpointsTest, TheLastOneWrittenCounts) {
  const Position first = {"cursor", R"({"values":["it's"]})"};
  const Position second = {"snapshot", "{}"};
  ASSERT_TRUE(WriteCheckpoint(connection(), kTable, "contacts", first).ok());
  EXPECT_EQ(Stored("contacts"), first);
  ASSERT_TRUE(WriteCheckpoint(connection(), kTable, "contacts", second).ok());
  EXPECT_EQ(Stored("contacts"), second);
}

TEST_F(CheckpointsTest, EachIntegrationAndTableHasItsOwn) {
  const estate::TableAddress other = {"analytics", "crm", "dim_users"};
  ASSERT_TRUE(WriteCheckpoint(connection(), kTable, "contacts", {"cursor", "1"}).ok());
  ASSERT_TRUE(WriteCheckpoint(connection(), kTable, "users", {"cursor", "2"}).ok());
  ASSERT_TRUE(WriteCheckpoint(connection(), other, "contacts", {"cursor", "3"}).ok());
  EXPECT_EQ(Stored("contacts")->value, "1");
  EXPECT_EQ(Stored("users")->value, "2");
  EXPECT_EQ(Stored("contacts", other)->value, "3");
  EXPECT_EQ(Stored("it's"), std::nullopt);
}

TEST_F(CheckpointsTest, ARollbackTakesItBack) {
  ASSERT_TRUE(data::Execute(connection(), "BEGIN").ok());
  ASSERT_TRUE(WriteCheckpoint(connection(), kTable, "contacts", {"cursor", "1"}).ok());
  ASSERT_TRUE(data::Execute(connection(), "ROLLBACK").ok());
  EXPECT_EQ(Stored("contacts"), std::nullopt);
}

TEST_F(CheckpointsTest, TwoOfThemAreDamage) {
  ASSERT_TRUE(WriteCheckpoint(connection(), kTable, "contacts", {"cursor", "1"}).ok());
  ASSERT_TRUE(warehouse_
                  .Execute("INSERT INTO analytics._afluente.checkpoints "
                           "FROM analytics._afluente.checkpoints")
                  .ok());
  const auto failed = ReadCheckpoint(connection(), kTable, "contacts");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kInternal);
  EXPECT_THAT(failed.error().message(), HasSubstr("--full-refresh"));
}

TEST_F(CheckpointsTest, AMissingTableIsDamage) {
  ASSERT_TRUE(warehouse_.Execute("DROP TABLE analytics._afluente.checkpoints").ok());
  EXPECT_EQ(ReadCheckpoint(connection(), kTable, "contacts").error().kind(), ErrorKind::kInternal);
}

TEST_F(CheckpointsTest, DeadLettersAreAdded) {
  ASSERT_TRUE(WriteDeadLetters(connection(), kTable, "contacts", {}).ok());
  ASSERT_TRUE(WriteDeadLetters(connection(), kTable, "contacts",
                               {{"id=1", "column \"name\" isn't UTF-8"}, {"", "x"}})
                  .ok());
  ASSERT_TRUE(WriteDeadLetters(connection(), kTable, "contacts", {{"id=2", "y"}}).ok());
  EXPECT_THAT(warehouse_.Rows("SELECT destination, integration, key, reason "
                              "FROM analytics._afluente.dead_letters ORDER BY reason"),
              ElementsAre("analytics.crm.dim_contacts|contacts|id=1|column \"name\" isn't UTF-8",
                          "analytics.crm.dim_contacts|contacts||x",
                          "analytics.crm.dim_contacts|contacts|id=2|y"));
}

TEST_F(CheckpointsTest, AnEqualDeadLetterIsToldOnce) {
  const data::DeadLetter told = {"id=1", "isn't UTF-8", R"({"id":"1"})", "0/1"};
  const data::DeadLetter without_row = {"id=2", "x"};
  ASSERT_TRUE(WriteDeadLetters(connection(), kTable, "contacts", {told, without_row}).ok());
  data::DeadLetter again = told;
  again.position = "";  // Found by a repair.
  data::DeadLetter changed = again;
  changed.row = R"({"id":"1","name":"n"})";
  const auto untold =
      NotYetTold(connection(), kTable, "contacts", {again, changed, without_row, {"id=1", "y"}});
  ASSERT_TRUE(untold.ok()) << untold.error().message();
  ASSERT_EQ(untold.value().size(), 2U);
  EXPECT_EQ(untold.value()[0].row, changed.row);
  EXPECT_EQ(untold.value()[1].reason, "y");
  EXPECT_EQ(NotYetTold(connection(), kTable, "other", {again}).value().size(), 1U);
}

}  // namespace
}  // namespace afluente::duck

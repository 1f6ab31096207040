#include "connectors/duckdb/change_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/duckdb/test_changes.h"
#include "connectors/duckdb/test_warehouse.h"

namespace afluente::duck {
namespace {

using data::Position;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Position At(int lsn) { return {"lsn", std::to_string(lsn)}; }

/// Two tables of project `analytics` and one of `other`, with a row 1 each.
class ChangeSinkTest : public testing::Test {
 protected:
  ChangeSinkTest() {
    Declare(contacts_, "contacts", "analytics");
    Declare(messages_, "messages", "analytics");
    Declare(remote_, "remote", "other");
    Reopen();
  }

  void Declare(estate::Integration& integration, const std::string& name,
               const std::string& project) {
    integration.name = name;
    integration.mode = estate::Mode::kCdc;
    integration.source.table = "public." + name;
    integration.destination.table = {project, "crm", name};
    integration.destination.key = {"id"};
    const Status made =
        warehouse_.Execute("CREATE SCHEMA IF NOT EXISTS " + project + ".crm; CREATE TABLE " +
                           project + ".crm." + name + "(id BIGINT, name VARCHAR); INSERT INTO " +
                           project + ".crm." + name + " VALUES (1, 'first')");
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message());
  }

  void Reopen() {
    auto opened = OpenChangeSink(*warehouse_, {&contacts_, &messages_, &remote_});
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    sink_ = std::move(opened).value();
  }

  FakeChanges& Change(const estate::Integration& integration,
                      const std::vector<std::string>& texts = {"name"}, std::uint64_t version = 1) {
    auto changes = std::make_unique<FakeChanges>(integration, texts, version);
    FakeChanges& borrowed = *changes;
    set_.tables.push_back(std::move(changes));
    return borrowed;
  }

  Status Apply(std::optional<Position> end, const std::set<std::string>& ahead = {}) {
    set_.end = std::move(end);
    set_.ahead = ahead;
    Status applied = sink_->Apply(set_);
    set_ = {};
    return applied;
  }
  void ApplyOk(std::optional<Position> end, const std::set<std::string>& ahead = {}) {
    const Status applied = Apply(std::move(end), ahead);
    EXPECT_TRUE(applied.ok()) << (applied.ok() ? "" : applied.error().message());
  }

  std::vector<std::string> Table(const std::string& name, const std::string& columns = "*") {
    return warehouse_.Rows("SELECT " + columns + " FROM " + name + " ORDER BY ALL");
  }
  std::vector<std::string> Stored() {
    std::vector<std::string> lines;
    const auto stored = sink_->Stored();
    for (const auto& [name, position] : stored.value())
      lines.push_back(name + " " + position.value);
    return lines;
  }

  TestWarehouse warehouse_{{"analytics", "other"}};
  estate::Integration contacts_;
  estate::Integration messages_;
  estate::Integration remote_;
  std::unique_ptr<pipeline::ChangeSink> sink_;
  pipeline::ChangeSet set_;
};

constexpr const char* kContacts = "analytics.crm.contacts";
constexpr const char* kMessages = "analytics.crm.messages";
constexpr const char* kRemote = "other.crm.remote";

TEST_F(ChangeSinkTest, PutsDeletesAndStoresThePositionOfAll) {
  EXPECT_THAT(Stored(), IsEmpty());
  Change(contacts_).Put(1, {"ana"}).Put(2, {std::nullopt}).Delete(3);
  Change(messages_).Delete(1);
  ApplyOk(At(10));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|ana", "2|NULL"));
  EXPECT_THAT(Table(kMessages), IsEmpty());
  EXPECT_THAT(Table(kRemote), ElementsAre("1|first"));
  EXPECT_THAT(Stored(), ElementsAre("contacts 10", "messages 10", "remote 10"));
}

TEST_F(ChangeSinkTest, APositionWithoutChangesIsStored) {
  ApplyOk(At(10));
  ApplyOk(At(20));
  Reopen();
  EXPECT_THAT(Stored(), ElementsAre("contacts 20", "messages 20", "remote 20"));
}

TEST_F(ChangeSinkTest, TheSameSetTwiceIsTheSameTable) {
  for (int i = 0; i < 2; ++i) {
    Change(contacts_).Put(1, {"ana"}).Put(2, {"bia"}).Delete(3);
    ApplyOk(At(10));
  }
  EXPECT_THAT(Table(kContacts), ElementsAre("1|ana", "2|bia"));
}

TEST_F(ChangeSinkTest, TruncateEmptiesTheTableFirst) {
  Change(contacts_).Truncate().Put(5, {"eva"});
  Change(messages_).Truncate();
  ApplyOk(At(10));
  EXPECT_THAT(Table(kContacts), ElementsAre("5|eva"));
  EXPECT_THAT(Table(kMessages), IsEmpty());
}

TEST_F(ChangeSinkTest, APartWithoutAnEndIsInvisible) {
  Change(contacts_).Put(2, {"part"});
  ApplyOk(std::nullopt);
  Change(messages_).Put(2, {"part"});
  ApplyOk(std::nullopt);
  EXPECT_THAT(Table(kContacts), ElementsAre("1|first"));
  EXPECT_THAT(Table(kMessages), ElementsAre("1|first"));
  EXPECT_THAT(Stored(), IsEmpty());
  Change(contacts_).Put(3, {"whole"});
  ApplyOk(At(10));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|first", "2|part", "3|whole"));
  EXPECT_THAT(Table(kMessages), ElementsAre("1|first", "2|part"));
}

TEST_F(ChangeSinkTest, PartsOfATransactionThatNeverEndsLeaveNothing) {
  Change(contacts_).Put(2, {"part"}).Delete(1);
  ApplyOk(std::nullopt);
  sink_.reset();
  EXPECT_THAT(Table(kContacts), ElementsAre("1|first"));
  Reopen();
  EXPECT_THAT(Stored(), IsEmpty());
}

TEST_F(ChangeSinkTest, AFailureOfTheSecondTableUndoesTheFirst) {
  ApplyOk(At(10));
  Change(contacts_).Put(2, {"lost"});
  Change(messages_).Put(2, {"lost"}).Fail();
  const Status failed = Apply(At(20));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kConversion);
  EXPECT_THAT(failed.error().message(), HasSubstr("messages: column \"name\" does not fit"));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|first"));
  EXPECT_THAT(Stored(), ElementsAre("contacts 10", "messages 10", "remote 10"));
}

TEST_F(ChangeSinkTest, AFailureUndoesThePartsBeforeIt) {
  Change(contacts_).Put(2, {"part"});
  ApplyOk(std::nullopt);
  Change(messages_).Put(2, {"lost"}).Fail();
  EXPECT_FALSE(Apply(std::nullopt).ok());
  Change(messages_).Put(3, {"later"});
  ApplyOk(At(10));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|first"));
  EXPECT_THAT(Table(kMessages), ElementsAre("1|first", "3|later"));
}

TEST_F(ChangeSinkTest, AColumnAddedInAFailedSetIsAddedAgain) {
  Change(contacts_, {"name", "plan"}, 2).Put(2, {"lost", "gold"});
  Change(messages_).Put(2, {"lost"}).Fail();
  EXPECT_FALSE(Apply(At(10)).ok());
  Change(contacts_, {"name", "plan"}, 2).Put(2, {"bia", "gold"});
  ApplyOk(At(10));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|first|NULL", "2|bia|gold"));
}

TEST_F(ChangeSinkTest, ATransactionMayChangeRowsThenColumnsThenRows) {
  Change(contacts_).Put(1, {"ana"}).Put(2, {"bia"});
  ApplyOk(At(10));
  Change(contacts_).Put(1, {"eva"}).Delete(2);
  ApplyOk(std::nullopt);
  Change(contacts_, {"name", "plan"}, 2).Put(3, {"leo", "gold"}).Put(1, {"eva", "tin"});
  ApplyOk(std::nullopt);
  Change(contacts_, {"name", "plan", "more"}, 3).Put(3, {"leo", "gold", "x"});
  ApplyOk(At(20));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|eva|tin|NULL", "3|leo|gold|x"));
  EXPECT_THAT(warehouse_.Rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'crm' "
                              "AND database_name = 'analytics' ORDER BY 1"),
              ElementsAre("contacts", "messages"));
}

TEST_F(ChangeSinkTest, RowsFromBeforeAColumnGetItsDefault) {
  contacts_.columns["plan"].rename = "tariff";
  contacts_.columns["secret"].mask = estate::Mask::kRedact;
  Change(contacts_, {"name", "plan", "secret", "none"}, 2)
      .Default({std::nullopt, "basic", "s", std::nullopt})
      .Put(2, {"bia", "gold", std::nullopt, "x"});
  ApplyOk(At(10));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|first|basic|***|NULL", "2|bia|gold|NULL|x"));
  // Only when the column is added.
  Change(contacts_, {"name", "plan", "secret", "none"}, 3)
      .Default({std::nullopt, "other", "s", std::nullopt})
      .Put(2, {"bia", std::nullopt, std::nullopt, "x"});
  ApplyOk(At(20));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|first|basic|***|NULL", "2|bia|NULL|NULL|x"));
}

TEST_F(ChangeSinkTest, APositionThatIsAheadStaysWhereItIs) {
  ApplyOk(At(50));
  Change(contacts_).Put(2, {"bia"});
  ApplyOk(At(20), {"messages", "remote"});
  EXPECT_THAT(Stored(), ElementsAre("contacts 20", "messages 50", "remote 50"));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|first", "2|bia"));
}

TEST_F(ChangeSinkTest, AMissingValueIsTakenFromTheTable) {
  Change(contacts_, {"name", "blob"}, 2).Put(1, {"ana", "large"}).Put(2, {"bia", std::nullopt});
  ApplyOk(At(10));
  Change(contacts_, {"name", "blob"}, 2)
      .PutLacking(1, {"eva", std::nullopt}, {false, true}, 1)
      .PutLacking(2, {"leo", std::nullopt}, {false, true}, 2);
  ApplyOk(At(20));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|eva|large", "2|leo|NULL"));
}

TEST_F(ChangeSinkTest, MissingValuesGoWithKeysThatChangePlaces) {
  Change(contacts_, {"name", "blob"}, 2).Put(1, {"ana", "of ana"}).Put(2, {"bia", "of bia"});
  ApplyOk(At(10));
  Change(contacts_, {"name", "blob"}, 2)
      .PutLacking(2, {"ana", std::nullopt}, {false, true}, 1)
      .PutLacking(1, {"bia", std::nullopt}, {false, true}, 2);
  ApplyOk(At(20));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|bia|of bia", "2|ana|of ana"));
}

TEST_F(ChangeSinkTest, AMissingValueOfAKeyThatChangedInAnEarlierPart) {
  Change(contacts_).Put(7, {"seven"}).Delete(1);
  ApplyOk(std::nullopt);
  Change(contacts_).PutLacking(8, {std::nullopt}, {true}, 7).Delete(7);
  ApplyOk(At(10));
  EXPECT_THAT(Table(kContacts), ElementsAre("8|seven"));
}

TEST_F(ChangeSinkTest, AMissingValueThatStandsNowhereFails) {
  Change(contacts_).PutLacking(9, {std::nullopt}, {true}, 9).Put(2, {"lost"});
  const Status failed = Apply(At(10));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kSchemaMismatch);
  EXPECT_THAT(failed.error().message(), HasSubstr("1 changed rows"));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|first"));
}

TEST_F(ChangeSinkTest, MissingValuesUnderRenamesAndMasks) {
  contacts_.columns["name"].rename = "who";
  contacts_.columns["name"].mask = estate::Mask::kRedact;
  contacts_.columns["blob"].rename = "content";
  ASSERT_TRUE(warehouse_
                  .Execute("CREATE OR REPLACE TABLE analytics.crm.contacts(id BIGINT, who "
                           "VARCHAR, content VARCHAR)")
                  .ok());
  Change(contacts_, {"name", "blob"}).Put(1, {"ana", "large"});
  ApplyOk(At(10));
  Change(contacts_, {"name", "blob"}).PutLacking(1, {"eva", std::nullopt}, {false, true}, 1);
  ApplyOk(At(20));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|***|large"));
}

TEST_F(ChangeSinkTest, MissingValuesOfColumnsThatAreIgnored) {
  contacts_.on_schema_change = estate::OnSchemaChange::kIgnore;
  Change(contacts_, {"name", "blob"}).PutLacking(1, {"ana", std::nullopt}, {false, true}, 1);
  ApplyOk(At(10));
  Change(contacts_, {"name", "blob"}).PutLacking(1, {std::nullopt, "new"}, {true, false}, 1);
  ApplyOk(At(20));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|ana"));
}

TEST_F(ChangeSinkTest, MissingValuesAndATransformDoNotGoTogether) {
  contacts_.transform = "SELECT * FROM batch";
  Change(contacts_).PutLacking(1, {std::nullopt}, {true}, 1);
  const Status failed = Apply(At(10));
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message(), HasSubstr("REPLICA IDENTITY FULL"));
}

TEST_F(ChangeSinkTest, ATransformMayDropAndMultiplyRows) {
  contacts_.transform =
      "SELECT id, unnest(string_split(name, ',')) AS name FROM batch WHERE name <> 'no'";
  Change(contacts_).Put(1, {"a,b,c"}).Put(2, {"no"}).Put(3, {"d"});
  ApplyOk(At(10));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|a", "1|b", "1|c", "3|d"));
  Change(contacts_).Put(1, {"no"}).Put(2, {"x,y"}).Delete(3);
  ApplyOk(At(20));
  EXPECT_THAT(Table(kContacts), ElementsAre("2|x", "2|y"));
}

TEST_F(ChangeSinkTest, MoreRowsThanABatchHolds) {
  FakeChanges& changes = Change(contacts_);
  for (int i = 0; i < 10'000; ++i) changes.Put(i, {std::string(20, 'x')});
  ApplyOk(At(10));
  FakeChanges& deletes = Change(contacts_);
  for (int i = 0; i < 10'000; i += 2) deletes.Delete(i);
  ApplyOk(At(20));
  EXPECT_THAT(Table(kContacts, "count(*), min(id), max(id)"), ElementsAre("5000|1|9999"));
}

TEST_F(ChangeSinkTest, OfEqualRowsAsManyGoAsAreGone) {
  Change(contacts_).Come(5, {"a"}).Come(5, {"a"}).Come(5, {"a"}).Come(6, {std::nullopt});
  ApplyOk(At(10));
  Change(contacts_).Gone(5, {"a"}).Gone(5, {"a"}).Gone(6, {std::nullopt}).Come(7, {"a"});
  ApplyOk(At(20));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|first", "5|a", "7|a"));
}

TEST_F(ChangeSinkTest, RowsThatCameInAnEarlierPartGo) {
  Change(contacts_).Come(5, {"a"}).Come(5, {"a"});
  ApplyOk(std::nullopt);
  Change(contacts_).Gone(5, {"a"}).Gone(1, {"first"});
  ApplyOk(std::nullopt);
  Change(contacts_).Come(8, {"b"});
  ApplyOk(At(10));
  EXPECT_THAT(Table(kContacts), ElementsAre("5|a", "8|b"));
}

TEST_F(ChangeSinkTest, WhatGoesIsMaskedAsWhatStandsThere) {
  contacts_.columns["name"].mask = estate::Mask::kHash;
  Change(contacts_).Come(5, {"a"}).Come(5, {"b"});
  ApplyOk(At(10));
  Change(contacts_).Gone(5, {"a"});
  ApplyOk(At(20));
  EXPECT_THAT(Table(kContacts, "count(*)"), ElementsAre("2"));
}

TEST_F(ChangeSinkTest, AGoneRowThatDoesNotStandThereIsAnError) {
  Change(contacts_).Gone(1, {"first"}).Gone(1, {"first"});
  const Status failed = Apply(At(10));
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message(), HasSubstr("1 rows that public.contacts has no more"));
  EXPECT_THAT(Table(kContacts), ElementsAre("1|first"));
}

TEST_F(ChangeSinkTest, RowsThatACastRefusesAreSetAside) {
  contacts_.columns["name"].type = "INTEGER";
  contacts_.on_bad_row = estate::OnBadRow::kDeadLetter;
  ASSERT_TRUE(warehouse_
                  .Execute("CREATE OR REPLACE TABLE analytics.crm.contacts(id BIGINT, name "
                           "INTEGER); INSERT INTO analytics.crm.contacts VALUES (3, 33)")
                  .ok());
  FakeChanges& changes = Change(contacts_);
  for (int i = 0; i < 3'000; ++i) changes.Put(i, {i % 1'000 == 3 ? "x" : std::to_string(i)});
  ApplyOk(At(10));
  EXPECT_THAT(Table(kContacts, "count(*), count(*) FILTER (id = 3)"), ElementsAre("2997|0"));
  EXPECT_THAT(
      warehouse_.Rows("SELECT key, integration, \"row\", position, reason LIKE 'column \"name\": "
                      "%''x''%' FROM analytics._afluente.dead_letters ORDER BY key"),
      ElementsAre("id=1003|contacts|{}|0/10|true", "id=2003|contacts|{}|0/10|true",
                  "id=3|contacts|{}|0/10|true"));
}

TEST_F(ChangeSinkTest, OtherwiseTheRowIsNamed) {
  contacts_.transform = "SELECT id, CAST(name AS INTEGER) AS name FROM batch";
  ASSERT_TRUE(warehouse_
                  .Execute("CREATE OR REPLACE TABLE analytics.crm.contacts(id BIGINT, name "
                           "INTEGER)")
                  .ok());
  Change(contacts_).Put(4, {"4"}).Put(5, {"five"});
  const Status failed = Apply(At(10));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kConversion);
  for (const char* word : {"public.contacts", "id=5", "transform", "five", "on_bad_row"}) {
    EXPECT_THAT(failed.error().message(), HasSubstr(word));
  }
}

TEST_F(ChangeSinkTest, ATableThatIsGoneIsNamed) {
  ASSERT_TRUE(warehouse_.Execute("DROP TABLE analytics.crm.contacts").ok());
  Change(contacts_).Put(1, {"ana"});
  const Status failed = Apply(At(10));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kNotFound);
  EXPECT_THAT(failed.error().message(), HasSubstr("analytics.crm.contacts is gone"));
}

}  // namespace
}  // namespace afluente::duck

#include "connectors/postgres/replication/history_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "connectors/postgres/replication/test_messages.h"

namespace afluente::postgres {
namespace {

using testing::ElementsAre;

/// A table of an id, which is its key, a name and a blob.
class HistoryLogTest : public testing::Test {
 protected:
  using Cells = std::vector<std::string>;

  void Insert(const Cells& row) { Must(InsertMessage(5, TextTuple(row))); }
  void Update(const Cells& row) { Must(UpdateMessage(5, "", TextTuple(row))); }
  void Rekey(const std::string& old_id, const Cells& row) {
    Must(UpdateMessage(5, "K" + TextTuple({old_id, "n", "n"}), TextTuple(row)));
  }
  void UpdateFull(const Cells& old, const Cells& row) {
    Must(UpdateMessage(5, "O" + TextTuple(old), TextTuple(row)));
  }
  void Delete(const std::string& id) { Must(DeleteMessage(5, "K" + TextTuple({id, "n", "n"}))); }

  void Must(const std::string& bytes) {
    const auto added = Add(bytes);
    ASSERT_TRUE(added.ok()) << added.error().message();
    moment_.ordinal += added.value();
  }

  /// Parses and adds as ChangeStream does; the bytes are gone afterwards.
  Result<int> Add(const std::string& bytes) {
    auto copy = std::make_unique<std::string>(bytes);
    Message message;
    AFL_TRY(ParseMessage(*copy, false, message));
    Result<int> added = log_.Add(message, moment_);
    std::fill(copy->begin(), copy->end(), '!');
    return added;
  }

  /// "1 insert 1,ana,x"; "2 update 2,ana,u from 1" for an incomplete one.
  std::vector<std::string> Entries() const {
    std::vector<std::string> lines;
    std::vector<TupleCell> cells;
    for (const HistoryLog::Entry& entry : log_.entries()) {
      static constexpr const char* kNames[] = {"insert", "update", "delete", "truncate"};
      std::string line =
          std::to_string(entry.moment.ordinal) + " " + kNames[static_cast<std::size_t>(entry.op)];
      if (!entry.row.empty()) {
        TupleView(entry.row).Split(cells);
        line += " " + PrintCells(cells);
      }
      if (!entry.complete()) {
        DecodeKey(entry.origin, cells);
        line += " from " + PrintCells(cells);
      }
      lines.push_back(line);
    }
    return lines;
  }

  HistoryLog log_{{0}};
  ChangeMoment moment_{Lsn{16}, 7, 1};
};

TEST_F(HistoryLogTest, KeepsEveryChangeInOrder) {
  Insert({"1", "ana", "x"});
  Update({"1", "eva", "y"});
  Delete("1");
  Must(TruncateMessage({5}));
  Insert({"1", "bia", "n"});
  EXPECT_THAT(Entries(), ElementsAre("1 insert 1,ana,x", "2 update 1,eva,y", "3 delete 1,n,n",
                                     "4 truncate", "5 insert 1,bia,n"));
  EXPECT_EQ(log_.changes(), 5U);
  EXPECT_EQ(log_.incomplete(), 0U);
  EXPECT_EQ(log_.entries()[4].moment.commit, Lsn{16});
  EXPECT_EQ(log_.entries()[4].moment.time, 7);
}

TEST_F(HistoryLogTest, AChangedKeyEndsTheOldOne) {
  Insert({"1", "ana", "x"});
  Rekey("1", {"2", "ana", "u"});
  Delete("2");
  EXPECT_THAT(Entries(), ElementsAre("1 insert 1,ana,x", "2 delete 1,n,n", "3 update 2,ana,x",
                                     "4 delete 2,n,n"));
  EXPECT_EQ(log_.changes(), 3U);
}

TEST_F(HistoryLogTest, AValueThatWasNotSentComesFromTheLastEntry) {
  Insert({"1", "ana", "x"});
  Update({"1", "eva", "u"});
  Update({"1", "eva", "new"});
  Update({"1", "bia", "u"});
  EXPECT_THAT(Entries(), ElementsAre("1 insert 1,ana,x", "2 update 1,eva,x", "3 update 1,eva,new",
                                     "4 update 1,bia,new"));
}

TEST_F(HistoryLogTest, WhatNoEntryHasStandsInTheDestination) {
  Update({"1", "ana", "u"});
  Update({"1", "eva", "u"});
  Rekey("1", {"2", "eva", "u"});
  Rekey("2", {"3", "eva", "u"});
  EXPECT_THAT(Entries(),
              ElementsAre("1 update 1,ana,u from 1", "2 update 1,eva,u from 1", "3 delete 1,n,n",
                          "4 update 2,eva,u from 1", "5 delete 2,n,n", "6 update 3,eva,u from 1"));
  EXPECT_EQ(log_.incomplete(), 4U);
}

TEST_F(HistoryLogTest, KeysThatChangePlaces) {
  Rekey("1", {"0", "ana", "u"});
  Rekey("2", {"1", "bia", "u"});
  Rekey("0", {"2", "ana", "u"});
  EXPECT_THAT(Entries(),
              ElementsAre("1 delete 1,n,n", "2 update 0,ana,u from 1", "3 delete 2,n,n",
                          "4 update 1,bia,u from 2", "5 delete 0,n,n", "6 update 2,ana,u from 1"));
}

TEST_F(HistoryLogTest, TheOldRowUnderFull) {
  UpdateFull({"1", "ana", "x"}, {"1", "eva", "u"});
  UpdateFull({"1", "eva", "x"}, {"2", "eva", "u"});
  Must(DeleteMessage(5, "O" + TextTuple({"2", "eva", "x"})));
  EXPECT_THAT(Entries(), ElementsAre("1 update 1,eva,x", "2 delete 1,eva,x", "3 update 2,eva,x",
                                     "4 delete 2,eva,x"));
}

TEST_F(HistoryLogTest, WithoutAKeyRowsAreOnlyAdded) {
  log_ = HistoryLog({});
  Insert({"1", "ana", "x"});
  Insert({"1", "ana", "x"});
  Must(TruncateMessage({5}));
  EXPECT_THAT(Entries(), ElementsAre("1 insert 1,ana,x", "2 insert 1,ana,x", "3 truncate"));
  const auto refused = Add(UpdateMessage(5, "", TextTuple({"1", "eva", "x"})));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::kSchemaMismatch);
  EXPECT_EQ(log_.changes(), 3U);
}

TEST_F(HistoryLogTest, CountsWhatItKeeps) {
  Insert({"1", "ana", std::string(10'000, 'x')});
  const std::size_t first = log_.bytes();
  EXPECT_GT(first, 10'000U);
  for (int i = 0; i < 10; ++i) Update({"1", "eva", "u"});
  EXPECT_GT(log_.bytes(), 11 * 10'000U);
  EXPECT_LT(log_.bytes(), 12 * first);
}

}  // namespace
}  // namespace afluente::postgres

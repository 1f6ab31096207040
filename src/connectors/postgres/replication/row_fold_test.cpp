#include "connectors/postgres/replication/row_fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>

#include "connectors/postgres/replication/test_messages.h"

namespace afluente::postgres {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A table of three columns without a key; the last one is not read.
class RowFoldTest : public testing::Test {
 protected:
  using Cells = std::vector<std::string>;

  void Insert(const Cells& row) { Must(Add(InsertMessage(5, TextTuple(row)))); }
  void Update(const Cells& old, const Cells& row) {
    Must(Add(UpdateMessage(5, "O" + TextTuple(old), TextTuple(row))));
  }
  void Delete(const Cells& row) { Must(Add(DeleteMessage(5, "O" + TextTuple(row)))); }
  void Truncate() { Must(Add(TruncateMessage({5}))); }

  static void Must(const Status& status) {
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message());
  }

  /// The bytes are gone afterwards, as those of a stream are.
  Status Add(const std::string& bytes) {
    const auto copy = std::make_unique<std::string>(bytes);
    Message message;
    AFL_TRY(ParseMessage(*copy, false, message));
    ++time_;
    const auto places = fold_.Add(message, {Lsn{static_cast<std::uint64_t>(time_)}, time_, 1});
    std::fill(copy->begin(), copy->end(), '!');
    if (!places.ok()) return places.error();
    EXPECT_EQ(places.value(), 1);
    return Done{};
  }

  /// "2 x a,b": rows that came; "-1 x a,b": that went.
  std::vector<std::string> Net() const {
    std::vector<std::string> lines;
    std::vector<TupleCell> cells;
    for (const RowFold::Entry& entry : fold_.entries()) {
      if (entry.net == 0) continue;
      TupleView(entry.row).Split(cells);
      lines.push_back(std::to_string(entry.net) + " x " + PrintCells(cells));
    }
    return lines;
  }

  RowFold fold_{{true, true, false}};
  PostgresMicros time_ = 0;
};

TEST_F(RowFoldTest, IsEmptyAtFirst) {
  EXPECT_TRUE(fold_.empty());
  EXPECT_EQ(fold_.bytes(), 0U);
  EXPECT_EQ(fold_.changes(), 0U);
}

TEST_F(RowFoldTest, EqualRowsAreCounted) {
  Insert({"1", "a", "x"});
  Insert({"1", "a", "x"});
  Insert({"1", "n", "x"});
  EXPECT_THAT(Net(), ElementsAre("2 x 1,a,n", "1 x 1,n,n"));
  EXPECT_EQ(fold_.changes(), 3U);
}

TEST_F(RowFoldTest, NullIsNoEmptyText) {
  Insert({"1", "", "x"});
  Delete({"1", "n", "x"});
  EXPECT_THAT(Net(), ElementsAre("1 x 1,,n", "-1 x 1,n,n"));
}

TEST_F(RowFoldTest, AnUpdateTakesOneAwayAndBringsOne) {
  Update({"1", "a", "x"}, {"1", "b", "x"});
  Update({"1", "b", "x"}, {"1", "c", "x"});
  EXPECT_THAT(Net(), ElementsAre("-1 x 1,a,n", "1 x 1,c,n"));
}

TEST_F(RowFoldTest, WhatCancelsIsNothing) {
  Insert({"1", "a", "x"});
  Delete({"1", "a", "x"});
  Update({"2", "b", "x"}, {"2", "b", "x"});
  EXPECT_THAT(Net(), IsEmpty());
  EXPECT_EQ(fold_.changes(), 3U);
}

TEST_F(RowFoldTest, AColumnThatIsNotReadMakesNoDifference) {
  Update({"1", "a", "x"}, {"1", "a", "y"});
  EXPECT_THAT(Net(), IsEmpty());
}

TEST_F(RowFoldTest, ValuesThatWereNotSentStandInTheOldRow) {
  Update({"1", "large", "x"}, {"2", "u", "u"});
  EXPECT_THAT(Net(), ElementsAre("1 x 2,large,n", "-1 x 1,large,n"));
}

TEST_F(RowFoldTest, TruncateForgetsWhatCameBefore) {
  Insert({"1", "a", "x"});
  Delete({"2", "b", "x"});
  Truncate();
  Insert({"3", "c", "x"});
  Truncate();
  Insert({"4", "d", "x"});
  EXPECT_THAT(Net(), ElementsAre("1 x 4,d,n"));
  EXPECT_EQ(fold_.truncated_at(), 3);
  EXPECT_EQ(fold_.changes(), 6U);
}

TEST_F(RowFoldTest, WithoutTheOldRowItIsAnError) {
  for (const std::string& message :
       {UpdateMessage(5, "", TextTuple({"1", "a", "x"})),
        UpdateMessage(5, "K" + TextTuple({"1", "n", "n"}), TextTuple({"1", "a", "x"})),
        DeleteMessage(5, "K" + TextTuple({"1", "n", "n"}))}) {
    const Status added = Add(message);
    ASSERT_FALSE(added.ok());
    EXPECT_EQ(added.error().kind(), ErrorKind::kSchemaMismatch);
    EXPECT_THAT(added.error().message(), HasSubstr("REPLICA IDENTITY FULL"));
  }
}

// Against a multiset, with few different rows so that many are equal.
TEST_F(RowFoldTest, AnyChangesAreAMultisetsDifference) {
  std::mt19937 random(7);
  const auto below = [&](unsigned bound) { return static_cast<int>(random() % bound); };
  const auto row = [&] {
    return Cells{std::to_string(below(4)), below(5) == 0 ? "n" : std::to_string(below(3)), "x"};
  };
  std::multiset<Cells> before;
  for (int i = 0; i < 60; ++i) before.insert(row());
  std::multiset<Cells> now = before;
  for (int i = 0; i < 2'000; ++i) {
    const int what = below(3);
    if (what == 0 || now.empty()) {
      const Cells added = row();
      Insert(added);
      now.insert(added);
      continue;
    }
    const auto gone = now.extract(std::next(now.begin(), below(static_cast<unsigned>(now.size()))));
    const Cells& old = gone.value();
    if (what == 1) {
      Delete(old);
    } else {
      const Cells changed = row();
      Update(old, changed);
      now.insert(changed);
    }
  }
  std::map<std::string, std::int64_t> expected;
  const auto print = [](const Cells& cells) { return cells[0] + "," + cells[1] + ",n"; };
  for (const Cells& cells : now) ++expected[print(cells)];
  for (const Cells& cells : before) --expected[print(cells)];
  std::vector<std::string> lines;
  for (const auto& [text, net] : expected) {
    if (net != 0) lines.push_back(std::to_string(net) + " x " + text);
  }
  EXPECT_THAT(Net(), testing::UnorderedElementsAreArray(lines));
}

}  // namespace
}  // namespace afluente::postgres

#include "connectors/postgres/replication/change_fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "connectors/postgres/replication/test_messages.h"

namespace afluente::postgres {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A table of an id, which is its key, a name and a blob.
class ChangeFoldTest : public testing::Test {
 protected:
  using Cells = std::vector<std::string>;

  void Insert(const Cells& row) { Must(Parse(InsertMessage(5, TextTuple(row)))); }
  void Update(const Cells& row) { Must(Parse(UpdateMessage(5, "", TextTuple(row)))); }
  void Rekey(const std::string& old_id, const Cells& row) {
    Must(Parse(UpdateMessage(5, "K" + TextTuple({old_id, "n", "n"}), TextTuple(row))));
  }
  void UpdateFull(const Cells& old, const Cells& row) {
    Must(Parse(UpdateMessage(5, "O" + TextTuple(old), TextTuple(row))));
  }
  void Delete(const std::string& id) {
    Must(Parse(DeleteMessage(5, "K" + TextTuple({id, "n", "n"}))));
  }

  static void Must(const Status& status) {
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message());
  }

  /// Parses and folds as ChangeStream does; the bytes are gone afterwards.
  Status Parse(const std::string& bytes) {
    auto copy = std::make_unique<std::string>(bytes);
    Message message;
    AFL_TRY(ParseMessage(*copy, false, message));
    const ChangeMoment moment{{}, ++time_};
    Status folded = message.kind == MessageKind::kInsert   ? fold_.Insert(message, moment)
                    : message.kind == MessageKind::kUpdate ? fold_.Update(message, moment)
                                                           : fold_.Delete(message, moment);
    std::fill(copy->begin(), copy->end(), '!');
    return folded;
  }

  /// "1: 1,ana,x" for a row, "1: gone", "2 from 1: 2,ana,u" for an incomplete one.
  std::vector<std::string> Entries() const {
    std::vector<std::string> lines;
    std::vector<TupleCell> cells;
    for (const ChangeFold::Entry& entry : fold_.entries()) {
      DecodeKey(entry.key, cells);
      std::string line = PrintCells(cells);
      if (!entry.complete()) {
        DecodeKey(entry.origin, cells);
        line += " from " + PrintCells(cells);
      }
      TupleView(entry.row).Split(cells);
      lines.push_back(line + ": " + (entry.lives() ? PrintCells(cells) : "gone"));
    }
    return lines;
  }

  ChangeFold fold_{{0}};
  PostgresMicros time_ = 0;
};

TEST_F(ChangeFoldTest, IsEmptyAtFirst) {
  EXPECT_TRUE(fold_.empty());
  EXPECT_EQ(fold_.bytes(), 0U);
  EXPECT_EQ(fold_.changes(), 0U);
}

TEST_F(ChangeFoldTest, TheLastRowOfAKeyStays) {
  Insert({"1", "ana", "x"});
  Insert({"2", "bia", "y"});
  Update({"1", "eva", "z"});
  EXPECT_THAT(Entries(), ElementsAre("1: 1,eva,z", "2: 2,bia,y"));
  EXPECT_EQ(fold_.changes(), 3U);
  EXPECT_EQ(fold_.complete_rows(), 2U);
  EXPECT_EQ(fold_.incomplete_rows(), 0U);
  EXPECT_EQ(fold_.entries()[0].time, 3);
  EXPECT_EQ(fold_.entries()[1].time, 2);
}

TEST_F(ChangeFoldTest, InsertUpdateDeleteIsADelete) {
  Insert({"1", "ana", "x"});
  Update({"1", "eva", "x"});
  Delete("1");
  EXPECT_THAT(Entries(), ElementsAre("1: gone"));
  EXPECT_EQ(fold_.complete_rows(), 0U);
  EXPECT_FALSE(fold_.empty());
}

TEST_F(ChangeFoldTest, DeleteThenInsertIsTheNewRow) {
  Delete("1");
  Insert({"1", "new", "n"});
  EXPECT_THAT(Entries(), ElementsAre("1: 1,new,n"));
}

TEST_F(ChangeFoldTest, ADeleteOfAnUnknownRowIsKept) {
  Delete("9");
  EXPECT_THAT(Entries(), ElementsAre("9: gone"));
}

TEST_F(ChangeFoldTest, ADeleteUnderFullNamesItsKey) {
  Must(Parse(DeleteMessage(5, "O" + TextTuple({"3", "ana", "x"}))));
  EXPECT_THAT(Entries(), ElementsAre("3: gone"));
}

TEST_F(ChangeFoldTest, NullAndTheLetterNAreTwoThings) {
  Insert({"1", "n", "x"});
  std::vector<TupleCell> cells;
  TupleView(fold_.entries()[0].row).Split(cells);
  EXPECT_EQ(cells[1].kind, TupleCell::Kind::kNull);
}

TEST_F(ChangeFoldTest, AKeyChangeLeavesNothingUnderTheOldKey) {
  Rekey("1", {"2", "ana", "x"});
  EXPECT_THAT(Entries(), ElementsAre("1: gone", "2: 2,ana,x"));
}

TEST_F(ChangeFoldTest, AKeyChangeOntoADeletedKeyReplacesIt) {
  Delete("2");
  Rekey("1", {"2", "ana", "x"});
  EXPECT_THAT(Entries(), ElementsAre("2: 2,ana,x", "1: gone"));
}

TEST_F(ChangeFoldTest, TwoRowsChangeTheirKeysRoundAThirdOne) {
  Rekey("1", {"0", "ana", "u"});
  Rekey("2", {"1", "bia", "u"});
  Rekey("0", {"2", "ana", "u"});
  EXPECT_THAT(Entries(), ElementsAre("1 from 2: 1,bia,u", "0: gone", "2 from 1: 2,ana,u"));
  EXPECT_EQ(fold_.incomplete_rows(), 2U);
}

TEST_F(ChangeFoldTest, AnUnchangedValueComesFromTheOldRow) {
  UpdateFull({"1", "ana", "blob"}, {"1", "eva", "u"});
  EXPECT_THAT(Entries(), ElementsAre("1: 1,eva,blob"));
}

TEST_F(ChangeFoldTest, AnUnchangedValueComesFromTheEarlierRow) {
  Insert({"1", "ana", "blob"});
  Update({"1", "eva", "u"});
  EXPECT_THAT(Entries(), ElementsAre("1: 1,eva,blob"));
}

TEST_F(ChangeFoldTest, AnUnchangedNullOfTheOldRowStaysNull) {
  UpdateFull({"1", "ana", "n"}, {"1", "eva", "u"});
  EXPECT_THAT(Entries(), ElementsAre("1: 1,eva,n"));
}

TEST_F(ChangeFoldTest, AnUnchangedValueThatNobodyKnowsLeavesTheRowIncomplete) {
  Update({"1", "eva", "u"});
  EXPECT_THAT(Entries(), ElementsAre("1 from 1: 1,eva,u"));
  EXPECT_EQ(fold_.complete_rows(), 0U);
  EXPECT_EQ(fold_.incomplete_rows(), 1U);
}

TEST_F(ChangeFoldTest, AValueThatComesLaterCompletesTheRow) {
  Update({"1", "eva", "u"});
  Update({"1", "eva", "blob"});
  Update({"1", "leo", "u"});
  EXPECT_THAT(Entries(), ElementsAre("1: 1,leo,blob"));
}

TEST_F(ChangeFoldTest, EachColumnIsFilledFromWhereItIsKnown) {
  Update({"1", "u", "blob"});
  Update({"1", "name", "u"});
  EXPECT_THAT(Entries(), ElementsAre("1: 1,name,blob"));
  Update({"2", "u", "blob"});
  Update({"2", "u", "u"});
  EXPECT_THAT(Entries()[1], "2 from 2: 2,u,blob");
}

TEST_F(ChangeFoldTest, AChainOfKeyChangesKeepsItsFirstOrigin) {
  Rekey("1", {"2", "ana", "u"});
  Rekey("2", {"3", "ana", "u"});
  Update({"3", "eva", "u"});
  EXPECT_THAT(Entries(), ElementsAre("1: gone", "2: gone", "3 from 1: 3,eva,u"));
}

TEST_F(ChangeFoldTest, AChainThatBeganWithAnInsertIsComplete) {
  Insert({"1", "ana", "blob"});
  Rekey("1", {"2", "ana", "u"});
  Rekey("2", {"3", "eva", "u"});
  EXPECT_THAT(Entries(), ElementsAre("1: gone", "2: gone", "3: 3,eva,blob"));
}

TEST_F(ChangeFoldTest, AKeyThatComesBackIsFilledFromItself) {
  Rekey("1", {"2", "ana", "u"});
  Rekey("2", {"1", "eva", "u"});
  EXPECT_THAT(Entries(), ElementsAre("1 from 1: 1,eva,u", "2: gone"));
}

TEST_F(ChangeFoldTest, AnIncompleteRowThatIsDeletedIsGone) {
  Update({"1", "eva", "u"});
  Delete("1");
  EXPECT_THAT(Entries(), ElementsAre("1: gone"));
  EXPECT_EQ(fold_.incomplete_rows(), 0U);
}

TEST_F(ChangeFoldTest, ANewRowUnderAnIncompleteRowsKeyIsComplete) {
  Rekey("1", {"2", "ana", "u"});
  Insert({"1", "bia", "y"});
  EXPECT_THAT(Entries(), ElementsAre("1: 1,bia,y", "2 from 1: 2,ana,u"));
}

// A TOASTed key: the new tuple says "unchanged", the old one has it.
TEST_F(ChangeFoldTest, AnUnchangedKeyComesFromTheOldTuple) {
  Must(Parse(UpdateMessage(5, "K" + TextTuple({"long", "n", "n"}), TextTuple({"u", "eva", "x"}))));
  UpdateFull({"full", "ana", "y"}, {"u", "eva", "u"});
  EXPECT_THAT(Entries(), ElementsAre("long: long,eva,x", "full: full,eva,y"));
}

// What the old key's padding says is not the value of another column.
TEST_F(ChangeFoldTest, PaddingOfTheOldKeyIsNoValue) {
  Rekey("1", {"2", "eva", "u"});
  EXPECT_THAT(Entries(), ElementsAre("1: gone", "2 from 1: 2,eva,u"));
}

TEST_F(ChangeFoldTest, TruncateForgetsWhatCameBefore) {
  Insert({"1", "ana", "x"});
  Update({"2", "bia", "u"});
  fold_.Truncate(++time_);
  EXPECT_TRUE(fold_.truncated_at());
  EXPECT_FALSE(fold_.empty());
  EXPECT_THAT(Entries(), IsEmpty());
  EXPECT_EQ(fold_.bytes(), 0U);
  EXPECT_EQ(fold_.changes(), 3U);
  Insert({"1", "new", "y"});
  EXPECT_THAT(Entries(), ElementsAre("1: 1,new,y"));
  EXPECT_TRUE(fold_.truncated_at());
}

TEST_F(ChangeFoldTest, ClearMakesItNew) {
  for (int i = 0; i < 100'000; ++i) Insert({std::to_string(i), "ana", "x"});
  EXPECT_EQ(fold_.changes(), 100'000U);
  EXPECT_GT(fold_.bytes(), 100'000U * 20);
  fold_.Clear();
  EXPECT_TRUE(fold_.empty());
  EXPECT_EQ(fold_.bytes(), 0U);
  EXPECT_EQ(fold_.changes(), 0U);
  EXPECT_FALSE(fold_.truncated_at());
  Insert({"7", "eva", "y"});
  EXPECT_THAT(Entries(), ElementsAre("7: 7,eva,y"));
}

TEST_F(ChangeFoldTest, EveryKeyOfManyIsFoundAgain) {
  constexpr int kRows = 20'000;
  for (int i = 0; i < kRows; ++i) Insert({std::to_string(i), "a", "x"});
  for (int i = 0; i < kRows; i += 2) Delete(std::to_string(i));
  for (int i = 1; i < kRows; i += 2) Update({std::to_string(i), "b", "u"});
  EXPECT_EQ(fold_.entries().size(), static_cast<std::size_t>(kRows));
  EXPECT_EQ(fold_.complete_rows(), static_cast<std::size_t>(kRows) / 2);
  EXPECT_EQ(fold_.changes(), 2U * kRows);
}

TEST_F(ChangeFoldTest, BytesGrowWithWhatIsKept) {
  Insert({"1", "ana", std::string(10'000, 'x')});
  EXPECT_GE(fold_.bytes(), 10'000U);
  const std::size_t before = fold_.bytes();
  Delete("1");
  EXPECT_GE(fold_.bytes(), before);  // The arena gives nothing back before Clear.
}

TEST_F(ChangeFoldTest, CompositeKeysAreComparedAsAWhole) {
  fold_ = ChangeFold({0, 2});
  Insert({"1", "ana", "23"});
  Insert({"12", "bia", "3"});
  Insert({"1", "eva", "23"});
  EXPECT_THAT(Entries(), ElementsAre("1,23: 1,eva,23", "12,3: 12,bia,3"));
}

TEST_F(ChangeFoldTest, WithoutAKeyEveryInsertIsARow) {
  fold_ = ChangeFold(std::vector<std::size_t>());
  Insert({"1", "ana", "x"});
  Insert({"1", "ana", "x"});
  EXPECT_EQ(fold_.entries().size(), 2U);
  EXPECT_EQ(fold_.complete_rows(), 2U);
  fold_.Truncate(++time_);
  EXPECT_TRUE(fold_.entries().empty());
}

TEST_F(ChangeFoldTest, WithoutAKeyUpdatesAndDeletesAreRefused) {
  fold_ = ChangeFold(std::vector<std::size_t>());
  for (const std::string& message : {UpdateMessage(5, "", TextTuple({"1", "a", "x"})),
                                     DeleteMessage(5, "O" + TextTuple({"1", "a", "x"}))}) {
    const Status refused = Parse(message);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind(), ErrorKind::kSchemaMismatch);
    EXPECT_THAT(refused.error().message(), HasSubstr("primary key"));
  }
  EXPECT_TRUE(fold_.empty());
}

TEST_F(ChangeFoldTest, ARowThatIsTooShortForItsKeyIsRefused) {
  fold_ = ChangeFold({2});
  const Status refused = Parse(InsertMessage(5, TextTuple({"1", "a"})));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind(), ErrorKind::kInternal);
}

TEST_F(ChangeFoldTest, ARowWithoutItsKeyIsRefused) {
  for (const std::string& message : {InsertMessage(5, TextTuple({"u", "a", "x"})),
                                     UpdateMessage(5, "", TextTuple({"u", "a", "x"})),
                                     DeleteMessage(5, "K" + TextTuple({"u", "a", "x"}))}) {
    EXPECT_FALSE(Parse(message).ok());
  }
}

TEST(KeyFormTest, ComesBackAsItWasEncoded) {
  const std::string blob("\0n\xff", 3);
  const std::vector<TupleCell> cells = {{TupleCell::Kind::kText, "a"},
                                        {TupleCell::Kind::kNull, {}},
                                        {TupleCell::Kind::kBinary, blob},
                                        {TupleCell::Kind::kText, ""}};
  std::string key;
  EncodeKey(cells, {0, 1, 2, 3}, key);
  std::vector<TupleCell> decoded;
  DecodeKey(key, decoded);
  ASSERT_EQ(decoded.size(), cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    EXPECT_EQ(decoded[i].kind, cells[i].kind);
    EXPECT_EQ(decoded[i].bytes, cells[i].bytes);
  }
  DecodeKey("", decoded);
  EXPECT_TRUE(decoded.empty());
}

/// The destination keeps rows that are deleted.
class MarkingFoldTest : public ChangeFoldTest {
 protected:
  MarkingFoldTest() { fold_ = ChangeFold({0}, ChangeFold::Deleted::kMarked); }

  /// "1 at 3: 1,ana,x" for a marked row; "1 at 3" for a key of which no row is known.
  std::vector<std::string> Marked() const {
    std::vector<std::string> lines;
    std::vector<TupleCell> cells;
    for (const ChangeFold::Entry& entry : fold_.entries()) {
      if (!entry.marked) continue;
      DecodeKey(entry.key, cells);
      std::string line = PrintCells(cells) + " at " + std::to_string(entry.time);
      EXPECT_EQ(entry.replaces(), entry.has_row());
      if (entry.has_row()) {
        TupleView(entry.row).Split(cells);
        line += ": " + PrintCells(cells);
      }
      lines.push_back(line);
    }
    return lines;
  }
};

TEST_F(MarkingFoldTest, ADeletedRowKeepsWhatIsKnownOfIt) {
  Delete("1");
  Insert({"2", "bia", "y"});
  Delete("2");
  Update({"3", "eva", "u"});
  Delete("3");
  EXPECT_THAT(Marked(), ElementsAre("1 at 1", "2 at 3: 2,bia,y", "3 at 5: 3,eva,u"));
  EXPECT_EQ(fold_.complete_rows(), 1U);
  EXPECT_EQ(fold_.incomplete_rows(), 1U);
}

TEST_F(MarkingFoldTest, InsertedAgainItLives) {
  Delete("1");
  Insert({"1", "new", "n"});
  EXPECT_THAT(Marked(), IsEmpty());
  EXPECT_THAT(Entries(), ElementsAre("1: 1,new,n"));
}

TEST_F(MarkingFoldTest, AKeyThatChangedIsNotDeleted) {
  Rekey("1", {"2", "ana", "u"});
  EXPECT_THAT(Marked(), IsEmpty());
  Delete("2");
  EXPECT_THAT(Marked(), ElementsAre("2 at 2: 2,ana,u"));
  EXPECT_TRUE(fold_.entries()[1].replaces());
}

TEST_F(MarkingFoldTest, TruncateMarksWhatLivesAndRemembersTheFirstTime) {
  Insert({"1", "ana", "x"});
  Delete("2");
  fold_.Truncate(++time_);
  Insert({"3", "new", "x"});
  fold_.Truncate(++time_);
  Insert({"4", "last", "x"});
  EXPECT_EQ(fold_.truncated_at(), 3);
  EXPECT_THAT(Marked(), ElementsAre("1 at 3: 1,ana,x", "2 at 2", "3 at 5: 3,new,x"));
  EXPECT_EQ(fold_.changes(), 6U);
}

}  // namespace
}  // namespace afluente::postgres

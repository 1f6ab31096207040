#include "connectors/postgres/replication/pgoutput.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "connectors/postgres/replication/test_messages.h"

namespace afluente::postgres {
namespace {

using testing::HasSubstr;

std::string PrintTuple(const TupleView& tuple) {
  if (!tuple.exists()) return "-";
  std::vector<TupleCell> cells;
  tuple.Split(cells);
  std::string text;
  for (const TupleCell& cell : cells) {
    text += text.empty() ? "" : ",";
    text += static_cast<char>(cell.kind);
    if (!cell.bytes.empty()) text += ":" + std::string(cell.bytes);
  }
  return "[" + text + "]";
}

// The fields that a message of its kind has, in one line.
std::string Print(const Message& m) {
  const auto n = [](auto value) { return std::to_string(value); };
  const auto rows = [&] {
    return n(m.xid) + " rel " + n(m.relation) + " K" + PrintTuple(m.old_key) + " O" +
           PrintTuple(m.old_row) + " N" + PrintTuple(m.new_row);
  };
  const auto commit = [&] {
    return m.lsn.ToString() + " end " + m.end_lsn.ToString() + " at " + n(m.time);
  };
  switch (m.kind) {
    case MessageKind::kBegin:
      return "begin " + m.lsn.ToString() + " at " + n(m.time) + " xid " + n(m.xid);
    case MessageKind::kCommit:
      return "commit " + commit();
    case MessageKind::kRelation: {
      std::string text = "relation " + n(m.xid) + " " + n(m.described.oid) + " " +
                         m.described.schema + "." + m.described.name + " " +
                         m.described.replica_identity;
      for (const RelationColumn& column : m.described.columns) {
        text += " " + column.name + ":" + n(column.type_oid) + ":" + n(column.typmod) +
                (column.in_key ? "*" : "");
      }
      return text;
    }
    case MessageKind::kInsert:
      return "insert " + rows();
    case MessageKind::kUpdate:
      return "update " + rows();
    case MessageKind::kDelete:
      return "delete " + rows();
    case MessageKind::kTruncate: {
      std::string text = "truncate " + n(m.xid);
      for (const std::uint32_t relation : m.truncated) text += " " + n(relation);
      return text;
    }
    case MessageKind::kLogical:
      return "message " + n(m.xid) + (m.transactional ? " tx " : " ") + m.lsn.ToString() + " " +
             std::string(m.prefix) + "=" + std::string(m.content);
    case MessageKind::kOrigin:
      return "origin " + m.lsn.ToString() + " " + std::string(m.origin);
    case MessageKind::kType:
      return "type " + n(m.xid);
    case MessageKind::kStreamStart:
      return "stream start " + n(m.xid) + (m.first_segment ? " first" : "");
    case MessageKind::kStreamStop:
      return "stream stop";
    case MessageKind::kStreamCommit:
      return "stream commit " + n(m.xid) + " " + commit();
    case MessageKind::kStreamAbort:
      return "stream abort " + n(m.xid) + " " + n(m.subxid);
  }
  return "?";
}

// In memory of exactly its size, so that a sanitizer sees a read past the end.
std::string ParseAndPrint(std::string_view bytes, bool in_stream) {
  const std::vector<char> exact(bytes.begin(), bytes.end());
  Message message;
  const Status parsed = ParseMessage({exact.data(), exact.size()}, in_stream, message);
  return parsed.ok() ? Print(message) : "failed: " + parsed.error().message();
}

struct MessageCase {
  std::string name;
  bool in_stream = false;
  std::string bytes;
  std::string want;
};

const std::string kNul(1, '\0');
const std::string kEnd = Int64(0x30) + Int64(0x40) + Int64(-5);

std::vector<MessageCase> MessageCases() {
  const std::vector<TestRelationColumn> columns = {{"id", 23, true}, {"name", 1043, false, 14}};
  return {
      {"Begin", false, BeginMessage(0x100000020, 7, 9), "begin 1/20 at 7 xid 9"},
      {"Commit", false, CommitMessage(0x30, 0x40, -5), "commit 0/30 end 0/40 at -5"},
      {"Relation", false, RelationBytes(16384, "public", "t", 'd', columns),
       "relation 0 16384 public.t d id:23:-1* name:1043:14"},
      {"RelationInStream", true, RelationBytes(16384, "public", "t", 'f', columns, 77),
       "relation 77 16384 public.t f id:23:-1* name:1043:14"},
      {"RelationOfTheCatalog", false, RelationBytes(1, "", "t", 'n', {}),
       "relation 0 1 pg_catalog.t n"},
      {"Insert", false,
       InsertMessage(5, TupleData({TextCell("1"), NullCell(), BinaryCell("ab"), TextCell("")})),
       "insert 0 rel 5 K- O- N[t:1,n,b:ab,t]"},
      {"InsertInStream", true, InsertMessage(5, TextTuple({"1"}), 77),
       "insert 77 rel 5 K- O- N[t:1]"},
      {"InsertOfNoColumns", false, InsertMessage(5, TupleData({})), "insert 0 rel 5 K- O- N[]"},
      {"Update", false, UpdateMessage(5, "", TextTuple({"1", "u"})),
       "update 0 rel 5 K- O- N[t:1,u]"},
      {"UpdateOfTheKey", false,
       UpdateMessage(5, "K" + TextTuple({"1", "n"}), TextTuple({"2", "u"})),
       "update 0 rel 5 K[t:1,n] O- N[t:2,u]"},
      {"UpdateUnderFull", true,
       UpdateMessage(5, "O" + TextTuple({"1", "old"}), TextTuple({"1", "u"}), 78),
       "update 78 rel 5 K- O[t:1,t:old] N[t:1,u]"},
      {"DeleteByKey", false, DeleteMessage(5, "K" + TextTuple({"1", "n"})),
       "delete 0 rel 5 K[t:1,n] O- N-"},
      {"DeleteUnderFull", true, DeleteMessage(5, "O" + TextTuple({"1", "x"}), 78),
       "delete 78 rel 5 K- O[t:1,t:x] N-"},
      {"Truncate", false, TruncateMessage({5, 6, 4294967295}, 3), "truncate 0 5 6 4294967295"},
      {"TruncateInStream", true, TruncateMessage({5}, 0, 78), "truncate 78 5"},
      {"LogicalMessage", false, "M\x01" + Int64(0x10) + CString("heart") + Int32(4) + "beat",
       "message 0 tx 0/10 heart=beat"},
      {"LogicalMessageInStream", true,
       "M" + Int32(78) + kNul + Int64(0x10) + CString("") + Int32(0), "message 78 0/10 ="},
      {"Origin", false, "O" + Int64(0x10) + CString("node"), "origin 0/10 node"},
      {"Type", false, "Y" + Int32(9) + CString("public") + CString("mood"), "type 0"},
      {"TypeInStream", true, "Y" + Int32(78) + Int32(9) + CString("") + CString("mood"), "type 78"},
      {"StreamStart", false, "S" + Int32(77) + "\x01", "stream start 77 first"},
      {"StreamStartAgain", false, "S" + Int32(77) + kNul, "stream start 77"},
      {"StreamStop", true, "E", "stream stop"},
      {"StreamCommit", false, "c" + Int32(77) + CommitBody(0x30, 0x40, -5),
       "stream commit 77 0/30 end 0/40 at -5"},
      {"StreamAbort", false, "A" + Int32(77) + Int32(79), "stream abort 77 79"},
  };
}

class PgoutputTest : public testing::TestWithParam<MessageCase> {};

TEST_P(PgoutputTest, Parses) {
  EXPECT_EQ(ParseAndPrint(GetParam().bytes, GetParam().in_stream), GetParam().want);
}

TEST_P(PgoutputTest, IsRefusedWhenTruncatedAnywhere) {
  const std::string& bytes = GetParam().bytes;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(ParseAndPrint(std::string_view(bytes).substr(0, size), GetParam().in_stream),
                HasSubstr("failed: the replication stream"))
        << size << " of " << bytes.size() << " bytes";
  }
}

TEST_P(PgoutputTest, IsRefusedWithBytesBehindIt) {
  EXPECT_THAT(ParseAndPrint(GetParam().bytes + "x", GetParam().in_stream),
              HasSubstr("another form than its protocol says"));
}

INSTANTIATE_TEST_SUITE_P(Postgres, PgoutputTest, testing::ValuesIn(MessageCases()),
                         [](const auto& row) { return row.param.name; });

struct BrokenCase {
  std::string name;
  std::string bytes;
};

class BrokenPgoutputTest : public testing::TestWithParam<BrokenCase> {};

TEST_P(BrokenPgoutputTest, IsRefused) {
  for (const bool in_stream : {false, true}) {
    EXPECT_THAT(ParseAndPrint(GetParam().bytes, in_stream), HasSubstr("failed: "));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Postgres, BrokenPgoutputTest,
    testing::Values(
        BrokenCase{"Nothing", ""}, BrokenCase{"UnknownType", "Z"},
        BrokenCase{"UnknownTypeWithABody", "x" + Int64(1)},
        BrokenCase{"MoreColumnsThanThereAre", "I" + Int32(5) + "N" + Int16(2) + TextCell("1")},
        BrokenCase{"FewerColumnsThanThereAre",
                   "I" + Int32(5) + "N" + Int16(1) + TextCell("1") + TextCell("2")},
        BrokenCase{"AsManyColumnsAsFit", "I" + Int32(5) + "N" + Int16(-1) + "nnn"},
        BrokenCase{"NegativeCellSize", "I" + Int32(5) + "N" + Int16(1) + "t" + Int32(-1)},
        BrokenCase{"HugeCellSize", "I" + Int32(5) + "N" + Int16(1) + "t" + Int32(0x7fffffff) + "x"},
        BrokenCase{"UnknownCellKind", "I" + Int32(5) + "N" + Int16(1) + "z"},
        BrokenCase{"InsertWithAnOldRow", InsertMessage(5, "") + "K" + TextTuple({"1"})},
        BrokenCase{"InsertOfAKey", "I" + Int32(5) + "K" + TextTuple({"1"})},
        BrokenCase{"UpdateWithoutANewRow", "U" + Int32(5) + "K" + TextTuple({"1"})},
        BrokenCase{"DeleteOfANewRow", "D" + Int32(5) + "N" + TextTuple({"1"})},
        BrokenCase{"TruncateOfMoreThanThereAre", "T" + Int32(-1) + "\x01" + Int32(0x05050505)},
        BrokenCase{"RelationWithMoreColumns",
                   "R" + Int32(5) + CString("s") + CString("t") + "d" + Int16(-1)},
        BrokenCase{"NameWithoutAnEnd", "O" + Int64(1) + "node"},
        BrokenCase{"MessageLargerThanItsBytes",
                   "M" + kNul + Int64(1) + CString("p") + Int32(-1) + "abc"}),
    [](const auto& row) { return row.param.name; });

TEST(PgoutputTest, AMessageUsedAgainKeepsNothingOfTheLastOne) {
  const std::string first =
      UpdateMessage(5, "O" + TextTuple({"1", "old"}), TextTuple({"1", "new"}), 78);
  const std::string second = DeleteMessage(6, "K" + TextTuple({"2", "n"}));
  Message message;
  ASSERT_TRUE(ParseMessage(first, true, message).ok());
  ASSERT_TRUE(ParseMessage(second, false, message).ok());
  EXPECT_EQ(Print(message), "delete 0 rel 6 K[t:2,n] O- N-");
}

TEST(PgoutputTest, AnUnknownTypeIsNamed) {
  EXPECT_EQ(ParseAndPrint("Z", false),
            "failed: the replication stream has a message of unknown type 'Z'");
}

}  // namespace
}  // namespace afluente::postgres

// pgoutput's bytes, written by hand: what tests feed to the parser.
// Source: PostgreSQL documentation, "Logical Replication Message Formats".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "connectors/postgres/replication/pgoutput.h"
#include "connectors/postgres/test_bytes.h"

namespace afluente::postgres {

inline std::string CString(const std::string& text) { return text + '\0'; }

/// One cell of a tuple.
inline std::string NullCell() { return "n"; }
inline std::string UnchangedCell() { return "u"; }
inline std::string TextCell(const std::string& text) {
  return "t" + Int32(static_cast<std::int64_t>(text.size())) + text;
}
inline std::string BinaryCell(const std::string& bytes) {
  return "b" + Int32(static_cast<std::int64_t>(bytes.size())) + bytes;
}

/// A tuple out of cells.
inline std::string TupleData(const std::vector<std::string>& cells) {
  std::string bytes = Int16(static_cast<int>(cells.size()));
  for (const std::string& cell : cells) bytes += cell;
  return bytes;
}

/// A tuple of text cells in short: "n" and "u" are NULL and unchanged.
inline std::string TextTuple(const std::vector<std::string>& cells) {
  std::vector<std::string> coded;
  for (const std::string& cell : cells) {
    coded.push_back(cell == "n" || cell == "u" ? cell : TextCell(cell));
  }
  return TupleData(coded);
}

/// "1,name,n": bytes of cells, or the letter of their kind.
inline std::string PrintCells(const std::vector<TupleCell>& cells) {
  std::string text;
  for (const TupleCell& cell : cells) {
    text += text.empty() ? "" : ",";
    const bool has_bytes =
        cell.kind == TupleCell::Kind::kText || cell.kind == TupleCell::Kind::kBinary;
    text += has_bytes ? std::string(cell.bytes) : std::string(1, static_cast<char>(cell.kind));
  }
  return text;
}

/// The xid in front of a row message; only inside a stream.
inline std::string Xid(std::optional<std::int64_t> xid) { return xid ? Int32(*xid) : ""; }

inline std::string BeginMessage(std::int64_t lsn, std::int64_t time, std::int64_t xid) {
  return "B" + Int64(lsn) + Int64(time) + Int32(xid);
}
inline std::string CommitBody(std::int64_t lsn, std::int64_t end, std::int64_t time) {
  return std::string(1, '\0') + Int64(lsn) + Int64(end) + Int64(time);
}
inline std::string CommitMessage(std::int64_t lsn, std::int64_t end, std::int64_t time) {
  return "C" + CommitBody(lsn, end, time);
}
inline std::string InsertMessage(std::int64_t relation, const std::string& row,
                                 std::optional<std::int64_t> xid = {}) {
  return "I" + Xid(xid) + Int32(relation) + "N" + row;
}
/// `old`: "", or 'K' or 'O' and a tuple.
inline std::string UpdateMessage(std::int64_t relation, const std::string& old,
                                 const std::string& row, std::optional<std::int64_t> xid = {}) {
  return "U" + Xid(xid) + Int32(relation) + old + "N" + row;
}
inline std::string DeleteMessage(std::int64_t relation, const std::string& old,
                                 std::optional<std::int64_t> xid = {}) {
  return "D" + Xid(xid) + Int32(relation) + old;
}
inline std::string TruncateMessage(const std::vector<std::int64_t>& relations, int flags = 0,
                                   std::optional<std::int64_t> xid = {}) {
  std::string bytes = "T" + Xid(xid) + Int32(static_cast<std::int64_t>(relations.size()));
  bytes += static_cast<char>(flags);
  for (const std::int64_t relation : relations) bytes += Int32(relation);
  return bytes;
}

struct TestRelationColumn {
  std::string name;
  std::int64_t type_oid;
  bool in_key = false;
  std::int64_t typmod = -1;
};

inline std::string RelationBytes(std::int64_t oid, const std::string& schema,
                                 const std::string& name, char identity,
                                 const std::vector<TestRelationColumn>& columns,
                                 std::optional<std::int64_t> xid = {}) {
  std::string bytes = "R" + Xid(xid) + Int32(oid) + CString(schema) + CString(name) + identity +
                      Int16(static_cast<int>(columns.size()));
  for (const TestRelationColumn& column : columns) {
    bytes += static_cast<char>(column.in_key ? 1 : 0);
    bytes += CString(column.name) + Int32(column.type_oid) + Int32(column.typmod);
  }
  return bytes;
}

}  // namespace afluente::postgres

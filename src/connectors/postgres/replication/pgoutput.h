// pgoutput: the bytes of logical replication as messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/replication/lsn.h"

namespace afluente::postgres {

/// Microseconds since 2000-01-01, as the server counts them.
using PostgresMicros = std::int64_t;

/// One column of a tuple. `bytes` points into the message.
struct TupleCell {
  enum class Kind : char {
    kNull = 'n',
    kUnchanged = 'u',  // A TOASTed value that the update did not touch; not sent.
    kText = 't',
    kBinary = 'b',
  };
  Kind kind = Kind::kNull;
  std::string_view bytes;
};

/// A tuple as it stands in a message: walks its columns in order.
class TupleView {
 public:
  TupleView() = default;
  /// `bytes` begins with the count of columns and has been validated.
  explicit TupleView(std::string_view bytes) : bytes_(bytes) {}

  /// The tuple's bytes, count included: what a copy of it needs.
  std::string_view bytes() const { return bytes_; }
  /// Whether the message had such a tuple at all.
  bool exists() const { return !bytes_.empty(); }
  /// Replaces the content of `cells` with the tuple's columns.
  void Split(std::vector<TupleCell>& cells) const;

 private:
  std::string_view bytes_;
};

enum class MessageKind : std::uint8_t {
  kBegin,
  kCommit,
  kRelation,
  kInsert,
  kUpdate,
  kDelete,
  kTruncate,
  kLogical,  // pg_logical_emit_message.
  kOrigin,
  kType,
  kStreamStart,
  kStreamStop,
  kStreamCommit,
  kStreamAbort,
};

struct RelationColumn {
  std::string name;
  std::uint32_t type_oid = 0;
  std::int32_t typmod = -1;
  bool in_key = false;  // Part of the replica identity.

  bool operator==(const RelationColumn&) const = default;
};

/// What a Relation message says of a table: valid for the rows that follow.
struct RelationMessage {
  std::uint32_t oid = 0;
  std::string schema;
  std::string name;
  char replica_identity = 'd';  // d default, n nothing, f full, i index.
  std::vector<RelationColumn> columns;

  bool operator==(const RelationMessage&) const = default;
};

/// One message. Only the fields of its kind are set; views point into the
/// bytes that were parsed.
struct Message {
  MessageKind kind = MessageKind::kBegin;
  std::uint32_t xid = 0;       // Of the (sub)transaction: inside a stream, and of stream messages.
  std::uint32_t subxid = 0;    // kStreamAbort: what is undone; equals xid when all is.
  bool first_segment = false;  // kStreamStart.

  Lsn lsn;      // kBegin: of the commit to come. kCommit, kStreamCommit: of the commit record.
  Lsn end_lsn;  // kCommit, kStreamCommit: where the next transaction can begin.
  PostgresMicros time = 0;  // kBegin, kCommit, kStreamCommit.

  std::uint32_t relation = 0;  // kInsert, kUpdate, kDelete.
  TupleView old_key;           // kUpdate, kDelete: the identity's columns; others are padding.
  TupleView old_row;           // kUpdate, kDelete under REPLICA IDENTITY FULL.
  TupleView new_row;           // kInsert, kUpdate.

  std::vector<std::uint32_t> truncated;  // kTruncate: relations.
  RelationMessage described;             // kRelation.

  std::string_view prefix;   // kLogical.
  std::string_view content;  // kLogical.
  bool transactional = false;
  std::string_view origin;  // kOrigin: its name.
};

/// Parses one message into `message`, whose buffers are used again.
///
/// `in_stream`: between Stream Start and Stream Stop, where row messages carry
/// the xid of their subtransaction.
/// Source  PostgreSQL documentation, "Logical Replication Message Formats";
///         protocol versions 1 to 4.
/// Safety  Reads nothing outside `bytes`, whatever they are.
/// Errors  kInternal for bytes that are no such message.
Status ParseMessage(std::string_view bytes, bool in_stream, Message& message);

}  // namespace afluente::postgres

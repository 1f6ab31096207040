#include "connectors/postgres/replication/pgoutput.h"

#include <fmt/format.h>

#include <cstring>

#include "connectors/postgres/big_endian.h"

namespace afluente::postgres {
namespace {

// Reads fields in order. Past the end it yields zeros and remembers.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T Take() {
    if (bytes_.size() - next_ < sizeof(T)) {
      next_ = bytes_.size();
      broken_ = true;
      return T{};
    }
    T value{};
    if constexpr (sizeof(T) == 1) {
      value = static_cast<T>(bytes_[next_]);
    } else {
      value = ReadBigEndian<T>(bytes_.data() + next_);
    }
    next_ += sizeof(T);
    return value;
  }

  std::string_view TakeText() {
    const std::size_t end = bytes_.find('\0', next_);
    if (end == std::string_view::npos) {
      broken_ = true;
      return {};
    }
    const std::string_view text = bytes_.substr(next_, end - next_);
    next_ = end + 1;
    return text;
  }

  std::string_view TakeBytes(std::size_t size) {
    if (bytes_.size() - next_ < size) {
      broken_ = true;
      return {};
    }
    const std::string_view taken = bytes_.substr(next_, size);
    next_ += size;
    return taken;
  }

  TupleView TakeTuple() {
    const std::size_t begin = next_;
    const auto columns = Take<std::uint16_t>();
    for (std::size_t i = 0; i < columns && !broken_; ++i) {
      const char kind = Take<char>();
      if (kind == 't' || kind == 'b') {
        const auto size = Take<std::int32_t>();
        if (size < 0) broken_ = true;
        if (!broken_) TakeBytes(static_cast<std::size_t>(size));
      } else if (kind != 'n' && kind != 'u') {
        broken_ = true;
      }
    }
    return broken_ ? TupleView() : TupleView(bytes_.substr(begin, next_ - begin));
  }

  Lsn TakeLsn() { return Lsn{Take<std::uint64_t>()}; }
  void Break() { broken_ = true; }
  bool broken() const { return broken_; }
  bool at_end() const { return next_ == bytes_.size(); }

 private:
  std::string_view bytes_;
  std::size_t next_ = 0;
  bool broken_ = false;
};

void ParseRelation(FieldReader& fields, RelationMessage& relation) {
  relation.oid = fields.Take<std::uint32_t>();
  relation.schema = fields.TakeText();
  relation.name = fields.TakeText();
  relation.replica_identity = fields.Take<char>();
  const auto columns = fields.Take<std::uint16_t>();
  relation.columns.clear();
  for (std::size_t i = 0; i < columns && !fields.broken(); ++i) {
    RelationColumn& column = relation.columns.emplace_back();
    column.in_key = (fields.Take<std::uint8_t>() & 1U) != 0;
    column.name = fields.TakeText();
    column.type_oid = fields.Take<std::uint32_t>();
    column.typmod = fields.Take<std::int32_t>();
  }
  // pg_catalog has no name on the wire.
  if (relation.schema.empty()) relation.schema = "pg_catalog";
}

// 'N' or, of updates and deletes, 'K' or 'O' in front of a tuple.
void ParseTuples(FieldReader& fields, Message& message, bool needs_new) {
  char mark = fields.Take<char>();
  if (message.kind != MessageKind::kInsert && (mark == 'K' || mark == 'O')) {
    (mark == 'K' ? message.old_key : message.old_row) = fields.TakeTuple();
    if (!needs_new) return;
    mark = fields.Take<char>();
  }
  if (!needs_new || mark != 'N') return fields.Break();
  message.new_row = fields.TakeTuple();
}

void ParseTruncate(FieldReader& fields, Message& message) {
  const auto relations = fields.Take<std::uint32_t>();
  fields.Take<std::uint8_t>();  // CASCADE, RESTART IDENTITY: both have happened.
  message.truncated.clear();
  for (std::size_t i = 0; i < relations && !fields.broken(); ++i) {
    message.truncated.push_back(fields.Take<std::uint32_t>());
  }
}

void ParseCommit(FieldReader& fields, Message& message) {
  fields.Take<std::uint8_t>();  // Flags: none so far.
  message.lsn = fields.TakeLsn();
  message.end_lsn = fields.TakeLsn();
  message.time = fields.Take<std::int64_t>();
}

void ParseLogical(FieldReader& fields, Message& message) {
  message.transactional = (fields.Take<std::uint8_t>() & 1U) != 0;
  message.lsn = fields.TakeLsn();
  message.prefix = fields.TakeText();
  message.content = fields.TakeBytes(fields.Take<std::uint32_t>());
}

bool ParseBody(char type, FieldReader& fields, bool in_stream, Message& message) {
  const auto take_xid = [&] {
    if (in_stream) message.xid = fields.Take<std::uint32_t>();
  };
  switch (type) {
    case 'B':
      message.kind = MessageKind::kBegin;
      message.lsn = fields.TakeLsn();
      message.time = fields.Take<std::int64_t>();
      message.xid = fields.Take<std::uint32_t>();
      return true;
    case 'C':
      message.kind = MessageKind::kCommit;
      ParseCommit(fields, message);
      return true;
    case 'R':
      message.kind = MessageKind::kRelation;
      take_xid();
      ParseRelation(fields, message.described);
      return true;
    case 'I':
    case 'U':
    case 'D':
      message.kind = type == 'I'   ? MessageKind::kInsert
                     : type == 'U' ? MessageKind::kUpdate
                                   : MessageKind::kDelete;
      take_xid();
      message.relation = fields.Take<std::uint32_t>();
      ParseTuples(fields, message, type != 'D');
      return true;
    case 'T':
      message.kind = MessageKind::kTruncate;
      take_xid();
      ParseTruncate(fields, message);
      return true;
    case 'M':
      message.kind = MessageKind::kLogical;
      take_xid();
      ParseLogical(fields, message);
      return true;
    case 'O':
      message.kind = MessageKind::kOrigin;
      message.lsn = fields.TakeLsn();
      message.origin = fields.TakeText();
      return true;
    case 'Y':
      message.kind = MessageKind::kType;
      take_xid();
      fields.Take<std::uint32_t>();
      fields.TakeText();
      fields.TakeText();
      return true;
    case 'S':
      message.kind = MessageKind::kStreamStart;
      message.xid = fields.Take<std::uint32_t>();
      message.first_segment = fields.Take<std::uint8_t>() == 1;
      return true;
    case 'E':
      message.kind = MessageKind::kStreamStop;
      return true;
    case 'c':
      message.kind = MessageKind::kStreamCommit;
      message.xid = fields.Take<std::uint32_t>();
      ParseCommit(fields, message);
      return true;
    case 'A':
      message.kind = MessageKind::kStreamAbort;
      message.xid = fields.Take<std::uint32_t>();
      message.subxid = fields.Take<std::uint32_t>();
      // Protocol 4 with streaming "parallel" adds an LSN and a time, which we do not ask for.
      return true;
    default:
      return false;
  }
}

}  // namespace

void TupleView::Split(std::vector<TupleCell>& cells) const {
  cells.clear();
  if (bytes_.size() < 2) return;
  const char* next = bytes_.data() + 2;
  const auto columns = ReadBigEndian<std::uint16_t>(bytes_.data());
  for (std::size_t i = 0; i < columns; ++i) {
    const auto kind = static_cast<TupleCell::Kind>(*next++);
    if (kind == TupleCell::Kind::kNull || kind == TupleCell::Kind::kUnchanged) {
      cells.push_back({kind, {}});
      continue;
    }
    const auto size = ReadBigEndian<std::uint32_t>(next);
    cells.push_back({kind, {next + 4, size}});
    next += 4 + size;
  }
}

Status ParseMessage(std::string_view bytes, bool in_stream, Message& message) {
  message.xid = 0;
  message.old_key = {};
  message.old_row = {};
  message.new_row = {};
  FieldReader fields(bytes);
  const char type = fields.Take<char>();
  const bool known = ParseBody(type, fields, in_stream, message);
  if (known && !fields.broken() && fields.at_end()) return Done{};
  return Error(
      ErrorKind::kInternal,
      known ? fmt::format("the replication stream is broken: message {:?} of {} bytes has "
                          "another form than its protocol says",
                          type, bytes.size())
            : fmt::format("the replication stream has a message of unknown type {:?}", type));
}

}  // namespace afluente::postgres

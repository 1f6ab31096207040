#include "connectors/postgres/replication/tuple_cells.h"

#include <algorithm>

#include "connectors/postgres/big_endian.h"

namespace afluente::postgres {
namespace {

using Kind = TupleCell::Kind;

void AppendCell(std::string& out, const TupleCell& cell) {
  out += static_cast<char>(cell.kind);
  if (cell.kind == Kind::kNull || cell.kind == Kind::kUnchanged) return;
  AppendBigEndian(static_cast<std::uint32_t>(cell.bytes.size()), out);
  out += cell.bytes;
}

bool HasUnchanged(const std::vector<TupleCell>& cells) {
  return std::any_of(cells.begin(), cells.end(),
                     [](const TupleCell& cell) { return cell.kind == Kind::kUnchanged; });
}

Status EncodeWholeKey(const std::vector<TupleCell>& cells, const std::vector<std::size_t>& columns,
                      std::string& key) {
  for (const std::size_t column : columns) {
    if (column >= cells.size()) {
      return Error(ErrorKind::kInternal, "a changed row has fewer columns than its table");
    }
    if (cells[column].kind != Kind::kUnchanged) continue;
    return Error(ErrorKind::kInternal, "a changed row does not carry its key");
  }
  EncodeKey(cells, columns, key);
  return Done{};
}

}  // namespace

void EncodeKey(const std::vector<TupleCell>& cells, const std::vector<std::size_t>& columns,
               std::string& key) {
  key.clear();
  for (const std::size_t column : columns) AppendCell(key, cells[column]);
}

void DecodeKey(std::string_view key, std::vector<TupleCell>& cells) {
  cells.clear();
  const char* next = key.data();
  const char* const end = key.data() + key.size();
  while (next != end) {
    const auto kind = static_cast<Kind>(*next++);
    std::uint32_t size = 0;
    if (kind == Kind::kText || kind == Kind::kBinary) {
      size = ReadBigEndian<std::uint32_t>(next);
      next += 4;
    }
    cells.push_back({kind, {next, size}});
    next += size;
  }
}

void EncodeTuple(const std::vector<TupleCell>& cells, std::string& out) {
  out.clear();
  AppendBigEndian(static_cast<std::uint16_t>(cells.size()), out);
  for (const TupleCell& cell : cells) AppendCell(out, cell);
}

bool FillUnchanged(const TupleView& from, std::vector<TupleCell>& cells,
                   std::vector<TupleCell>& scratch) {
  if (!from.exists()) return !HasUnchanged(cells);
  from.Split(scratch);
  for (std::size_t i = 0; i < cells.size() && i < scratch.size(); ++i) {
    if (cells[i].kind == Kind::kUnchanged) cells[i] = scratch[i];
  }
  return !HasUnchanged(cells);
}

Status ReadInsert(const Message& insert, const std::vector<std::size_t>& key_columns,
                  ChangedRow& row) {
  insert.new_row.Split(row.cells);
  row.lacks_values = false;
  return EncodeWholeKey(row.cells, key_columns, row.key);
}

Status ReadUpdate(const Message& update, const std::vector<std::size_t>& key_columns,
                  ChangedRow& row) {
  if (key_columns.empty()) {
    return Error(ErrorKind::kSchemaMismatch,
                 "an update arrived for a table without a key; give it a primary key or REPLICA "
                 "IDENTITY USING INDEX");
  }
  const TupleView& old = update.old_row.exists() ? update.old_row : update.old_key;
  if (old.exists()) {
    old.Split(row.scratch);
    AFL_TRY(EncodeWholeKey(row.scratch, key_columns, row.old_key));
  }
  update.new_row.Split(row.cells);
  row.lacks_values = HasUnchanged(row.cells);
  // A key that is large enough to be TOASTed is not sent again either.
  for (const std::size_t column : key_columns) {
    const bool is_sent = column >= row.cells.size() || row.cells[column].kind != Kind::kUnchanged;
    if (!is_sent && old.exists()) row.cells[column] = row.scratch[column];
  }
  AFL_TRY(EncodeWholeKey(row.cells, key_columns, row.key));
  if (!old.exists()) row.old_key = row.key;
  return Done{};
}

Status ReadDelete(const Message& deletion, const std::vector<std::size_t>& key_columns,
                  ChangedRow& row) {
  const TupleView& old = deletion.old_row.exists() ? deletion.old_row : deletion.old_key;
  if (key_columns.empty() || !old.exists()) {
    return Error(ErrorKind::kSchemaMismatch,
                 "a delete arrived for a table without a key; give it a primary key or REPLICA "
                 "IDENTITY USING INDEX");
  }
  old.Split(row.cells);
  row.lacks_values = false;
  return EncodeWholeKey(row.cells, key_columns, row.key);
}

}  // namespace afluente::postgres

// Rows of a set of changes that the destination cannot hold.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/replication/followed_table.h"
#include "connectors/postgres/replication/lsn.h"
#include "connectors/postgres/replication/tuple_cells.h"
#include "data/dead_letter.h"

namespace afluente::postgres {

/// A value that cannot be held.
struct BadValue {
  std::string column;
  std::string text;
};

/// Which entries of a fold or log are left out, and the dead letters of them.
/// Borrows integration and shape. One thread at a time.
class SetAsideRows {
 public:
  SetAsideRows(const estate::Integration& integration, const TableShape& shape)
      : integration_(integration), shape_(shape), masked_(integration.MaskedColumns()) {}

  bool Has(std::size_t entry) const { return !entries_.empty() && entries_.contains(entry); }
  /// Set aside twice: not even its key can be held.
  bool IsDropped(std::size_t entry) const {
    const auto found = entries_.find(entry);
    return found != entries_.end() && found->second;
  }
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }

  /// Whether the integration wants rows set aside; otherwise they fail it.
  bool is_wanted() const { return integration_.on_bad_row == estate::OnBadRow::kDeadLetter; }

  /// `tuple`: a TupleView's bytes. `rows`: how many equal rows the entry stands for,
  /// a letter each.
  /// Errors: kConversion when there are too many.
  Status Add(std::size_t entry, std::string_view tuple, Lsn commit, const std::string& reason,
             std::size_t rows = 1);
  /// Without a letter.
  void AddSilently(std::size_t entry) { Mark(entry); }

  /// The error of a row that may not be set aside.
  Error Refuse(std::string_view tuple, const std::string& reason, const BadValue& value) const;

  /// "id=42", of the columns that identify a row and are not masked.
  std::string KeyText(std::string_view tuple) const;
  std::vector<data::DeadLetter> letters() const { return letters_.Copy(); }

 private:
  void Mark(std::size_t entry);
  std::string RowText(std::string_view tuple) const;

  const estate::Integration& integration_;
  const TableShape& shape_;
  const std::set<std::string> masked_;
  std::unordered_map<std::size_t, bool> entries_;  // True: dropped.
  data::DeadLetters letters_;
};

/// What people read of a cell: a view of text that was sent, or of its binary form.
std::string TextOfCell(const TableShape& shape, std::size_t column, const TupleCell& cell);

}  // namespace afluente::postgres

// A source and a destination, opened side by side to be compared.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "comparison/compared_columns.h"
#include "comparison/side.h"
#include "connectors/postgres/catalog.h"
#include "connectors/postgres/libpq.h"
#include "data/duckdb_api.h"
#include "estate/estate.h"

namespace afluente::comparison {

/// One integration's two ends. The source is read in one snapshot for as long as
/// this lives; its table is locked against being written anew (ACCESS SHARE).
/// Of form soft_delete the destination is the rows that are not marked, of form
/// history the last row a key.
class TablePair {
 public:
  /// `connection` reads the destination and is borrowed. `snapshot`: of the source,
  /// as another session exports it; "": one of its own. `stop` cancels what the
  /// source is asked; whoever owns `connection` interrupts that.
  /// Errors: those of both systems; kCancelled when `stop` fires; kNotFound when the destination is
  /// empty; kInvalidConfig for a destination that cannot be compared.
  static Result<std::unique_ptr<TablePair>> Open(const estate::Estate& estate,
                                                 const estate::Integration& integration,
                                                 duckdb_connection connection,
                                                 const std::stop_token& stop,
                                                 const std::string& snapshot = "");

  const estate::Integration& integration() const { return integration_; }
  /// The expressions of all columns that are compared by value.
  const Side& source() const { return *source_; }
  const Side& destination() const { return *destination_; }
  const ComparedColumns& compared() const { return compared_; }
  /// The destination's columns that are compared by value.
  const std::vector<std::string>& names() const { return names_; }
  /// What identifies a row, as it arrives: destination.key, else by what the
  /// source's changes name a row. Empty: nothing that can be compared by value.
  const std::vector<std::string>& key() const { return key_; }
  /// Why there is no key(); "" for an integration without one.
  const std::string& key_note() const { return key_note_; }

  /// What is read of the source: columns, and "t WHERE ...".
  const postgres::SelectedColumns& source_columns() const { return source_columns_; }
  const std::string& source_from() const { return source_from_; }
  /// Rows of the source can be found by their place (tableoid, ctid).
  bool has_places() const { return has_places_; }

  duckdb_connection connection() const { return connection_; }
  /// The source's session, inside its transaction. Nothing can be asked of the
  /// source afterwards.
  postgres::Connection TakeSourceConnection() {
    cancel_.reset();
    return std::move(source_connection_);
  }

  /// Runs `sql`, which yields text without "'", at the source, and inserts its
  /// rows into `table` of the DuckDB connection, some thousands at a time.
  Status CopyRows(const std::string& sql, const std::string& table) const;

 private:
  TablePair(const estate::Integration& integration, duckdb_connection connection,
            std::stop_token stop)
      : integration_(integration), connection_(connection), stop_(std::move(stop)) {}
  Status OpenSource(const postgres::Endpoint& endpoint, const std::string& snapshot);
  Status OpenDestination(const std::string& table);
  Result<Rows> AskSource(const std::string& sql) const;
  Status CheckStopped() const;
  /// The values of `$1` and `$2`, as far as `sql` names them.
  std::vector<std::optional<std::string>> Parameters(const std::string& sql) const;

  const estate::Integration& integration_;
  duckdb_connection connection_;
  const std::stop_token stop_;
  postgres::Connection source_connection_;
  std::optional<postgres::CancelOnStop> cancel_;  // Goes before the connection does.
  postgres::SelectedColumns source_columns_;
  std::string source_from_;
  bool has_places_ = false;
  std::vector<std::string> key_;
  std::string key_note_;
  ComparedColumns compared_;
  HashPads pads_;
  std::vector<std::string> names_;
  std::unique_ptr<Side> source_;
  std::unique_ptr<Side> destination_;
};

}  // namespace afluente::comparison

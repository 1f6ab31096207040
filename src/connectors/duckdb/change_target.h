// One warehouse table that changes are applied to.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/evolution.h"
#include "connectors/duckdb/warehouse.h"
#include "estate/estate.h"
#include "pipeline/changes.h"

namespace afluente::duck {

/// Turns the changes of one integration into statements on its table. Borrows
/// warehouse and integration. One thread uses it.
class ChangeTarget {
 public:
  ChangeTarget(Warehouse& warehouse, const estate::Integration& integration)
      : warehouse_(warehouse), integration_(integration) {}

  const estate::Integration& integration() const { return integration_; }

  /// Applies `changes` inside the transaction of `connection`.
  /// Errors: kNotFound when the table is gone; kSchemaMismatch as
  /// on_schema_change says; kConversion for a value that does not fit.
  Status Apply(duckdb_connection connection, pipeline::TableChanges& changes);
  /// The transaction was rolled back: the table may have its old columns again.
  void Forget() {
    fitted_version_ = 0;
    has_deleted_ = false;
  }
  /// The transaction was committed.
  void Keep() { has_deleted_ = false; }

 private:
  Status Fit(duckdb_connection connection, pipeline::TableChanges& changes);
  Status FillAdded(duckdb_connection connection, pipeline::TableChanges& changes,
                   const std::vector<TableColumn>& before);
  Status Rebuild(duckdb_connection connection) const;
  Status StageIncompleteRows(duckdb_connection connection, pipeline::TableChanges& changes);
  Status DeleteKeys(duckdb_connection connection, pipeline::TableChanges& changes);
  Status InsertRows(duckdb_connection connection, pipeline::TableChanges& changes);
  Status RunOverLane(duckdb_connection connection, data::BatchReader& reader,
                     const data::Schema& schema, std::size_t rows,
                     const std::function<std::string(const std::string& lane)>& statement);
  std::string Shaped(const data::Schema& schema, const std::string& lane) const;

  Warehouse& warehouse_;
  const estate::Integration& integration_;
  bool has_deleted_ = false;          // In the open transaction.
  std::uint64_t fitted_version_ = 0;  // Of the schema that the table was fitted to; 0: none.
  Evolution evolution_;
  std::set<std::string> ignored_;  // Columns that arrive and are not stored.
};

}  // namespace afluente::duck

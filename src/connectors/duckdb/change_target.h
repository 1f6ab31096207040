// One warehouse table that changes are applied to.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/bad_rows.h"
#include "connectors/duckdb/evolution.h"
#include "connectors/duckdb/warehouse.h"
#include "estate/estate.h"
#include "pipeline/changes.h"

namespace afluente::duck {

/// Turns the changes of one integration into statements on its table; what they
/// are is the form's (form_targets.h). Borrows warehouse and integration. One
/// thread uses it.
class ChangeTarget {
 public:
  virtual ~ChangeTarget() = default;
  ChangeTarget(const ChangeTarget&) = delete;
  ChangeTarget& operator=(const ChangeTarget&) = delete;

  /// Applies `changes` inside the transaction of `connection`.
  /// Errors: kNotFound when the table is gone; kSchemaMismatch as
  /// on_schema_change says, or for a table that was written in another form;
  /// kConversion for a value that does not fit.
  Status Apply(duckdb_connection connection, pipeline::TableChanges& changes);
  /// The transaction was rolled back: the table may have its old columns again.
  void Forget() {
    fitted_version_ = 0;
    has_deleted_ = false;
  }
  /// The transaction was committed.
  void Keep() { has_deleted_ = false; }

 protected:
  ChangeTarget(Warehouse& warehouse, const estate::Integration& integration)
      : warehouse_(warehouse), integration_(integration) {}

  /// What the form puts behind the columns that arrive: SQL for the end of a
  /// SELECT's list, ", ... AS name".
  virtual std::string AddedColumns() const { return ""; }
  /// Which rows from before a column was added hold its default.
  virtual std::string HoldsDefaults() const { return "true"; }
  /// Fills kIncomplete with the incomplete rows and the values that they lack.
  virtual Status StageIncompleteRows(duckdb_connection connection, pipeline::TableChanges& changes);
  /// Brings the rows into the table, which has their columns by now.
  virtual Status Write(duckdb_connection connection, pipeline::TableChanges& changes) = 0;

  using Rows = pipeline::TableChanges::Rows;

  static constexpr const char* kIncomplete = "temp._afluente_incomplete";
  /// A column of it: the row's number among those that were read.
  static constexpr const char* kNumber = "_afluente_number";

  /// The SQL that brings incomplete rows (s) and the rows that hold what they
  /// lack (t) together.
  struct Completion {
    std::string staged;   // SELECT list over the incomplete rows, which makes s.
    std::string columns;  // SELECT list over s and t.
    std::string match;    // Condition on s and t.
    std::string key;      // Columns of t.
  };
  Completion CompletionSql(const pipeline::TableChanges& changes) const;
  /// Rows that did not find their values are set aside, or fail with kSchemaMismatch.
  Status CheckCompleted(duckdb_connection connection, pipeline::TableChanges& changes) const;

  Status DeleteKeys(duckdb_connection connection, pipeline::TableChanges& changes);
  /// Of rows that are equal in all columns, as many as the changes say.
  Status DeleteGoneRows(duckdb_connection connection, pipeline::TableChanges& changes);
  Status InsertRows(duckdb_connection connection, pipeline::TableChanges& changes);
  Status RunOverLane(duckdb_connection connection, data::BatchReader& reader,
                     const data::Schema& schema, std::size_t rows,
                     const std::function<std::string(const std::string& lane)>& statement);
  /// "t.id = s.id AND ...", as the key's columns arrive.
  std::string KeysMatch(const pipeline::TableChanges& changes) const;
  std::string Target() const;
  const estate::Integration& integration() const { return integration_; }
  /// Rows that cannot be held become dead letters.
  bool SetsAside() const;
  /// Rows of the table were deleted in the open transaction.
  void NoteDeleted() { has_deleted_ = true; }

 private:
  Status Fit(duckdb_connection connection, pipeline::TableChanges& changes);
  Status CheckForm(const std::vector<TableColumn>& target,
                   const std::vector<TableColumn>& arriving) const;
  Status FillAdded(duckdb_connection connection, pipeline::TableChanges& changes,
                   const std::vector<TableColumn>& before);
  Status Rebuild(duckdb_connection connection) const;
  std::string Shaped(const data::Schema& schema, const std::string& lane) const;
  std::string ShapedBy(const estate::Integration& integration, const data::Schema& schema,
                       const std::string& lane) const;
  bool ShapingCanFail() const;
  RowShaping ShapingOf(const data::Schema& schema) const;
  Status Explain(pipeline::TableChanges& changes, Rows rows, Error error) const;
  Status SetBadRowsAside(pipeline::TableChanges& changes, Rows rows) const;
  static std::unique_ptr<data::BatchReader> Read(pipeline::TableChanges& changes, Rows rows);

  Warehouse& warehouse_;
  const estate::Integration& integration_;
  bool has_deleted_ = false;          // In the open transaction.
  std::uint64_t fitted_version_ = 0;  // Of the schema that the table was fitted to; 0: none.
  Evolution evolution_;
  std::set<std::string> ignored_;  // Columns that arrive and are not stored.
};

}  // namespace afluente::duck

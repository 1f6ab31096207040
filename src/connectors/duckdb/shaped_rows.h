// The rows of a run as a destination takes them: shaped, checked against what stands there.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/duckdb/evolution.h"
#include "connectors/duckdb/warehouse.h"
#include "data/batch.h"
#include "data/dead_letter.h"
#include "estate/estate.h"

namespace afluente::duck {

/// What all sinks that DuckDB feeds have in common. Borrows the warehouse and
/// the integration. Drain is thread-safe once Prepare has returned.
class ShapedRows {
 public:
  ShapedRows(Warehouse& warehouse, const estate::Integration& integration)
      : warehouse_(warehouse), integration_(integration) {}

  /// Puts columns behind those that arrive: SQL for the end of a SELECT's list,
  /// for the rows of lane number `lane`, from 0 on. Before Prepare.
  void Add(std::function<std::string(std::uint64_t lane)> columns) { added_ = std::move(columns); }

  /// Rows of readers that a cast or the transform fails on go to `letters` instead of
  /// failing Drain, which then keeps a lane in a temporary table. Borrowed; before
  /// Prepare.
  void SetAsideInto(data::DeadLetters& letters) { letters_ = &letters; }

  /// Binds renames, masks and transform to rows of `schema` and plans how they
  /// fit `target` (empty: nothing stands there yet).
  /// Errors: those of DescribeSelect and PlanEvolution; kNotFound for a key
  /// column that does not arrive.
  Status Prepare(const data::Schema& schema, std::uint64_t estimated_rows,
                 const std::vector<TableColumn>& target, bool keeps_rows);

  /// The columns that arrive.
  const std::vector<TableColumn>& columns() const { return columns_; }
  const Evolution& evolution() const { return evolution_; }

  /// Runs `before` + SELECT over the lane + `after`, e.g. "INSERT INTO t " and
  /// "". Returns the rows that the statement wrote. On a connection of its own,
  /// in one transaction; kCancelled when `stop` fires.
  Result<std::uint64_t> Drain(data::BatchReader& lane, const std::string& before,
                              const std::string& after, const std::stop_token& stop) const;
  /// The same, and `also` in the same transaction, which knows how many rows it was.
  /// Not for rows that SetAsideInto sets aside.
  using Also = std::function<Status(duckdb_connection connection, std::uint64_t rows)>;
  Result<std::uint64_t> DrainAnd(data::BatchReader& lane, const std::string& before,
                                 const Also& also, const std::stop_token& stop) const;

  /// What Drain selects, and of which types: as text, to be compared.
  std::string Shape() const;

 private:
  std::string Select(const estate::Integration& integration, const std::string& lane,
                     std::uint64_t number) const;
  Result<std::uint64_t> DrainInto(duckdb_connection connection, data::BatchReader& lane,
                                  const std::string& before, const std::string& after) const;
  Result<std::uint64_t> DrainGoodRows(duckdb_connection connection, data::BatchReader& lane,
                                      const std::string& before, const std::string& after) const;
  std::string What() const;  // For errors.
  Error Failed(const Error& error) const;
  Status CheckKeyColumns() const;

  Warehouse& warehouse_;
  const estate::Integration& integration_;
  data::Schema schema_;
  std::uint64_t estimated_rows_ = 0;
  std::function<std::string(std::uint64_t lane)> added_;
  data::DeadLetters* letters_ = nullptr;
  mutable std::atomic<std::uint64_t> lanes_{0};  // That were drained.
  std::vector<TableColumn> columns_;
  Evolution evolution_;
};

}  // namespace afluente::duck

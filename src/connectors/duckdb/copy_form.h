// What a form makes of the copy that a followed table begins with.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "connectors/duckdb/evolution.h"
#include "data/duckdb_api.h"
#include "estate/estate.h"

namespace afluente::duck {

/// When a table was copied, and what names its rows.
struct CopyMoment {
  std::vector<std::string> key;  // Columns of the destination; none: rows have no name.
  /// A place in the source's log, as text that sorts: behind everything that is
  /// in the copy, before every change that follows.
  std::string lsn;
  WallTime taken_at{};
  /// What a copy of the table reads, when its parts are kept so that another process
  /// can go on with it (begun_copy.h); "": it begins anew.
  std::string origin{};
  bool goes_on = false;  // With the stage that FindBegunCopy has found, after KeepOnly.
  std::function<void()> on_part_kept = [] {};  // On the lanes' threads.
};

/// Thread-safe.
class CopyForm {
 public:
  virtual ~CopyForm() = default;

  /// SQL for the end of a SELECT's list: the columns of the form, for rows of
  /// lane number `lane`. Lanes count from 0.
  virtual std::string AddedColumns(std::uint64_t lane) const = 0;
  /// Whether rows of a table with these columns outlive a new copy of it.
  virtual bool Keeps(const std::vector<TableColumn>& table) const = 0;
  /// Puts `stage`, the copy, into the place of `table`, which Keeps; both are SQL
  /// names. Inside the transaction that publishes.
  virtual Status Publish(duckdb_connection connection, const std::string& stage,
                         const estate::TableAddress& table, const Evolution& evolution) const = 0;
};

/// nullptr for mirror: a copy is all there is to it.
std::unique_ptr<CopyForm> MakeCopyForm(estate::Form form, CopyMoment moment);

}  // namespace afluente::duck

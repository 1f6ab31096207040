// The forms of mode cdc: which columns they add, and which rows of them the source has now.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/logical_type.h"
#include "estate/estate.h"

namespace afluente::pipeline {

/// soft_delete: when the row was deleted; NULL for a row that exists.
constexpr const char* kDeletedAt = "_deleted_at";
/// history: what happened, ...
constexpr const char* kOp = "_op";
/// ... the place of the commit in the source's log, as text that sorts, ...
constexpr const char* kLsn = "_lsn";
/// ... the place in the transaction ...
constexpr const char* kOrdinal = "_ordinal";
/// ... and the time of the commit.
constexpr const char* kCommittedAt = "_committed_at";

/// What `_op` says.
constexpr std::string_view kSnapshotOp = "snapshot";
constexpr std::string_view kInsertOp = "insert";
constexpr std::string_view kUpdateOp = "update";
constexpr std::string_view kDeleteOp = "delete";
constexpr std::string_view kTruncateOp = "truncate";
/// The row has the key alone: what it is now stands among the dead letters.
constexpr std::string_view kDeadLetterOp = "dead_letter";

/// The columns that `form` adds behind those that arrive, in order.
data::Schema FormColumns(estate::Form form);

/// Whether a table with the columns `names` has those that `form` adds.
bool HasFormColumns(estate::Form form, const std::vector<std::string>& names);

/// kSchemaMismatch, with the cure, when a column of `source` arrives under the
/// name of one that the integration's form adds. A transform may still give it
/// another: then nothing is said.
Status CheckFormColumns(const estate::Integration& integration, const data::Schema& source);

/// An SQL table expression over `table`, a table in `form`: the rows that the
/// source has now, without the columns of the form. `key`: the columns that
/// identify a row; none: rows are only added.
std::string CurrentRows(estate::Form form, const std::string& table,
                        const std::vector<std::string>& key);

}  // namespace afluente::pipeline

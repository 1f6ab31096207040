// A comparison beside a stream that never rests: what is on its way is no difference.
#pragma once

#include <functional>
#include <stop_token>

#include "base/result.h"
#include "comparison/reconcile.h"

namespace afluente::comparison {

/// Compares like CompareWithSource while source and destination change. Rows that
/// differ are looked at again after `catch_up`, which returns when everything that
/// the source held when it was called has arrived. A difference counts when
/// three looks in a row find the same row at the source and the same other one
/// at the destination: between them the stream has passed every change of it twice.
/// Rows that changed at each of several looks are told in a note and not counted.
/// What cannot be told row by row (no key, columns that are compared by their
/// NULLs) counts when no look finds both sides equal.
/// Only the slices that hold rows which differ are read again.
/// Errors: as CompareWithSource; those of `catch_up`.
Result<Reconciliation> CompareSettled(const estate::Estate& estate,
                                      const estate::Integration& integration,
                                      duckdb_connection connection,
                                      const std::function<Status()>& catch_up,
                                      const std::stop_token& stop);

}  // namespace afluente::comparison

// DuckDB's appender with an owned handle.
#pragma once

#include "base/c_handle.h"
#include "base/result.h"
#include "data/duckdb_api.h"

namespace afluente::inference {

using DuckAppender = Handle<duckdb_appender, duckdb_appender_destroy>;

/// What a call of `appender` answered. Errors: DuckDB's.
inline Status CheckAppend(DuckAppender& appender, duckdb_state answer) {
  if (answer == DuckDBSuccess) return Done{};
  const char* text = duckdb_appender_error(appender.get());
  return Error(ErrorKind::kInternal, text != nullptr ? text : "DuckDB's appender failed");
}

}  // namespace afluente::inference

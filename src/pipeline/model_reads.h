// Which tables an SQL text reads, each with its place.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "estate/estate.h"
#include "estate/template_text.h"
#include "pipeline/sql_parser.h"

namespace afluente::pipeline {

struct TableRead {
  estate::TableAddress table;
  std::size_t offset = 0;  // In the text as people wrote it, in bytes.
};

struct SqlProblem {
  std::size_t offset = 0;
  std::string message;
};

struct SqlReads {
  std::vector<TableRead> tables;     // In no particular order, as often as they are named.
  std::vector<SqlProblem> problems;  // What keeps it from being one SELECT over named tables.
};

/// Finds every table in `text`, which is a SELECT as people write it. Names of CTEs are no tables
/// where they are visible; a table without project or dataset is a problem, and so is a function
/// that hides which table it reads.
/// Errors: kInvalidConfig of a template, DuckDB's.
Result<SqlReads> ReadsOf(duckdb_connection connection, const std::string& text,
                         const estate::TemplateValues& values);

}  // namespace afluente::pipeline

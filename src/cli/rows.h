// Query results in the three forms that people and programs read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/duckdb_api.h"

namespace afluente::cli {

enum class RowFormat : std::uint8_t {
  kTable,  // Aligned, with a count below.
  kCsv,    // RFC 4180 with a header; NULL is an empty field, "" an empty string.
  kJson,   // An array of objects; numbers that a double holds exactly are numbers, all else text.
};

/// Prints rows to stdout as they come. CSV and JSON stream; a table is held in
/// memory to be aligned.
class RowPrinter {
 public:
  RowPrinter(const std::vector<std::string>& names, std::vector<duckdb_type> types,
             RowFormat format);
  ~RowPrinter();
  RowPrinter(const RowPrinter&) = delete;
  RowPrinter& operator=(const RowPrinter&) = delete;

  void Add(const std::vector<data::Cell>& row);
  /// Once, behind the last row.
  void End();

 private:
  class Form;
  class TableForm;
  class CsvForm;
  class JsonForm;
  std::unique_ptr<Form> form_;
};

/// Prints all rows of `query`.
/// Errors: what the statement fails with while it yields rows.
Status PrintRows(data::TextQuery& query, RowFormat format);

}  // namespace afluente::cli

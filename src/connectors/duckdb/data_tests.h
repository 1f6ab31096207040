// Data tests: what must hold for the rows of a table, asked in SQL.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "data/duckdb_api.h"
#include "estate/estate.h"
#include "estate/template_text.h"

namespace afluente::duck {

struct TestOutcome {
  std::string name;  // "not_null (email)".
  estate::Mark mark;
  estate::Severity severity = estate::Severity::kError;
  std::uint64_t failing_rows = 0;
  bool passed = true;
  /// "3 rows, such as (id: 4, email: NULL)": up to five rows, and of each only the columns that
  /// the test names or a row is told by. "" when it passed.
  std::string why;

  /// "not_null (email) failed: 3 rows, such as ... (models/a/b/c.yaml:7:5)".
  std::string ToString() const;
};

/// What the tests of a table are run with.
struct TestSetting {
  const estate::TemplateValues& values;  // For templates in SQL and conditions.
  WallTime now;                          // For freshness.
  std::vector<std::string> told_by;      // Columns by which people know a row; may be empty.
};

/// Runs `tests` on `table` as `connection` sees it, inside its transaction if it has one, and
/// changes nothing. One outcome a test, in order.
/// Errors: of a test that cannot be run, such as one of a column that is not there; the text names
/// the test and its place. kCancelled when the connection is interrupted.
Result<std::vector<TestOutcome>> RunDataTests(duckdb_connection connection,
                                              const estate::TableAddress& table,
                                              const std::vector<estate::DataTest>& tests,
                                              const TestSetting& setting);

}  // namespace afluente::duck

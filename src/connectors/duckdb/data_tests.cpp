#include "connectors/duckdb/data_tests.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/names.h"
#include "connectors/duckdb/evolution.h"
#include "connectors/duckdb/warehouse.h"
#include "estate/utf8.h"
#include "pipeline/model_graph.h"
#include "pipeline/sql_parser.h"

namespace afluente::duck {
namespace {

using estate::DataTest;
using Kind = DataTest::Kind;

constexpr int kSampleRows = 5;
constexpr std::size_t kValueBytesMax = 60;

std::string QuotedList(const std::vector<std::string>& columns) {
  std::string list;
  for (const std::string& column : columns) {
    list += (list.empty() ? "" : ", ") + QuoteIdentifier(column);
  }
  return list;
}

std::string NameOf(const DataTest& test) {
  const std::string columns = fmt::format("{}", fmt::join(test.columns, ", "));
  switch (test.kind) {
    case Kind::kUnique:
      return "unique (" + columns + ")";
    case Kind::kNotNull:
      return "not_null (" + columns + ")";
    case Kind::kAcceptedValues:
      return "accepted_values (" + columns + ")";
    case Kind::kRelationships:
      return fmt::format("relationships ({} to {}.{})", columns, test.to->ToString(), test.field);
    case Kind::kFreshness:
      return "freshness (" + columns + ")";
    case Kind::kRowCount:
      return "row_count";
    case Kind::kSql:
      return "sql";
  }
  return "";
}

std::string ShownValue(const data::Cell& cell) {
  if (!cell.valid) return "NULL";
  if (cell.text.size() <= kValueBytesMax) return cell.text;
  std::size_t end = 0;
  while (end < kValueBytesMax) {
    end += std::max<std::size_t>(1, estate::Utf8Length(cell.text, end));
  }
  return cell.text.substr(0, end) + "...";
}

// Rows of a query as "(id: 4, name: NULL), (id: 5, name: NULL)".
Result<std::string> Sample(duckdb_connection connection, const std::string& sql,
                           const std::vector<std::string>& names) {
  AFL_ASSIGN(const auto rows, data::QueryCells(connection, sql));
  std::string sample;
  for (const auto& row : rows) {
    std::string shown;
    for (std::size_t i = 0; i < row.size() && i < names.size(); ++i) {
      shown += fmt::format("{}{}: {}", i == 0 ? "" : ", ", names[i], ShownValue(row[i]));
    }
    sample += fmt::format("{}({})", sample.empty() ? "" : ", ", shown);
  }
  return sample;
}

Result<std::uint64_t> Count(duckdb_connection connection, const std::string& sql) {
  AFL_ASSIGN(const auto rows, data::QueryCells(connection, sql));
  return std::stoull(rows.front().front().text);
}

class Tester {
 public:
  Tester(duckdb_connection connection, const estate::TableAddress& table,
         const TestSetting& setting)
      : connection_(connection), table_(table), setting_(setting) {}

  Result<TestOutcome> Run(const DataTest& test) const {
    TestOutcome outcome;
    outcome.name = NameOf(test);
    outcome.mark = test.mark;
    outcome.severity = test.severity;
    Status asked = Ask(test, outcome);
    if (asked.ok()) return outcome;
    if (asked.error().kind() == ErrorKind::kCancelled) return std::move(asked).error();
    return std::move(asked)
        .Within([&] {
          return fmt::format("{}: data test {} cannot be run", test.mark.ToString(), outcome.name);
        })
        .error();
  }

 private:
  Status Ask(const DataTest& test, TestOutcome& outcome) const {
    AFL_ASSIGN(const std::string rows, RowsOf(test));
    const std::string column = test.columns.empty() ? "" : QuoteIdentifier(test.columns.front());
    switch (test.kind) {
      case Kind::kUnique:
        return AskUnique(test, rows, outcome);
      case Kind::kNotNull: {
        std::string any_null;
        for (const std::string& name : test.columns) {
          any_null += (any_null.empty() ? "" : " OR ") + QuoteIdentifier(name) + " IS NULL";
        }
        return AskRows(test, rows, any_null, outcome);
      }
      case Kind::kAcceptedValues: {
        std::string accepted;
        for (const std::string& value : test.values) {
          accepted += (accepted.empty() ? "" : ", ") + QuoteLiteral(value);
        }
        const std::string is_other =
            accepted.empty()
                ? ""
                : fmt::format(" AND CAST({} AS VARCHAR) NOT IN ({})", column, accepted);
        return AskRows(test, rows, column + " IS NOT NULL" + is_other, outcome);
      }
      case Kind::kRelationships:
        return AskRows(test, rows,
                       fmt::format("{0} IS NOT NULL AND {0} NOT IN (SELECT {1} FROM {2} WHERE {1} "
                                   "IS NOT NULL)",
                                   column, QuoteIdentifier(test.field), SqlName(*test.to)),
                       outcome);
      case Kind::kFreshness:
        return AskFreshness(test, rows, column, outcome);
      case Kind::kRowCount:
        return AskRowCount(test, rows, outcome);
      case Kind::kSql:
        return AskSql(test, outcome);
    }
    return Done{};
  }

  // The tested rows, to stand behind FROM.
  Result<std::string> RowsOf(const DataTest& test) const {
    const std::string table = SqlName(table_);
    if (test.where.empty()) return table;
    AFL_ASSIGN(const std::string where, pipeline::WarehouseSql(test.where, setting_.values));
    std::string rows = fmt::format("(SELECT * FROM {} WHERE (\n{}\n))", table, where);
    AFL_TRY(pipeline::ExpectOneSelect(connection_, "SELECT * FROM " + rows));
    return rows;
  }

  static void Fail(TestOutcome& outcome, std::uint64_t failing, std::string why) {
    outcome.passed = false;
    outcome.failing_rows = failing;
    outcome.why = std::move(why);
  }

  static void FailWithSample(TestOutcome& outcome, std::uint64_t failing,
                             const std::string& sample) {
    Fail(outcome, failing,
         fmt::format("{} row{}, such as {}", failing, failing == 1 ? "" : "s", sample));
  }

  Status AskUnique(const DataTest& test, const std::string& rows, TestOutcome& outcome) const {
    const std::string columns = QuotedList(test.columns);
    std::string none_null;
    for (const std::string& name : test.columns) {
      none_null += (none_null.empty() ? "" : " AND ") + QuoteIdentifier(name) + " IS NOT NULL";
    }
    const std::string doubles = fmt::format(
        "SELECT {0}, count(*) AS _afluente_rows FROM {1} WHERE {2} GROUP BY {0} HAVING count(*) > "
        "1",
        columns, rows, none_null);
    AFL_ASSIGN(
        const std::uint64_t failing,
        Count(connection_, "SELECT coalesce(sum(_afluente_rows), 0) FROM (" + doubles + ")"));
    if (failing == 0) return Done{};
    std::vector<std::string> names = test.columns;
    names.emplace_back("rows");
    AFL_ASSIGN(
        const std::string sample,
        Sample(connection_, fmt::format("{} ORDER BY ALL LIMIT {}", doubles, kSampleRows), names));
    FailWithSample(outcome, failing, sample);
    return Done{};
  }

  Status AskRows(const DataTest& test, const std::string& rows, const std::string& fails,
                 TestOutcome& outcome) const {
    AFL_ASSIGN(const std::uint64_t failing,
               Count(connection_, fmt::format("SELECT count(*) FROM {} WHERE {}", rows, fails)));
    if (failing == 0) return Done{};
    std::vector<std::string> shown = setting_.told_by;
    for (const std::string& column : test.columns) {
      if (std::find(shown.begin(), shown.end(), column) == shown.end()) shown.push_back(column);
    }
    AFL_ASSIGN(const std::string sample,
               Sample(connection_,
                      fmt::format("SELECT DISTINCT {} FROM {} WHERE {} ORDER BY ALL LIMIT {}",
                                  QuotedList(shown), rows, fails, kSampleRows),
                      shown));
    FailWithSample(outcome, failing, sample);
    return Done{};
  }

  Status AskFreshness(const DataTest& test, const std::string& rows, const std::string& column,
                      TestOutcome& outcome) const {
    const std::string now = QuoteLiteral(FormatRfc3339(setting_.now));
    AFL_ASSIGN(const auto answer,
               data::QueryCells(
                   connection_,
                   fmt::format("SELECT newest, newest < CAST({} AS TIMESTAMPTZ) - "
                               "to_milliseconds({}) FROM (SELECT CAST(max({}) AS TIMESTAMPTZ) AS "
                               "newest FROM {})",
                               now, test.max_age.count(), column, rows)));
    const data::Cell& newest = answer.front()[0];
    if (!newest.valid) {
      Fail(outcome, 0, "no row has a time there");
    } else if (answer.front()[1].text == "true") {
      Fail(outcome, 1, "the newest row is of " + newest.text);
    }
    return Done{};
  }

  Status AskRowCount(const DataTest& test, const std::string& rows, TestOutcome& outcome) const {
    AFL_ASSIGN(const std::uint64_t count, Count(connection_, "SELECT count(*) FROM " + rows));
    const auto signed_count = static_cast<std::int64_t>(count);
    if (test.min && signed_count < *test.min) {
      Fail(outcome, count, fmt::format("{} rows; expected {} at least", count, *test.min));
    } else if (test.max && signed_count > *test.max) {
      Fail(outcome, count, fmt::format("{} rows; expected {} at most", count, *test.max));
    }
    return Done{};
  }

  Status AskSql(const DataTest& test, TestOutcome& outcome) const {
    AFL_ASSIGN(const std::string select, pipeline::WarehouseSql(test.sql, setting_.values));
    AFL_TRY(pipeline::ExpectOneSelect(connection_, select));
    const std::string rows = "(\n" + select + "\n)";
    AFL_ASSIGN(const std::uint64_t failing, Count(connection_, "SELECT count(*) FROM " + rows));
    if (failing == 0) return Done{};
    AFL_ASSIGN(const auto columns, DescribeSelect(connection_, "SELECT * FROM " + rows));
    std::vector<std::string> names;
    for (const TableColumn& column : columns) names.push_back(column.name);
    AFL_ASSIGN(
        const std::string sample,
        Sample(connection_, fmt::format("SELECT * FROM {} LIMIT {}", rows, kSampleRows), names));
    FailWithSample(outcome, failing, sample);
    return Done{};
  }

  duckdb_connection connection_;
  const estate::TableAddress& table_;
  const TestSetting& setting_;
};

}  // namespace

std::string TestOutcome::ToString() const {
  return fmt::format("{} failed: {} ({})", name, why, mark.ToString());
}

Result<std::vector<TestOutcome>> RunDataTests(duckdb_connection connection,
                                              const estate::TableAddress& table,
                                              const std::vector<DataTest>& tests,
                                              const TestSetting& setting) {
  std::vector<TestOutcome> outcomes;
  const Tester tester(connection, table, setting);
  for (const DataTest& test : tests) {
    AFL_ASSIGN(TestOutcome outcome, tester.Run(test));
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

}  // namespace afluente::duck

#include "pipeline/form.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <strings.h>

#include <algorithm>

#include "base/names.h"
#include "pipeline/shaping.h"

namespace afluente::pipeline {
namespace {

constexpr data::Kind kText = data::Kind::kText;

// DuckDB's names differ by more than case or not at all.
bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& has) {
    return strcasecmp(has.c_str(), name.c_str()) == 0;
  });
}

}  // namespace

data::Schema FormColumns(estate::Form form) {
  const auto column = [](const char* name, data::Kind kind) {
    return data::Column{name, {kind, 0, 0, nullptr}, true, 0};
  };
  switch (form) {
    case estate::Form::kMirror:
      return {};
    case estate::Form::kSoftDelete:
      return {column(kDeletedAt, data::Kind::kTimestampTz)};
    case estate::Form::kHistory:
      return {column(kOp, kText), column(kLsn, kText), column(kOrdinal, data::Kind::kInt64),
              column(kCommittedAt, data::Kind::kTimestampTz)};
  }
  return {};
}

bool HasFormColumns(estate::Form form, const std::vector<std::string>& names) {
  const data::Schema added = FormColumns(form);
  return std::all_of(added.begin(), added.end(),
                     [&](const data::Column& column) { return Contains(names, column.name); });
}

Status CheckFormColumns(const estate::Integration& integration, const data::Schema& source) {
  if (!integration.transform.empty()) return Done{};
  std::vector<std::string> added;
  for (const data::Column& column : FormColumns(integration.form)) added.push_back(column.name);
  for (const data::Column& column : source) {
    const std::string name = ArrivesAs(column.name, integration);
    if (!Contains(added, name)) continue;
    return Error(
        ErrorKind::kSchemaMismatch,
        fmt::format("{}: form: {} adds a column \"{}\", and one of that name arrives; give "
                    "that one another: columns: {{ {}: {{ rename: source{} }} }}",
                    integration.mark.ToString(), estate::NameOf(integration.form), name,
                    column.name, name));
  }
  return Done{};
}

std::string CurrentRows(estate::Form form, const std::string& table,
                        const std::vector<std::string>& key) {
  std::vector<std::string> added;
  for (const data::Column& column : FormColumns(form)) added.push_back(column.name);
  const std::string columns = fmt::format("* EXCLUDE ({})", fmt::join(added, ", "));
  switch (form) {
    case estate::Form::kMirror:
      return table;
    case estate::Form::kSoftDelete:
      return fmt::format("(SELECT {} FROM {} WHERE _deleted_at IS NULL) AS r", columns, table);
    case estate::Form::kHistory: {
      std::vector<std::string> names;
      for (const std::string& name : key) names.push_back(QuoteIdentifier(name));
      const std::string last =
          key.empty() ? ""
                      : fmt::format(
                            " QUALIFY row_number() OVER (PARTITION BY {} ORDER BY _lsn "
                            "DESC, _ordinal DESC) = 1",
                            fmt::join(names, ", "));
      return fmt::format(
          "(SELECT {0} FROM (SELECT * FROM {1} WHERE (_lsn, _ordinal) > coalesce((SELECT "
          "max((_lsn, _ordinal)) FROM {1} WHERE _op = 'truncate'), ('', 0)){2}) WHERE _op "
          "NOT IN ('delete', 'dead_letter')) AS r",
          columns, table, last);
    }
  }
  return table;
}

}  // namespace afluente::pipeline

#include "connectors/postgres/cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/names.h"
#include "base/utf8.h"

namespace afluente::postgres {
namespace {

constexpr const char* kPositionKind = "cursor";

bool IsTime(const CatalogColumn& column) {
  return column.type_name.starts_with("timestamp") || column.type_name == "date";
}

}  // namespace

Error Cursor::Unusable(std::string_view why) {
  return {ErrorKind::kInternal,
          fmt::format("the stored checkpoint cannot be used: {}; run with --full-refresh to start "
                      "over",
                      why)};
}

Result<Cursor> Cursor::Make(const estate::Integration& integration,
                            const std::vector<CatalogColumn>& columns) {
  std::vector<std::string> names;
  for (const CatalogColumn& column : columns) names.push_back(column.name);
  Cursor cursor;
  for (const std::string& name : integration.cursor) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      return Error(ErrorKind::kNotFound,
                   fmt::format("{}: cursor column \"{}\" is not in the source{}",
                               integration.mark.ToString(), name, DidYouMean(name, names)));
    }
    cursor.columns_.push_back(columns[static_cast<std::size_t>(found - names.begin())]);
  }
  cursor.lookback_ms_ = integration.lookback.count();
  if (cursor.has_lookback() && !IsTime(cursor.columns_.front())) {
    return Error(ErrorKind::kInvalidConfig,
                 fmt::format("{}: lookback needs a time as first cursor column, \"{}\" is {}",
                             integration.mark.ToString(), cursor.columns_.front().name,
                             cursor.columns_.front().type_name));
  }
  return cursor;
}

Result<std::optional<CursorValues>> Cursor::Parse(const data::Position& position) const {
  if (position.kind != kPositionKind) {
    return Unusable(fmt::format("it is of kind \"{}\", not \"{}\"", position.kind, kPositionKind));
  }
  const nlohmann::json json = nlohmann::json::parse(position.value, nullptr, false);
  if (!json.is_object() || !json.contains("columns") || !json.contains("values")) {
    return Unusable("it is damaged");
  }
  nlohmann::json names = nlohmann::json::array();
  for (const CatalogColumn& column : columns_) names.push_back(column.name);
  if (json["columns"] != names) {
    return Unusable(fmt::format("it was written for the cursor {}, not {}", json["columns"].dump(),
                                names.dump()));
  }
  const nlohmann::json& values = json["values"];
  if (values.is_null()) return std::optional<CursorValues>();
  const bool is_text = values.is_array() && values.size() == columns_.size() &&
                       std::all_of(values.begin(), values.end(),
                                   [](const nlohmann::json& value) { return value.is_string(); });
  if (!is_text) return Unusable("it is damaged");
  return std::optional(values.get<CursorValues>());
}

data::Position Cursor::ToPosition(const std::optional<CursorValues>& values) const {
  nlohmann::json json = {{"columns", nlohmann::json::array()}, {"values", nullptr}};
  for (const CatalogColumn& column : columns_) json["columns"].push_back(column.name);
  if (values) json["values"] = *values;
  return {kPositionKind, json.dump()};
}

Result<std::optional<CursorValues>> Cursor::Greatest(PGconn* connection,
                                                     const std::string& from_where) const {
  std::string select;
  std::string conditions;
  std::string order;
  for (const CatalogColumn& column : columns_) {
    const std::string name = QuoteIdentifier(column.name);
    // Under another name: ORDER BY would take the text for the column.
    select += fmt::format("{0}{1}::text AS c{2}", select.empty() ? "" : ", ", name, select.size());
    conditions += fmt::format(" AND {} IS NOT NULL", name);
    order += fmt::format("{}{} DESC", order.empty() ? "" : ", ", name);
  }
  AFL_ASSIGN(const QueryResult result,
             Query(connection, fmt::format("SELECT {} {}{} ORDER BY {} LIMIT 1", select, from_where,
                                           conditions, order)));
  if (PQntuples(result.get()) == 0) return std::optional<CursorValues>();
  CursorValues values;
  for (int i = 0; i < PQnfields(result.get()); ++i) {
    values.push_back(Text(result, 0, i));
    // The position is JSON: a database in SQL_ASCII may hold what that cannot.
    if (IsUtf8(values.back().data(), values.back().size())) continue;
    return Error(ErrorKind::kConversion,
                 fmt::format("cursor column \"{}\" holds bytes that are not UTF-8; choose another "
                             "cursor",
                             columns_[static_cast<std::size_t>(i)].name));
  }
  return std::optional(std::move(values));
}

std::string Cursor::Row() const {
  std::string row;
  for (const CatalogColumn& column : columns_) {
    row += (row.empty() ? "" : ", ") + QuoteIdentifier(column.name);
  }
  return "(" + row + ")";
}

std::string Cursor::RowOf(const CursorValues& values) const {
  std::string row;
  for (std::size_t i = 0; i < values.size(); ++i) {
    row +=
        fmt::format("{}{}::{}", i == 0 ? "" : ", ", QuoteLiteral(values[i]), columns_[i].type_name);
  }
  return "(" + row + ")";
}

std::string Cursor::After(const CursorValues& from) const {
  return fmt::format("{} > {}", Row(), RowOf(from));
}

std::string Cursor::Between(const CursorValues& from, const CursorValues& end) const {
  const std::string upper = fmt::format("{} <= {}", Row(), RowOf(end));
  if (!has_lookback()) return After(from) + " AND " + upper;
  return fmt::format("{} > {}::{} - interval '{} milliseconds' AND {}",
                     QuoteIdentifier(columns_.front().name), QuoteLiteral(from.front()),
                     columns_.front().type_name, lookback_ms_, upper);
}

std::vector<std::string> Cursor::NullableColumns() const {
  std::vector<std::string> names;
  for (const CatalogColumn& column : columns_) {
    if (column.nullable) names.push_back(column.name);
  }
  return names;
}

}  // namespace afluente::postgres

#include "connectors/postgres/replication/set_aside_rows.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "connectors/postgres/cell_text.h"

namespace afluente::postgres {

std::string TextOfCell(const TableShape& shape, std::size_t column, const TupleCell& cell) {
  static const data::LogicalType kText;
  const bool is_text = cell.kind == TupleCell::Kind::kText;
  return CellText(is_text ? kText : shape.columns.schema[column].type,
                  is_text ? TextForm::kPlain : shape.columns.forms[column], cell.bytes);
}

void SetAsideRows::Mark(std::size_t entry) {
  const auto [found, is_new] = entries_.emplace(entry, false);
  if (!is_new) found->second = true;
}

Status SetAsideRows::Add(std::size_t entry, std::string_view tuple, Lsn commit,
                         const std::string& reason, std::size_t rows) {
  const bool is_new = !Has(entry);
  Mark(entry);
  if (!is_new) return Done{};
  const data::DeadLetter letter{KeyText(tuple), reason, RowText(tuple), commit.ToSortableString()};
  for (std::size_t i = 0; i < rows; ++i) AFL_TRY(letters_.Add(letter));
  return Done{};
}

Error SetAsideRows::Refuse(std::string_view tuple, const std::string& reason,
                           const BadValue& value) const {
  constexpr std::size_t kShown = 100;
  std::string row = KeyText(tuple);
  row = row.empty() ? "a row" : "row " + row;
  std::string shown = masked_.contains(value.column) ? "" : value.text;
  if (shown.size() > kShown) {
    std::size_t end = kShown;
    while (end > 0 && (static_cast<unsigned char>(shown[end]) & 0xC0U) == 0x80U) --end;
    shown = shown.substr(0, end) + "...";
  }
  return {ErrorKind::kConversion,
          fmt::format("{} of {}: {}{}; on_bad_row: dead_letter sets such rows aside", row,
                      integration_.source.table, reason,
                      shown.empty() ? "" : fmt::format(" (the value: {})", shown))};
}

std::string SetAsideRows::KeyText(std::string_view tuple) const {
  std::vector<TupleCell> cells;
  TupleView(tuple).Split(cells);
  std::string text;
  for (std::size_t i = 0; i < shape_.key_columns.size(); ++i) {
    const std::size_t column = shape_.key_read[i];
    const std::string& name = shape_.columns.schema[column].name;
    if (shape_.key_columns[i] >= cells.size() || masked_.contains(name)) continue;
    const TupleCell& cell = cells[shape_.key_columns[i]];
    const bool is_null = cell.kind == TupleCell::Kind::kNull;
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name,
                        is_null ? "NULL" : TextOfCell(shape_, column, cell));
  }
  return text;
}

std::string SetAsideRows::RowText(std::string_view tuple) const {
  std::vector<TupleCell> cells;
  TupleView(tuple).Split(cells);
  nlohmann::ordered_json row = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < cells.size() && i < shape_.schema_index.size(); ++i) {
    if (shape_.schema_index[i] < 0 || cells[i].kind == TupleCell::Kind::kUnchanged) continue;
    const auto column = static_cast<std::size_t>(shape_.schema_index[i]);
    const std::string& name = shape_.columns.schema[column].name;
    if (cells[i].kind == TupleCell::Kind::kNull) {
      row[name] = nullptr;
    } else {
      row[name] = masked_.contains(name) ? "***" : TextOfCell(shape_, column, cells[i]);
    }
  }
  return row.dump();
}

}  // namespace afluente::postgres

#include "cli/rows.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "cli/context.h"
#include "cli/table.h"
#include "cli/units.h"

namespace afluente::cli {
namespace {

using data::Cell;

// Room for a hash of 64 digits.
constexpr std::size_t kCellWidthMax = 80;

// What JavaScript and Python read back without loss; DECIMAL, BIGINT beyond
// 2^53 and times stay text.
bool IsJsonNumber(duckdb_type type, const std::string& text) {
  if (type == DUCKDB_TYPE_BIGINT || type == DUCKDB_TYPE_UBIGINT || type == DUCKDB_TYPE_HUGEINT) {
    return text.size() <= 15;
  }
  if (type == DUCKDB_TYPE_DOUBLE || type == DUCKDB_TYPE_FLOAT) {
    return text.find_first_of("nN") == std::string::npos;  // nan, inf
  }
  return type == DUCKDB_TYPE_TINYINT || type == DUCKDB_TYPE_SMALLINT ||
         type == DUCKDB_TYPE_INTEGER || type == DUCKDB_TYPE_UTINYINT ||
         type == DUCKDB_TYPE_USMALLINT || type == DUCKDB_TYPE_UINTEGER;
}

// "2026-01-01 00:00:00+00" of a session in UTC. Infinities and years before
// Christ have no form there and stay as they are.
std::string Rfc3339(const std::string& text) {
  const std::size_t blank = text.find(' ');
  if (blank == std::string::npos || !text.ends_with("+00")) return text;
  return text.substr(0, blank) + "T" + text.substr(blank + 1) + ":00";
}

nlohmann::ordered_json JsonOf(duckdb_type type, const Cell& cell) {
  if (!cell.valid) return nullptr;
  if (type == DUCKDB_TYPE_BOOLEAN) return cell.text == "true";
  if (type == DUCKDB_TYPE_TIMESTAMP_TZ) return Rfc3339(cell.text);
  if (IsJsonNumber(type, cell.text)) return nlohmann::ordered_json::parse(cell.text);
  return cell.text;
}

std::string CsvField(const Cell& cell) {
  if (!cell.valid) return "";
  const bool plain = !cell.text.empty() && cell.text.find_first_of(",\"\r\n") == std::string::npos;
  if (plain) return cell.text;
  std::string quoted = "\"";
  for (const char c : cell.text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

class RowPrinter::Form {
 public:
  virtual ~Form() = default;
  virtual void Add(const std::vector<Cell>& row) = 0;
  virtual void End() = 0;
};

class RowPrinter::TableForm final : public Form {
 public:
  TableForm(const std::vector<std::string>& names, const std::vector<duckdb_type>& types)
      : table_(Headings(names, types)) {}
  void Add(const std::vector<Cell>& row) override {
    std::vector<std::string> cells;
    for (const Cell& cell : row) cells.push_back(cell.valid ? cell.text : "NULL");
    table_.Add(std::move(cells));
    ++rows_;
  }
  void End() override {
    fmt::print("{}{} row{}\n", table_.ToString(kCellWidthMax), FormatCount(rows_),
               rows_ == 1 ? "" : "s");
  }

 private:
  static std::vector<Table::Heading> Headings(const std::vector<std::string>& names,
                                              const std::vector<duckdb_type>& types) {
    std::vector<Table::Heading> headings;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const bool number = IsJsonNumber(types[i], "0") || types[i] == DUCKDB_TYPE_DECIMAL;
      headings.push_back({names[i], number ? Align::kRight : Align::kLeft});
    }
    return headings;
  }

  Table table_;
  std::uint64_t rows_ = 0;
};

class RowPrinter::CsvForm final : public Form {
 public:
  explicit CsvForm(const std::vector<std::string>& names) {
    std::vector<Cell> header;
    for (const std::string& name : names) header.push_back({name, true});
    Add(header);
  }
  void Add(const std::vector<Cell>& row) override {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += (i == 0 ? "" : ",") + CsvField(row[i]);
    fmt::print("{}\r\n", line);
  }
  void End() override {}
};

namespace {

// An object holds one value a name: "a", "a", "b" becomes "a", "a_1", "b".
std::vector<std::string> DistinctNames(const std::vector<std::string>& names) {
  std::set<std::string> taken(names.begin(), names.end());
  std::set<std::string> used;
  std::vector<std::string> distinct;
  for (const std::string& name : names) {
    std::string own = name;
    for (int n = 1; !used.insert(own).second; ++n) {
      const std::string next = fmt::format("{}_{}", name, n);
      if (!taken.contains(next)) own = next;
    }
    distinct.push_back(own);
  }
  return distinct;
}

}  // namespace

class RowPrinter::JsonForm final : public Form {
 public:
  JsonForm(const std::vector<std::string>& names, std::vector<duckdb_type> types)
      : names_(DistinctNames(names)), types_(std::move(types)) {}
  void Add(const std::vector<Cell>& row) override {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < row.size(); ++i) object[names_[i]] = JsonOf(types_[i], row[i]);
    fmt::print("{}{}", first_ ? "[\n" : ",\n", object.dump());
    first_ = false;
  }
  void End() override { fmt::print("{}]\n", first_ ? "[" : "\n"); }

 private:
  const std::vector<std::string> names_;
  const std::vector<duckdb_type> types_;
  bool first_ = true;
};

RowPrinter::RowPrinter(const std::vector<std::string>& names, std::vector<duckdb_type> types,
                       RowFormat format) {
  switch (format) {
    case RowFormat::kTable:
      form_ = std::make_unique<TableForm>(names, types);
      break;
    case RowFormat::kCsv:
      form_ = std::make_unique<CsvForm>(names);
      break;
    case RowFormat::kJson:
      form_ = std::make_unique<JsonForm>(names, std::move(types));
      break;
  }
}

RowPrinter::~RowPrinter() = default;
void RowPrinter::Add(const std::vector<data::Cell>& row) { form_->Add(row); }
void RowPrinter::End() { form_->End(); }

Status PrintRows(data::TextQuery& query, RowFormat format) {
  RowPrinter printer(query.names, query.types, format);
  AFL_TRY(data::ForEachRow(query.result, [&](const std::vector<Cell>& row) { printer.Add(row); }));
  printer.End();
  return Done{};
}

}  // namespace afluente::cli

#include "comparison/reconcile.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <map>
#include <set>
#include <unordered_map>

#include "connectors/postgres/catalog.h"
#include "comparison/side.h"
#include "pipeline/form.h"
#include "pipeline/shaping.h"

namespace afluente::comparison {
namespace {

// 256 slices first; where they hold too many rows to fetch their hashes, 65,536.
constexpr int kCoarseDigits = 2;
constexpr int kFineDigits = 4;
constexpr std::uint64_t kHashedRowsMax = 500'000;

struct Slice {
  std::uint64_t rows = 0;
  std::string sum;
  bool operator==(const Slice&) const = default;
};
using Slices = std::map<std::string, Slice>;

// Both systems work at the same time.
template <class F>
auto Both(const F& ask) {
  auto source = std::async(std::launch::async, [&] { return ask(true); });
  auto destination = ask(false);
  return std::pair(source.get(), std::move(destination));
}

Slices ToSlices(const Rows& rows) {
  Slices slices;
  for (const auto& row : rows) slices[row[0].text] = {std::stoull(row[1].text), row[2].text};
  return slices;
}

std::uint64_t TotalRows(const Slices& slices) {
  std::uint64_t rows = 0;
  for (const auto& [name, slice] : slices) rows += slice.rows;
  return rows;
}

// Shorter first, so that numbers of one sign stand in their order.
bool ComesFirst(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(), [](const std::string& x, const std::string& y) {
        return std::pair(x.size(), std::string_view(x)) < std::pair(y.size(), std::string_view(y));
      });
}

class Comparer {
 public:
  Comparer(const Side& source, const Side& destination, std::vector<std::string> column_names,
           std::vector<std::size_t> key, Reconciliation& result)
      : source_(source),
        destination_(destination),
        names_(std::move(column_names)),
        key_(std::move(key)),
        result_(result) {}

  Status Run() {
    AFL_TRY(Compare(kCoarseDigits, 0, {}));
    result_.source_rows = TotalRows(source_slices_);
    result_.destination_rows = TotalRows(destination_slices_);
    if (differing_.empty()) return Done{};
    if (key_.empty()) return NameColumnsWithoutKey();
    int digits = kCoarseDigits;
    if (DifferingRows() > kHashedRowsMax) {
      const std::vector<std::string> coarse = differing_;
      digits = kFineDigits;
      AFL_TRY(Compare(kFineDigits, kCoarseDigits, coarse));
    }
    AFL_TRY(FindRows(digits));
    return NameColumns();
  }

 private:
  const Side& Of(bool source) const { return source ? source_ : destination_; }

  Status Compare(int digits, int within_digits, const std::vector<std::string>& within) {
    auto [ours, theirs] =
        Both([&](bool source) { return Of(source).Slices(digits, within_digits, within); });
    AFL_ASSIGN(const Rows source_rows, std::move(ours));
    AFL_ASSIGN(const Rows destination_rows, std::move(theirs));
    source_slices_ = ToSlices(source_rows);
    destination_slices_ = ToSlices(destination_rows);
    differing_.clear();
    std::set<std::string> names;
    for (const auto& [name, slice] : source_slices_) names.insert(name);
    for (const auto& [name, slice] : destination_slices_) names.insert(name);
    for (const std::string& name : names) {
      if (source_slices_[name] != destination_slices_[name]) differing_.push_back(name);
    }
    return Done{};
  }

  std::uint64_t DifferingRows() {
    std::uint64_t rows = 0;
    for (const std::string& name : differing_) {
      rows += source_slices_[name].rows + destination_slices_[name].rows;
    }
    return rows;
  }

  Status FindRows(int digits) {
    auto [ours, theirs] =
        Both([&](bool source) { return Of(source).RowHashes(digits, differing_); });
    AFL_ASSIGN(const Rows source_rows, std::move(ours));
    AFL_ASSIGN(const Rows destination_rows, std::move(theirs));
    // Several rows may share a key where it is not unique: their hashes add up.
    std::unordered_map<std::string, std::pair<std::vector<std::string>, std::vector<std::string>>>
        rows;
    for (const auto& row : source_rows) rows[row[0].text].first.push_back(row[1].text);
    for (const auto& row : destination_rows) rows[row[0].text].second.push_back(row[1].text);
    for (auto& [key, hashes] : rows) {
      std::sort(hashes.first.begin(), hashes.first.end());
      std::sort(hashes.second.begin(), hashes.second.end());
      if (hashes.first == hashes.second) continue;
      ++result_.differences;
      const DifferenceKind kind = hashes.second.empty()  ? DifferenceKind::kMissing
                                  : hashes.first.empty() ? DifferenceKind::kExtra
                                                         : DifferenceKind::kDifferent;
      if (sample_.size() < kSampleMax) sample_[key] = kind;
    }
    return Done{};
  }

  Status NameColumns() {
    std::vector<std::string> keys;
    for (const auto& [key, kind] : sample_) keys.push_back(key);
    auto [ours, theirs] = Both([&](bool source) { return Of(source).Columns(keys); });
    AFL_ASSIGN(const Rows source_rows, std::move(ours));
    AFL_ASSIGN(const Rows destination_rows, std::move(theirs));
    std::map<std::string, const std::vector<data::Cell>*> at_source;
    std::map<std::string, const std::vector<data::Cell>*> at_destination;
    for (const auto& row : source_rows) at_source[row[0].text] = &row;
    for (const auto& row : destination_rows) at_destination[row[0].text] = &row;
    for (const auto& [key, kind] : sample_) {
      const auto* source = at_source[key];
      const auto* destination = at_destination[key];
      const auto* any = source != nullptr ? source : destination;
      if (any == nullptr) continue;
      Difference difference{kind, {}, {}};
      for (std::size_t i = 0; i < key_.size(); ++i) {
        difference.key.push_back((*any)[1 + i].valid ? (*any)[1 + i].text : "NULL");
      }
      for (std::size_t i = 0; source != nullptr && destination != nullptr && i < names_.size();
           ++i) {
        const std::size_t at = 1 + key_.size() + i;
        if ((*source)[at].text != (*destination)[at].text) difference.columns.push_back(names_[i]);
      }
      result_.sample.push_back(std::move(difference));
    }
    std::sort(result_.sample.begin(), result_.sample.end(),
              [](const Difference& a, const Difference& b) { return ComesFirst(a.key, b.key); });
    return Done{};
  }

  Status NameColumnsWithoutKey() {
    const std::uint64_t more = std::max(result_.source_rows, result_.destination_rows);
    const std::uint64_t fewer = std::min(result_.source_rows, result_.destination_rows);
    result_.differences = std::max<std::uint64_t>(1, more - fewer);
    auto [ours, theirs] = Both([&](bool source) { return Of(source).ColumnSums(); });
    AFL_ASSIGN(const Rows source_sums, std::move(ours));
    AFL_ASSIGN(const Rows destination_sums, std::move(theirs));
    std::vector<std::string> columns;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (source_sums[0][i].text != destination_sums[0][i].text) columns.push_back(names_[i]);
    }
    result_.notes.push_back(fmt::format(
        "without a key the rows that differ have no name; give destination.key. Columns whose "
        "checksums differ: {}",
        fmt::join(columns, ", ")));
    return Done{};
  }

  const Side& source_;
  const Side& destination_;
  const std::vector<std::string> names_;
  const std::vector<std::size_t> key_;
  Reconciliation& result_;
  Slices source_slices_;
  Slices destination_slices_;
  std::vector<std::string> differing_;
  std::map<std::string, DifferenceKind> sample_;  // By hash of the key.
};

Side::Run RunOnPostgres(PGconn* connection, const HashPads& pads) {
  return [connection, pads](const std::string& sql) -> Result<Rows> {
    std::vector<std::optional<std::string>> parameters;
    // As parameters: the salt's pads must not stand in a statement's text.
    if (sql.find("$1") != std::string::npos) parameters = {pads.inner_hex, pads.outer_hex};
    AFL_ASSIGN(const postgres::QueryResult result,
               postgres::QueryParams(connection, sql, parameters));
    Rows rows(static_cast<std::size_t>(PQntuples(result.get())));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (int column = 0; column < PQnfields(result.get()); ++column) {
        const int row = static_cast<int>(i);
        rows[i].push_back(
            {postgres::Text(result, row, column), PQgetisnull(result.get(), row, column) == 0});
      }
    }
    return rows;
  };
}

struct SourceRows {
  postgres::SelectedColumns columns;
  std::string from;  // "t WHERE ...".
};

Result<SourceRows> OpenSourceRows(PGconn* connection, const estate::Integration& integration) {
  SourceRows rows;
  std::vector<postgres::CatalogColumn> columns;
  if (integration.source.query.empty()) {
    AFL_ASSIGN(const auto name, postgres::FindRelation(connection, integration.source.table));
    AFL_TRY(postgres::Query(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"));
    AFL_ASSIGN(postgres::Relation relation, postgres::DescribeRelation(connection, name));
    columns = std::move(relation.columns);
    rows.from = name.sql_name + " WHERE " +
                (integration.where.empty() ? "true" : "(\n" + integration.where + "\n)");
  } else {
    AFL_TRY(postgres::Query(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"));
    AFL_ASSIGN(columns, postgres::DescribeQuery(connection, integration.source.query));
    rows.from = "(\n" + integration.source.query + "\n) AS q WHERE true";
  }
  AFL_ASSIGN(rows.columns, postgres::SelectColumns(columns, integration));
  return rows;
}

// What the form says the source has now. Takes the form's columns out of `columns`.
Result<std::string> RowsToCompare(PGconn* source, const estate::Integration& integration,
                                  const std::string& table,
                                  std::vector<duck::TableColumn>& columns) {
  if (integration.form == estate::Form::kMirror) return table;
  std::vector<std::string> names;
  for (const duck::TableColumn& column : columns) names.push_back(column.name);
  if (!pipeline::HasFormColumns(integration.form, names)) {
    return Error(
        ErrorKind::kSchemaMismatch,
        fmt::format("table {} was not written in form {}; `afluente run {} --full-refresh` "
                    "copies it again",
                    table, estate::NameOf(integration.form), integration.name));
  }
  for (const data::Column& added : pipeline::FormColumns(integration.form)) {
    std::erase_if(columns, [&](const auto& column) { return column.name == added.name; });
  }
  std::vector<std::string> key = integration.destination.key;
  if (key.empty()) {
    AFL_ASSIGN(const auto relation, postgres::FindRelation(source, integration.source.table));
    AFL_ASSIGN(const auto identity, postgres::ReadIdentity(source, relation));
    key = identity.columns;
    for (std::string& column : key) column = pipeline::ArrivesAs(column, integration);
  }
  return pipeline::CurrentRows(integration.form, table, key);
}

Status CompareNulls(const Side& source, const Side& destination, Reconciliation& result) {
  std::vector<std::string> source_sql;
  std::vector<std::string> destination_sql;
  std::vector<std::string> names;
  for (const ComparedColumn& column : result.columns) {
    if (column.comparison != Comparison::kNulls) continue;
    names.push_back(column.name);
    source_sql.push_back(column.source_sql);
    destination_sql.push_back(column.destination_sql);
  }
  if (names.empty()) return Done{};
  auto [ours, theirs] = Both([&](bool is_source) {
    return is_source ? source.NotNulls(source_sql) : destination.NotNulls(destination_sql);
  });
  AFL_ASSIGN(const Rows at_source, std::move(ours));
  AFL_ASSIGN(const Rows at_destination, std::move(theirs));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (at_source[0][i + 1].text == at_destination[0][i + 1].text) continue;
    ++result.differences;
    result.notes.push_back(
        fmt::format("column {}: {} values that are not NULL at the source, {} at "
                    "the destination",
                    names[i], at_source[0][i + 1].text, at_destination[0][i + 1].text));
  }
  return Done{};
}

}  // namespace

std::string_view NameOf(DifferenceKind kind) {
  switch (kind) {
    case DifferenceKind::kMissing:
      return "missing";
    case DifferenceKind::kExtra:
      return "extra";
    case DifferenceKind::kDifferent:
      return "different";
  }
  return "different";
}

Result<Reconciliation> Reconcile(const postgres::Endpoint& endpoint,
                                 const estate::Integration& integration,
                                 const std::string& mask_salt, const std::string& table,
                                 duckdb_connection connection) {
  AFL_ASSIGN(auto described, duck::DescribeSelect(connection, "SELECT * FROM " + table));
  AFL_ASSIGN(const postgres::Connection source_connection,
             postgres::Connect(endpoint.dsn, endpoint.overrides));
  AFL_ASSIGN(const std::string destination,
             RowsToCompare(source_connection.get(), integration, table, described));
  AFL_ASSIGN(const SourceRows source_rows, OpenSourceRows(source_connection.get(), integration));
  AFL_ASSIGN(const ComparedColumns compared,
             CompareColumns(integration, source_rows.columns, described, connection));

  Reconciliation result;
  result.columns = compared.columns;
  std::vector<std::string> names;
  std::vector<std::string> source_sql;
  std::vector<std::string> destination_sql;
  for (const ComparedColumn& column : compared.columns) {
    if (column.comparison != Comparison::kValue) continue;
    names.push_back(column.name);
    source_sql.push_back(column.source_sql);
    destination_sql.push_back(column.destination_sql);
  }
  std::vector<std::size_t> key;
  for (const std::string& name : integration.destination.key) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      result.notes.push_back(fmt::format("key column {} cannot be compared by value", name));
      key.clear();
      break;
    }
    key.push_back(static_cast<std::size_t>(found - names.begin()));
  }
  const Side source(Side::Dialect::kPostgres, source_rows.from, source_sql, key,
                    RunOnPostgres(source_connection.get(),
                                  compared.uses_hash ? MakeHashPads(mask_salt) : HashPads{}));
  const Side at_destination(
      Side::Dialect::kDuckdb, destination + " WHERE true", destination_sql, key,
      [connection](const std::string& sql) { return data::QueryCells(connection, sql); });

  if (!compared.rows_match) {
    AFL_ASSIGN(const Rows here, source.NotNulls({}));
    AFL_ASSIGN(const Rows there, at_destination.NotNulls({}));
    result.source_rows = std::stoull(here[0][0].text);
    result.destination_rows = std::stoull(there[0][0].text);
    result.notes.emplace_back(
        "the transform filters, joins or multiplies rows: counts are shown, nothing is compared");
    return result;
  }
  AFL_TRY(Comparer(source, at_destination, names, key, result).Run());
  AFL_TRY(CompareNulls(source, at_destination, result));
  return result;
}

}  // namespace afluente::comparison

#include "connectors/postgres/fetched_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/names.h"
#include "connectors/postgres/catalog.h"
#include "connectors/postgres/source.h"
#include "pipeline/shaping.h"

namespace afluente::postgres {
namespace {

// A read in one lane, of an integration that is a variant of the declared one.
struct Read {
  estate::Integration integration;
  std::unique_ptr<pipeline::Source> source;
  std::unique_ptr<data::BatchReader> lane;  // Goes before its source does.

  Status Open(const Endpoint& endpoint, pipeline::Progress& progress, const std::stop_token& stop) {
    integration.mode = estate::Mode::kSnapshot;
    integration.parallel = 1;
    AFL_ASSIGN(source, OpenSource(endpoint, integration, std::nullopt, progress));
    AFL_ASSIGN(lane, source->OpenLane(stop));
    return Done{};
  }
};

class FetchedChanges final : public pipeline::TableChanges {
 public:
  FetchedChanges(const estate::Integration& integration, std::vector<std::string> key,
                 std::size_t keys)
      : integration_(integration), key_(std::move(key)), keys_(keys) {}

  Read keys_read;
  Read rows_read;
  pipeline::Progress uncounted;  // Of the keys, which are no rows of the source.

  const estate::Integration& integration() const override { return integration_; }
  const data::Schema& schema() const override { return rows_read.source->schema(); }
  std::uint64_t schema_version() const override { return 1; }
  const std::vector<std::string>& key() const override { return key_; }
  std::vector<std::string> columns_with_defaults() const override { return {}; }
  std::unique_ptr<data::BatchReader> ReadDefaults() override { return nullptr; }
  std::optional<WallTime> truncated_at() const override { return std::nullopt; }
  std::uint64_t changes() const override { return keys_; }
  std::size_t keys() const override { return keys_; }
  std::size_t marked_keys() const override { return 0; }
  const data::Schema& marked_schema() const override { return key_schema(); }
  std::unique_ptr<data::BatchReader> ReadMarkedKeys() override { return nullptr; }
  std::size_t rows() const override { return keys_; }
  std::size_t incomplete_rows() const override { return 0; }
  const data::Schema& key_schema() const override { return keys_read.source->schema(); }
  std::unique_ptr<data::BatchReader> ReadKeys() override { return std::move(keys_read.lane); }
  std::unique_ptr<data::BatchReader> ReadRows() override { return std::move(rows_read.lane); }
  const data::Schema& incomplete_schema() const override { return schema(); }
  std::unique_ptr<data::BatchReader> ReadIncompleteRows() override { return nullptr; }

 private:
  const estate::Integration& integration_;
  const std::vector<std::string> key_;  // Source columns.
  const std::size_t keys_;
};

Result<std::vector<CatalogColumn>> DescribeSource(const Endpoint& endpoint,
                                                  const estate::Integration& integration) {
  AFL_ASSIGN(const Connection connection, Connect(endpoint.dsn, endpoint.overrides));
  if (!integration.source.query.empty()) {
    return DescribeQuery(connection.get(), integration.source.query);
  }
  AFL_ASSIGN(const RelationName name, FindRelation(connection.get(), integration.source.table));
  return DescribeColumns(connection.get(), name);
}

// "('1'::bigint, 'a'::text), ..."; every type is named, so that the server need not guess.
Result<std::string> KeyList(const estate::Integration& integration,
                            const std::vector<std::string>& key,
                            const std::vector<CatalogColumn>& columns,
                            const std::vector<std::vector<std::string>>& values) {
  std::vector<std::string> types;
  for (const std::string& name : key) {
    const auto found = std::find_if(columns.begin(), columns.end(),
                                    [&](const CatalogColumn& has) { return has.name == name; });
    if (found == columns.end()) {
      return Error(ErrorKind::kNotFound,
                   fmt::format("{}: key column \"{}\" is not in the source",
                               integration.destination.mark.ToString(), name));
    }
    types.push_back(found->type_name);
  }
  std::string list;
  for (const auto& row : values) {
    std::string cells;
    for (std::size_t i = 0; i < types.size(); ++i) {
      cells +=
          fmt::format("{}{}::{}", cells.empty() ? "" : ", ", QuoteLiteral(row.at(i)), types[i]);
    }
    list += fmt::format("{}({})", list.empty() ? "" : ", ", cells);
  }
  return list;
}

}  // namespace

Result<std::unique_ptr<pipeline::TableChanges>> FetchRows(
    const Endpoint& endpoint, const estate::Integration& integration,
    const std::vector<std::vector<std::string>>& keys, pipeline::Progress& progress,
    const std::stop_token& stop) {
  std::vector<std::string> key;
  std::vector<std::string> quoted;
  for (const std::string& name : integration.destination.key) {
    key.push_back(pipeline::ComesFrom(name, integration));
    quoted.push_back(QuoteIdentifier(key.back()));
  }
  AFL_ASSIGN(const auto columns, DescribeSource(endpoint, integration));
  AFL_ASSIGN(const std::string list, KeyList(integration, key, columns, keys));
  const std::string names = fmt::format("{}", fmt::join(quoted, ", "));
  auto changes = std::make_unique<FetchedChanges>(integration, key, keys.size());

  estate::Integration& of_keys = changes->keys_read.integration;
  of_keys = integration;
  of_keys.where.clear();
  of_keys.source.table.clear();
  of_keys.source.query = fmt::format("SELECT * FROM (VALUES {}) AS k({})", list, names);
  std::erase_if(of_keys.columns, [&](const auto& rule) {
    return std::find(key.begin(), key.end(), rule.first) == key.end();
  });
  for (auto& [name, rule] : of_keys.columns) rule.include = false;

  estate::Integration& of_rows = changes->rows_read.integration;
  of_rows = integration;
  const std::string chosen = fmt::format("({}) IN ({})", names, list);
  if (integration.source.query.empty()) {
    of_rows.where =
        integration.where.empty() ? chosen : fmt::format("(\n{}\n) AND {}", of_rows.where, chosen);
  } else {
    of_rows.source.query =
        fmt::format("SELECT * FROM (\n{}\n) AS q WHERE {}", integration.source.query, chosen);
  }
  AFL_TRY(changes->keys_read.Open(endpoint, changes->uncounted, stop));
  AFL_TRY(changes->rows_read.Open(endpoint, progress, stop));
  return std::unique_ptr<pipeline::TableChanges>(std::move(changes));
}

}  // namespace afluente::postgres

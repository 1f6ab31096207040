#include "connectors/objectstore/lake_views.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "base/names.h"
#include "connectors/objectstore/manifest.h"

namespace afluente::lake {
namespace {

// What integrations and split tasks write there.
std::set<std::string> AddressesOf(const estate::Estate& estate) {
  std::set<std::string> addresses;
  for (const auto& [name, integration] : estate.integrations) {
    if (integration.destination.lake) addresses.insert(integration.destination.lake->ToString());
  }
  for (const auto& [name, dag] : estate.dags) {
    for (const estate::Task& task : dag.tasks) {
      const auto* split = std::get_if<estate::SplitTask>(&task.action);
      if (split != nullptr) addresses.insert(split->into.ToString());
    }
  }
  return addresses;
}

}  // namespace

Status CreateLakeViews(duckdb_connection connection, const estate::Estate& estate,
                       const std::filesystem::path& root) {
  bool has_schema = false;
  for (const std::string& address : AddressesOf(estate)) {
    AFL_ASSIGN(const auto manifest, ReadManifest(root / address));
    if (!manifest || manifest->files.empty()) continue;
    if (!has_schema) AFL_TRY(data::Execute(connection, "CREATE SCHEMA IF NOT EXISTS lake"));
    has_schema = true;
    std::vector<std::string> files;
    for (const auto& file : manifest->files) {
      files.push_back(QuoteLiteral((root / address / file.name).string()));
    }
    AFL_TRY(data::Execute(
        connection,
        fmt::format("CREATE OR REPLACE VIEW lake.{} AS SELECT * FROM read_parquet([{}], "
                    "union_by_name = true)",
                    QuoteIdentifier(address), fmt::join(files, ", "))));
  }
  return Done{};
}

}  // namespace afluente::lake

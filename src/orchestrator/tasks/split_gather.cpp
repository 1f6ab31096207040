#include "orchestrator/tasks/split_gather.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/names.h"
#include "connectors/duckdb/evolution.h"
#include "connectors/objectstore/manifest.h"
#include "inference/statistics.h"
#include "orchestrator/tasks/split_export.h"

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPositionKind = "split";
constexpr std::size_t kStrataTold = 200;  // In the report; the others are counted.

std::string FileList(const fs::path& lake, const std::vector<lake::ManifestFile>& files) {
  std::vector<std::string> names;
  for (const lake::ManifestFile& file : files) {
    names.push_back(QuoteLiteral((lake / file.name).string()));
  }
  return fmt::format("read_parquet([{}])", fmt::join(names, ", "));
}

// An attempt before may have moved some of them.
Status MoveInto(const fs::path& lake, const std::vector<ShardOutput>& outputs) {
  std::error_code failed;
  fs::create_directories(lake, failed);
  for (const ShardOutput& output : outputs) {
    if (!fs::exists(output.file, failed) && fs::exists(lake / output.name, failed)) continue;
    fs::rename(output.file, lake / output.name, failed);
    if (failed) {
      return Error(ErrorKind::kInternal,
                   fmt::format("{}: {}", (lake / output.name).string(), failed.message()));
    }
  }
  return Done{};
}

Result<lake::Manifest> Describe(duckdb_connection connection, const fs::path& lake,
                                const std::vector<ShardOutput>& outputs) {
  lake::Manifest manifest;
  for (const ShardOutput& output : outputs) {
    const std::string from =
        fmt::format("FROM read_parquet({})", QuoteLiteral((lake / output.name).string()));
    AFL_ASSIGN(const auto columns, duck::DescribeSelect(connection, "SELECT * " + from));
    AFL_ASSIGN(const auto count, data::QueryCells(connection, "SELECT count(*) " + from));
    std::vector<lake::ManifestColumn> shape;
    for (const duck::TableColumn& column : columns) shape.push_back({column.name, column.type});
    const auto is_same = [](const lake::ManifestColumn& a, const lake::ManifestColumn& b) {
      return a.name == b.name && a.type == b.type;
    };
    if (manifest.files.empty()) {
      manifest.columns = shape;
    } else if (!std::equal(shape.begin(), shape.end(), manifest.columns.begin(),
                           manifest.columns.end(), is_same)) {
      return Error(ErrorKind::kSchemaMismatch,
                   fmt::format("shard {} left other columns than shard 0: every worker must write "
                               "the same ones, in the same order, also when it has no rows",
                               manifest.files.size()));
    }
    std::error_code failed;
    manifest.files.push_back({output.name, std::stoull(count.front().front().text),
                              fs::file_size(lake / output.name, failed)});
  }
  return manifest;
}

Status CheckCounts(const lake::Manifest& manifest, const std::vector<std::uint64_t>& expected) {
  for (std::size_t shard = 0; shard < expected.size(); ++shard) {
    if (manifest.files[shard].rows == expected[shard]) continue;
    return Error(ErrorKind::kConversion,
                 fmt::format("shard {} was given {} rows and left {}: clear its task, and what "
                             "comes after it",
                             shard, expected[shard], manifest.files[shard].rows));
  }
  return Done{};
}

struct Stratum {
  nlohmann::json values;
  std::map<std::string, double> arms;
  double rows = 0;
};

Result<std::vector<Stratum>> ReadStrata(duckdb_connection connection,
                                        const estate::SplitTask& split, const std::string& files) {
  std::string strata;
  for (const std::string& name : split.assign->strata) strata += QuoteIdentifier(name) + ", ";
  AFL_ASSIGN(const auto cells,
             data::QueryCells(connection, fmt::format("SELECT {0}{1}, count(*) AS "
                                                      "_afluente_count FROM {2} GROUP BY ALL "
                                                      "ORDER BY {0}{1}",
                                                      strata, inference::kArmColumn, files)));
  std::vector<Stratum> all;
  const std::size_t width = split.assign->strata.size();
  for (const auto& row : cells) {
    nlohmann::json values = nlohmann::json::object();
    for (std::size_t i = 0; i < width; ++i) {
      values[split.assign->strata[i]] =
          row[i].valid ? nlohmann::json(row[i].text) : nlohmann::json();
    }
    if (all.empty() || all.back().values != values) all.push_back({std::move(values), {}, 0});
    const double count = std::stod(row[width + 1].text);
    all.back().arms[row[width].text] = count;
    all.back().rows += count;
  }
  return all;
}

// How far the arms are from their shares: in all, and where it is worst.
nlohmann::json Balance(const std::vector<Stratum>& strata, const estate::Assignment& assign) {
  const std::vector<inference::Arm> arms = ArmsOf(assign);
  std::vector<double> observed(arms.size());
  std::vector<double> expected(arms.size());
  double rows = 0;
  nlohmann::json worst = {{"rows", 0.0}};
  nlohmann::json told = nlohmann::json::array();
  for (const Stratum& stratum : strata) {
    rows += stratum.rows;
    for (std::size_t i = 0; i < arms.size(); ++i) {
      const auto found = stratum.arms.find(arms[i].name);
      const double count = found == stratum.arms.end() ? 0 : found->second;
      observed[i] += count;
      const double deviation = std::abs(count - stratum.rows * arms[i].weight);
      if (deviation <= worst["rows"].get<double>()) continue;
      worst = {{"rows", deviation}, {"stratum", stratum.values}, {"arm", arms[i].name}};
    }
    if (told.size() < kStrataTold)
      told.push_back({{"stratum", stratum.values}, {"arms", stratum.arms}});
  }
  nlohmann::json by_arm;
  double share_deviation = 0;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    expected[i] = rows * arms[i].weight;
    const double share = rows > 0 ? observed[i] / rows : 0;
    if (rows > 0) share_deviation = std::max(share_deviation, std::abs(share - arms[i].weight));
    by_arm[arms[i].name] = {{"rows", observed[i]}, {"share", share}, {"ideal", arms[i].weight}};
  }
  return {{"experiment", assign.experiment},
          {"arms", by_arm},
          {"strata", strata.size()},
          {"largest_deviation", worst},
          {"largest_share_deviation", share_deviation},
          {"chi_squared_p", inference::ChiSquaredP(observed, expected)},
          {"by_stratum", told}};
}

Result<Gathered> Report(duckdb_connection connection, const estate::SplitTask& split,
                        const fs::path& lake, const lake::Manifest& manifest) {
  Gathered gathered;
  nlohmann::json report = {{"into", split.into.ToString()}, {"shards", nlohmann::json::array()}};
  for (const lake::ManifestFile& file : manifest.files) {
    gathered.rows += file.rows;
    report["shards"].push_back(file.rows);
  }
  report["rows"] = gathered.rows;
  if (split.assign) {
    const std::string files = FileList(lake, manifest.files);
    AFL_ASSIGN(const auto strata, ReadStrata(connection, split, files));
    report["balance"] = Balance(strata, *split.assign);
    AFL_ASSIGN(const auto fresh,
               data::QueryCells(connection,
                                fmt::format("SELECT count(*) FILTER (\"{0}\" = last) FROM {1}, "
                                            "(SELECT max(\"{0}\") AS last FROM {1})",
                                            inference::kAssignedColumn, files)));
    report["balance"]["newest_rows"] = std::stoull(fresh.front().front().text);
  }
  gathered.report = report.dump();
  return gathered;
}

}  // namespace

Result<bool> IsGathered(const fs::path& lake, const std::string& position) {
  AFL_ASSIGN(const auto manifest, lake::ReadManifest(lake));
  return manifest && manifest->position.kind == kPositionKind &&
         manifest->position.value == position;
}

Result<Gathered> Gather(duckdb_connection connection, const estate::SplitTask& split,
                        const std::string& task, const std::string& position,
                        const std::vector<ShardOutput>& outputs,
                        const std::vector<std::uint64_t>& expected_rows, const fs::path& lake) {
  AFL_ASSIGN(const bool is_gathered, IsGathered(lake, position));
  if (is_gathered) {
    AFL_ASSIGN(const auto standing, lake::ReadManifest(lake));
    return Report(connection, split, lake, *standing);
  }
  AFL_TRY(MoveInto(lake, outputs));
  AFL_ASSIGN(lake::Manifest manifest, Describe(connection, lake, outputs));
  if (split.assign) AFL_TRY(CheckCounts(manifest, expected_rows));
  manifest.integration = task;
  manifest.position = {kPositionKind, position};
  AFL_TRY(lake::WriteManifest(lake, manifest));
  lake::RemoveUnlisted(lake, manifest);
  return Report(connection, split, lake, manifest);
}

}  // namespace afluente::orchestrator

#include "orchestrator/tasks/split_export.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/durable_file.h"
#include "base/names.h"
#include "connectors/duckdb/stage_keys.h"
#include "connectors/objectstore/manifest.h"
#include "orchestrator/tasks/pieces.h"

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHash = "_afluente_hash";
constexpr const char* kShard = "_afluente_shard";
constexpr const char* kRange = "18446744073709551616.0";  // Of a hash: 2^64.
// Of this connection alone; gone with it.
constexpr const char* kRowsTable = "temp._afluente_split_rows";

// Which arms earlier results gave, as a table expression with the key, kept and since.
Result<std::string> KeptArms(const estate::SplitTask& split, const fs::path& lake) {
  const std::string none =
      fmt::format("(SELECT {}, NULL::VARCHAR AS {}, NULL::TIMESTAMPTZ AS {} FROM {} LIMIT 0)",
                  QuotedList(split.key), inference::kKeptColumn, inference::kSinceColumn,
                  duck::SqlName(split.table));
  AFL_ASSIGN(const auto manifest, lake::ReadManifest(lake));
  if (!manifest || manifest->files.empty()) return none;
  std::vector<std::string> wanted = split.key;
  wanted.insert(wanted.end(),
                {inference::kArmColumn, inference::kExperimentColumn, inference::kAssignedColumn});
  for (const std::string& name : wanted) {
    // The result of something else: nothing there that could be kept.
    if (std::none_of(manifest->columns.begin(), manifest->columns.end(),
                     [&](const auto& column) { return column.name == name; })) {
      return none;
    }
  }
  std::vector<std::string> files;
  for (const lake::ManifestFile& file : manifest->files) {
    files.push_back(QuoteLiteral((lake / file.name).string()));
  }
  std::vector<std::string> arms;
  for (const auto& [arm, weight] : split.assign->arms) arms.push_back(QuoteLiteral(arm));
  return fmt::format(
      "(SELECT {}, {} AS {}, {} AS {} FROM read_parquet([{}]) WHERE {} = {} AND {} IN ({}))",
      QuotedList(split.key), inference::kArmColumn, inference::kKeptColumn,
      inference::kAssignedColumn, inference::kSinceColumn, fmt::join(files, ", "),
      inference::kExperimentColumn, QuoteLiteral(split.assign->experiment), inference::kArmColumn,
      fmt::join(arms, ", "));
}

// Ranges of the hash rather than its remainder: then the rank of a row within its stratum, over all
// shards, is one number, and the same however many shards there are.
std::string HashedRows(const estate::SplitTask& split, const std::string& seed,
                       const std::string& columns, const std::string& where) {
  const std::string hash =
      fmt::format("md5_number_lower({} || {})", QuoteLiteral(seed + ":"), KeyText(split.key));
  return fmt::format(
      "SELECT {0}, {1} AS {2}, CAST(least({3} - 1, floor({1} / {4} * {3})) AS INTEGER) AS {5} "
      "FROM {6} WHERE {7}",
      columns, hash, kHash, split.shards, kRange, kShard, duck::SqlName(split.table), where);
}

std::string AssignedRows(const estate::SplitTask& split, const std::string& rows,
                         const std::string& kept) {
  const auto of_row = [](const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) list += "r." + QuoteIdentifier(name) + ", ";
    return list;
  };
  std::string same_key;
  for (const std::string& key : split.key) {
    same_key +=
        fmt::format("{0}r.{1} = k.{1}", same_key.empty() ? "" : " AND ", QuoteIdentifier(key));
  }
  const std::string stratum = split.assign->strata.empty() ? "''" : KeyText(split.assign->strata);
  return fmt::format(
      "SELECT *, CASE WHEN {0} IS NULL THEN row_number() OVER (PARTITION BY {1}, {0} IS NULL ORDER "
      "BY {2}, {3}) - 1 END AS {4} FROM (SELECT {5}{6}r.{2}, r.{7}, {8} AS {1}, k.{0}, k.{9} FROM "
      "({10}) AS r LEFT JOIN {11} AS k ON {12})",
      inference::kKeptColumn, inference::kStratumColumn, kHash, QuotedList(split.key),
      inference::kRankColumn, of_row(split.key), of_row(split.assign->strata), kShard, stratum,
      inference::kSinceColumn, rows, kept, same_key);
}

std::string StrataSelect(const estate::Assignment& assign,
                         const std::vector<inference::Arm>& arms) {
  std::vector<std::string> taken;
  for (const inference::Arm& arm : arms) {
    taken.push_back(
        fmt::format("count(*) FILTER ({} = {})", inference::kKeptColumn, QuoteLiteral(arm.name)));
  }
  return fmt::format(
      "SELECT {0}, md5_number_lower({1} || {0}) / {2} AS {3}, count({4}) AS {5}, [{6}] AS {7} "
      "FROM {8} GROUP BY {0} ORDER BY {0}",
      inference::kStratumColumn, QuoteLiteral(assign.experiment + ":"), kRange,
      inference::kPhaseColumn, inference::kRankColumn, inference::kFreshColumn,
      fmt::join(taken, ", "), inference::kTakenColumn, kRowsTable);
}

Status CheckAssign(duckdb_connection connection, const estate::SplitTask& split,
                   const std::string& where, const std::vector<duck::TableColumn>& columns) {
  AFL_TRY(CheckColumns("strata", split.assign->strata, split.table, columns));
  std::vector<std::string> names = split.key;
  names.insert(names.end(), split.assign->strata.begin(), split.assign->strata.end());
  for (const std::string& name : names) {
    for (const char* own :
         {inference::kArmColumn, inference::kExperimentColumn, inference::kAssignedColumn}) {
      if (name != own) continue;
      return Error(ErrorKind::kInvalidConfig,
                   fmt::format("column {} would stand twice in the result, which has one of that "
                               "name: name it otherwise in a model",
                               name));
    }
  }
  return duck::CheckKeys(
      connection, fmt::format("(SELECT * FROM {} WHERE {})", duck::SqlName(split.table), where),
      split.key);
}

Status Copy(duckdb_connection connection, const std::string& select, const fs::path& file) {
  AFL_TRY(
      data::Execute(connection, fmt::format("COPY ({}) TO {} (FORMAT parquet, COMPRESSION zstd)",
                                            select, QuoteLiteral(file.string()))));
  return SyncPath(file);
}

// Numbers of kShard and others of ours are no columns of the shard.
Status CopyShards(duckdb_connection connection, const estate::SplitTask& split,
                  const std::string& rows, const std::string& order, const fs::path& folder) {
  for (int shard = 0; shard < split.shards; ++shard) {
    AFL_TRY(Copy(connection,
                 fmt::format("SELECT * EXCLUDE ({}, {}) FROM {} WHERE {} = {} ORDER BY {}", kHash,
                             kShard, rows, kShard, shard, order),
                 folder / ShardFile(shard)));
  }
  return Done{};
}

}  // namespace

std::string ShardFile(int shard) { return fmt::format("shard-{}.parquet", shard); }

std::vector<inference::Arm> ArmsOf(const estate::Assignment& assign) {
  double sum = 0;
  for (const auto& [name, weight] : assign.arms) sum += weight;
  std::vector<inference::Arm> arms;
  for (const auto& [name, weight] : assign.arms) arms.push_back({name, weight / sum});
  return arms;
}

Result<std::uint64_t> ExportShards(duckdb_connection connection, const estate::SplitTask& split,
                                   const estate::TemplateValues& values, WallTime nominal,
                                   const fs::path& lake, const fs::path& folder) {
  AFL_ASSIGN(const auto columns, ColumnsOf(connection, split.table));
  AFL_TRY(CheckColumns("key", split.key, split.table, columns));
  AFL_ASSIGN(const std::string where, Condition(split.where, values));
  std::string rows = "(" + HashedRows(split, "", "*", where) + ")";
  std::string order = QuotedList(split.key);
  if (split.assign) {
    AFL_TRY(CheckAssign(connection, split, where, columns));
    std::vector<std::string> names = split.key;
    names.insert(names.end(), split.assign->strata.begin(), split.assign->strata.end());
    AFL_ASSIGN(const std::string kept, KeptArms(split, lake));
    AFL_TRY(data::Execute(connection,
                          fmt::format("CREATE TEMP TABLE {} AS {}", kRowsTable,
                                      AssignedRows(split,
                                                   HashedRows(split, split.assign->experiment,
                                                              QuotedList(names), where),
                                                   kept))));
    rows = kRowsTable;
    const inference::AssignSpec spec{split.assign->experiment, ArmsOf(*split.assign), split.key,
                                     split.assign->strata, FormatRfc3339(nominal)};
    AFL_TRY(Copy(connection, StrataSelect(*split.assign, spec.arms), folder / "strata.parquet"));
    AFL_TRY(ReplaceFile(folder / "spec.json", ToJson(spec).dump(2) + "\n"));
  }
  AFL_TRY(CopyShards(connection, split, rows, order, folder));
  AFL_ASSIGN(const auto count,
             data::QueryCells(connection, fmt::format("SELECT count(*) FROM {}", rows)));
  return std::stoull(count.front().front().text);
}

}  // namespace afluente::orchestrator

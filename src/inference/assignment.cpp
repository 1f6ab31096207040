#include "inference/assignment.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/names.h"
#include "inference/appender.h"
#include "inference/scratch.h"

namespace afluente::inference {
namespace {

namespace fs = std::filesystem;

// The ranks of one stratum that are in this shard.
struct Ranks {
  std::string stratum;
  double phase = 0;
  std::uint64_t fresh = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::vector<std::uint64_t> taken;
};

Result<std::vector<Ranks>> ReadRanks(duckdb_connection connection, const std::string& shard,
                                     const std::string& strata, std::size_t arms) {
  std::string taken;
  for (std::size_t arm = 1; arm <= arms; ++arm) {
    taken += fmt::format(", {}[{}]", kTakenColumn, arm);
  }
  AFL_ASSIGN(const auto rows,
             data::QueryCells(connection,
                              fmt::format("SELECT s.{0}, {1}, {2}, first, last{3} FROM (SELECT "
                                          "{0}, min({4}) AS first, max({4}) AS last FROM "
                                          "read_parquet({5}) WHERE {4} IS NOT NULL GROUP BY {0}) "
                                          "AS r JOIN read_parquet({6}) AS s USING ({0}) "
                                          "ORDER BY s.{0}",
                                          kStratumColumn, kPhaseColumn, kFreshColumn, taken,
                                          kRankColumn, shard, strata)));
  std::vector<Ranks> all;
  for (const auto& row : rows) {
    Ranks& ranks = all.emplace_back();
    ranks = {row[0].text,
             std::stod(row[1].text),
             std::stoull(row[2].text),
             std::stoull(row[3].text),
             std::stoull(row[4].text),
             {}};
    constexpr std::size_t kTakenAt = 5;
    for (std::size_t arm = 0; arm < arms; ++arm) {
      ranks.taken.push_back(std::stoull(row[kTakenAt + arm].text));
    }
  }
  return all;
}

Status AppendArms(DuckAppender& appender, const std::vector<Arm>& arms, const Ranks& ranks) {
  ArmSequence sequence(arms, ranks.phase, ranks.taken, ranks.fresh);
  for (std::uint64_t rank = 0; rank <= ranks.last; ++rank) {
    const std::size_t arm = sequence.Next();
    if (rank < ranks.first) continue;
    duckdb_appender raw = appender.get();
    AFL_TRY(CheckAppend(
        appender, duckdb_append_varchar_length(raw, ranks.stratum.data(), ranks.stratum.size())));
    AFL_TRY(CheckAppend(appender, duckdb_append_int64(raw, static_cast<std::int64_t>(rank))));
    AFL_TRY(CheckAppend(
        appender, duckdb_append_varchar_length(raw, arms[arm].name.data(), arms[arm].name.size())));
    AFL_TRY(CheckAppend(appender, duckdb_appender_end_row(raw)));
  }
  return Done{};
}

std::string ColumnList(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += "r." + QuoteIdentifier(name) + ", ";
  return list;
}

}  // namespace

std::vector<std::uint64_t> TargetsOf(const std::vector<Arm>& arms, std::uint64_t rows,
                                     double phase) {
  std::vector<std::uint64_t> targets;
  double weight = 0;
  std::uint64_t before = 0;
  for (std::size_t arm = 0; arm < arms.size(); ++arm) {
    weight += arms[arm].weight;
    const double until = std::ceil(static_cast<double>(rows) * weight - phase);
    // Weights in floating point do not quite sum to 1.
    const std::uint64_t upto =
        arm + 1 == arms.size()
            ? rows
            : std::clamp(static_cast<std::uint64_t>(std::max(until, 0.0)), before, rows);
    targets.push_back(upto - before);
    before = upto;
  }
  return targets;
}

ArmSequence::ArmSequence(const std::vector<Arm>& arms, double phase,
                         const std::vector<std::uint64_t>& taken, std::uint64_t fresh)
    : arms_(arms) {
  std::uint64_t rows = fresh;
  for (const std::uint64_t count : taken) rows += count;
  for (const std::uint64_t target : TargetsOf(arms, rows, phase)) {
    const std::uint64_t kept = taken[lacking_.size()];
    lacking_.push_back(static_cast<double>(target) - static_cast<double>(kept));
  }
}

// In turns, the more often the heavier the arm: rows of any stretch of the order are balanced too.
std::size_t ArmSequence::Next() {
  std::size_t next = 0;
  for (std::size_t arm = 1; arm < arms_.size(); ++arm) {
    if (lacking_[arm] * arms_[next].weight > lacking_[next] * arms_[arm].weight) next = arm;
  }
  lacking_[next] -= 1;
  return next;
}

nlohmann::json ToJson(const AssignSpec& spec) {
  nlohmann::json arms = nlohmann::json::array();
  for (const Arm& arm : spec.arms) arms.push_back({{"name", arm.name}, {"weight", arm.weight}});
  return {{"experiment", spec.experiment},
          {"arms", arms},
          {"key", spec.key},
          {"strata", spec.strata},
          {"assigned_at", spec.assigned_at}};
}

AssignSpec AssignSpecFromJson(const nlohmann::json& json) {
  AssignSpec spec;
  spec.experiment = json.at("experiment");
  for (const nlohmann::json& arm : json.at("arms")) {
    spec.arms.push_back({arm.at("name"), arm.at("weight")});
  }
  spec.key = json.at("key").get<std::vector<std::string>>();
  spec.strata = json.at("strata").get<std::vector<std::string>>();
  spec.assigned_at = json.at("assigned_at");
  return spec;
}

Status Assign(const fs::path& input, const fs::path& output) {
  const fs::path folder = input.parent_path();
  AFL_ASSIGN(const nlohmann::json json, ReadJson(folder / "spec.json"));
  const AssignSpec spec = AssignSpecFromJson(json);
  AFL_ASSIGN(const Scratch scratch, Scratch::Open());
  const std::string shard = QuoteLiteral(input.string());
  AFL_ASSIGN(const std::vector<Ranks> strata,
             ReadRanks(scratch.connection(), shard,
                       QuoteLiteral((folder / "strata.parquet").string()), spec.arms.size()));
  AFL_TRY(data::Execute(scratch.connection(),
                        "CREATE TABLE arms(stratum VARCHAR, rank BIGINT, arm VARCHAR)"));
  {
    DuckAppender appender;
    AFL_TRY(CheckAppend(
        appender, duckdb_appender_create(scratch.connection(), nullptr, "arms", appender.out())));
    for (const Ranks& ranks : strata) AFL_TRY(AppendArms(appender, spec.arms, ranks));
    AFL_TRY(CheckAppend(appender, duckdb_appender_close(appender.get())));
  }
  std::vector<std::string> order;
  for (const std::string& key : spec.key) order.push_back("r." + QuoteIdentifier(key));
  return data::Execute(
      scratch.connection(),
      fmt::format("COPY (SELECT {}{}coalesce(r.{}, a.arm) AS {}, {} AS {}, coalesce(r.{}, CAST({} "
                  "AS TIMESTAMPTZ)) AS {} FROM read_parquet({}) AS r LEFT JOIN arms AS a ON "
                  "a.stratum = r.{} AND a.rank = r.{} ORDER BY {}) TO {} (FORMAT parquet, "
                  "COMPRESSION zstd)",
                  ColumnList(spec.key), ColumnList(spec.strata), kKeptColumn, kArmColumn,
                  QuoteLiteral(spec.experiment), kExperimentColumn, kSinceColumn,
                  QuoteLiteral(spec.assigned_at), kAssignedColumn, shard, kStratumColumn,
                  kRankColumn, fmt::join(order, ", "), QuoteLiteral(output.string())));
}

}  // namespace afluente::inference

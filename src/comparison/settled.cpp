#include "comparison/settled.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace afluente::comparison {
namespace {

constexpr int kSameLooks = 3;  // That make a difference.
constexpr int kLooksMax = 6;

// key_hash, source_hash, destination_hash, looks: in how many looks in a row.
constexpr const char* kCandidates = "temp._afluente_candidates";
constexpr const char* kSettled = "temp._afluente_settled";

Result<std::vector<std::string>> Texts(duckdb_connection connection, const std::string& sql) {
  AFL_ASSIGN(const auto rows, data::QueryCells(connection, sql));
  std::vector<std::string> texts;
  for (const auto& row : rows) texts.push_back(row.front().text);
  return texts;
}

class Looks {
 public:
  Looks(const estate::Estate& estate, const estate::Integration& integration,
        duckdb_connection connection, const std::function<Status()>& catch_up,
        const std::stop_token& stop)
      : estate_(estate),
        integration_(integration),
        connection_(connection),
        catch_up_(catch_up),
        stop_(stop) {}

  Result<Reconciliation> Run() {
    AFL_TRY(catch_up_());
    AFL_TRY(Open());
    const bool by_nulls = std::any_of(
        pair_->compared().columns.begin(), pair_->compared().columns.end(),
        [](const ComparedColumn& column) { return column.comparison == Comparison::kNulls; });
    if (pair_->key().empty() || by_nulls || !pair_->compared().rows_match) return RunAsAWhole();
    result_.key = pair_->key();
    result_.columns = pair_->compared().columns;
    AFL_ASSIGN(const ComparedSlices slices, CompareSlices(*pair_));
    result_.source_rows = slices.source_rows;
    result_.destination_rows = slices.destination_rows;
    if (slices.differing.empty()) return result_;
    AFL_ASSIGN(const auto first, FindDifferingRows(*pair_, slices.digits, slices.differing));
    AFL_TRY(Execute(fmt::format("CREATE OR REPLACE TEMP TABLE {} AS SELECT *, 1 AS looks FROM {}",
                                kCandidates, kDifferingKeys)));
    std::uint64_t open = first.total();
    for (int look = 2; look <= kLooksMax && open > 0; ++look) {
      AFL_ASSIGN(open, LookAgain());
    }
    return Tell();
  }

 private:
  Status Execute(const std::string& sql) { return data::Execute(connection_, sql); }

  Status Open() {
    pair_.reset();
    AFL_ASSIGN(pair_, TablePair::Open(estate_, integration_, connection_, stop_));
    return Done{};
  }

  // How many candidates are neither settled nor gone.
  Result<std::uint64_t> LookAgain() {
    constexpr int kDigits = 4;
    pair_.reset();  // No snapshot is held while others may write for long.
    AFL_TRY(catch_up_());
    AFL_TRY(Open());
    AFL_ASSIGN(const auto slices,
               Texts(connection_, fmt::format("SELECT DISTINCT substr(key_hash, 1, {}) FROM {}",
                                              kDigits, kCandidates)));
    AFL_TRY(FindDifferingRows(*pair_, kDigits, slices));
    AFL_TRY(Execute(fmt::format(
        "CREATE OR REPLACE TEMP TABLE {0} AS SELECT d.*, CASE WHEN c.source_hash IS NOT DISTINCT "
        "FROM d.source_hash AND c.destination_hash IS NOT DISTINCT FROM d.destination_hash THEN "
        "c.looks + 1 ELSE 1 END AS looks FROM {1} AS d JOIN {0} AS c USING (key_hash)",
        kCandidates, kDifferingKeys)));
    AFL_ASSIGN(const auto open,
               Texts(connection_, fmt::format("SELECT count(*) FROM {} WHERE looks < {}",
                                              kCandidates, kSameLooks)));
    return std::stoull(open.front());
  }

  Result<Reconciliation> Tell() {
    AFL_TRY(Execute(fmt::format("CREATE OR REPLACE TEMP TABLE {} AS FROM {} WHERE looks >= {}",
                                kSettled, kCandidates, kSameLooks)));
    AFL_ASSIGN(const auto settled,
               Texts(connection_, fmt::format("SELECT count(*) FROM {}", kSettled)));
    result_.differences = std::stoull(settled.front());
    AFL_ASSIGN(const auto restless,
               Texts(connection_, fmt::format("SELECT count(*) FROM {} WHERE looks < {}",
                                              kCandidates, kSameLooks)));
    if (restless.front() != "0") {
      result_.notes.push_back(fmt::format(
          "{} rows changed each time they were looked at and are not counted", restless.front()));
    }
    AFL_ASSIGN(result_.sample, NameDifferences(*pair_, kSettled));
    return result_;
  }

  Result<Reconciliation> RunAsAWhole() {
    pair_.reset();
    for (int look = 1;; ++look) {
      AFL_ASSIGN(Reconciliation result,
                 CompareWithSource(estate_, integration_, connection_, stop_));
      if (result.differences == 0 || look == kSameLooks) return result;
      AFL_TRY(catch_up_());
    }
  }

  const estate::Estate& estate_;
  const estate::Integration& integration_;
  duckdb_connection connection_;
  const std::function<Status()>& catch_up_;
  const std::stop_token& stop_;
  std::unique_ptr<TablePair> pair_;
  Reconciliation result_;
};

}  // namespace

Result<Reconciliation> CompareSettled(const estate::Estate& estate,
                                      const estate::Integration& integration,
                                      duckdb_connection connection,
                                      const std::function<Status()>& catch_up,
                                      const std::stop_token& stop) {
  return Looks(estate, integration, connection, catch_up, stop).Run().Within([&] {
    return integration.name;
  });
}

}  // namespace afluente::comparison

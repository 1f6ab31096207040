// BigQuery's datasets, tables and jobs. Source: cloud.google.com/bigquery/docs/reference/rest/v2.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "connectors/google/service.h"
#include "estate/address.h"

namespace afluente::bigquery {

struct Table {
  nlohmann::json fields;  // TableSchema.fields
};

struct NewTable {
  nlohmann::json fields;
  std::vector<std::string> key;  // A primary key, not enforced.
  std::map<std::string, std::string> labels = {};
  std::optional<std::chrono::seconds> lives = {};  // Then it goes by itself.
};

/// What a job did.
struct JobDone {
  std::uint64_t bytes_processed = 0;  // Of a query: what it costs.
};

/// One row of a query, as text; nullopt: NULL.
using Row = std::vector<std::optional<std::string>>;

/// Thread-safe. Every call may be repeated: jobs have ids that the caller chooses, so that one
/// whose answer was lost is found again and not done twice.
class Client {
 public:
  /// `location`: where new datasets stand, "southamerica-east1"; "": US, as BigQuery has it.
  /// Borrows the clock.
  Client(std::unique_ptr<google::Service> service, std::string location, const Clock& clock)
      : service_(std::move(service)), location_(std::move(location)), clock_(clock) {}

  /// Finds the dataset or makes it. kInvalidConfig when it stands in another location.
  Status EnsureDataset(const std::string& project, const std::string& dataset,
                       const std::stop_token& stop);
  /// nullopt: no such table, or no such dataset.
  Result<std::optional<Table>> FindTable(const estate::TableAddress& address,
                                         const std::stop_token& stop);
  /// Makes it, if it is not there.
  Status EnsureTable(const estate::TableAddress& address, const NewTable& table,
                     const std::stop_token& stop);
  /// Removes it, if it is there.
  Status DropTable(const estate::TableAddress& address, const std::stop_token& stop);

  /// Appends a Parquet file to a table that is there. `job`: the job's id, [A-Za-z0-9_-]; one
  /// that is known by it already is waited for and not begun again.
  Result<JobDone> LoadParquet(const std::string& job, const estate::TableAddress& address,
                              const std::filesystem::path& file, const std::stop_token& stop);
  /// Runs GoogleSQL, one statement or a script, in `project`.
  Result<JobDone> Execute(const std::string& job, const std::string& project,
                          const std::string& sql, const std::map<std::string, std::string>& labels,
                          const std::stop_token& stop);
  /// The rows of a SELECT: for small answers.
  Result<std::vector<Row>> Select(const std::string& job, const std::string& project,
                                  const std::string& sql, const std::stop_token& stop);

 private:
  std::string Location() const { return location_.empty() ? "US" : location_; }
  nlohmann::json JobReference(const std::string& project, const std::string& job) const;
  Result<std::string> BeginUpload(const std::string& project, const std::string& job,
                                  const nlohmann::json& configuration,
                                  const std::filesystem::path& file, const std::stop_token& stop);
  Result<std::string> Upload(const std::string& session, const std::string& job,
                             const std::filesystem::path& file, const std::stop_token& stop);
  Result<JobDone> Wait(const std::string& project, const std::string& job,
                       const std::stop_token& stop);
  void Cancel(const std::string& project, const std::string& job);

  const std::unique_ptr<google::Service> service_;
  const std::string location_;
  const Clock& clock_;
};

/// The client of this machine: BIGQUERY_EMULATOR_HOST ("http://127.0.0.1:9050") without
/// credentials, or Google's with those of google::DefaultCredentials. Borrows the clock.
Result<std::unique_ptr<Client>> OpenClient(const std::string& location, const Clock& clock);

}  // namespace afluente::bigquery

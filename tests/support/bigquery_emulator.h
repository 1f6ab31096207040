// BigQuery, as somebody else understands it: the emulator that `./dev setup --extras` installs.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "support/process.h"
#include "support/temp_folder.h"

namespace afluente::test {

/// A server of its own, in memory, with one project.
class BigqueryEmulator {
 public:
  /// Why there is none on this machine; nullopt: there is one.
  static std::optional<std::string> Missing();

  /// Throws when it does not answer within a minute.
  explicit BigqueryEmulator(const std::string& project);

  /// "http://127.0.0.1:PORT", for BIGQUERY_EMULATOR_HOST.
  const std::string& url() const { return url_; }
  /// "127.0.0.1:PORT" of its Storage API, for BIGQUERY_STORAGE_EMULATOR_HOST.
  const std::string& storage_host() const { return storage_host_; }
  /// The rows of a query, cells joined by |, NULL as "NULL". Throws for an error.
  std::vector<std::string> Lines(const std::string& sql) const;
  /// "id INTEGER", "tags STRING REPEATED": the columns of dataset.table; none when it is not there.
  std::vector<std::string> Columns(const std::string& dataset, const std::string& table) const;
  /// The tables of a dataset.
  std::vector<std::string> Tables(const std::string& dataset) const;

 private:
  nlohmann::json Send(const std::string& method, const std::string& path,
                      const std::string& body) const;

  TempFolder folder_;
  std::string project_;
  std::string url_;
  std::string storage_host_;
  std::optional<Process> server_;
};

}  // namespace afluente::test

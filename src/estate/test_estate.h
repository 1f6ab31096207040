// An estate in a folder of its own, for tests at Load()'s boundary.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "estate/load.h"

namespace afluente::estate {

inline constexpr const char* kSampleEstate = R"(estate: movva
time_zone: America/Sao_Paulo
currency: BRL
warehouse: { engine: duckdb, path: warehouse }        # relative to the estate's state folder
lake: { url: "file://lake" }
mask_salt: "${env:MASK_SALT}"
inbox: { secret: "${env:INBOX_SECRET}" }
profiles:                                             # --profile gcp overrides what it names
  gcp: { warehouse: { engine: bigquery, location: southamerica-east1 }, lake: { url: "gs://movva-datalake-raw" } }
projects:
  rapidpro-217518: { description: Messaging platform (RapidPro) }
  operations-dashboards: { description: Analytics }
  movva-datalake: {}
  coltrane: {}
connections:
  rapidpro: { type: postgres, project: rapidpro-217518, dsn: "${env:RAPIDPRO_DSN}" }
  app:      { type: postgres, project: operations-dashboards, dsn: "${env:APP_DSN}" }
  events:   { type: pubsub, project: rapidpro-217518 }
)";

inline constexpr const char* kSampleIntegration = R"(integration: contacts
description: RapidPro contacts, as analysts use them
source:      { connection: rapidpro, table: public.contacts }
destination: { table: operations-dashboards.analytics.dim_contacts, key: [id] }
mode: cdc                          # snapshot | incremental | cdc | event | stream
trigger: continuous                # or { cron: "0 22 * * *", zone: America/Sao_Paulo }
columns:
  urn:  { mask: hash, pii: phone }
  name: { mask: redact, pii: name }
on_schema_change: evolve           # evolve | fail | ignore
on_bad_row: fail                   # fail | dead_letter
service_account: api-sa
sla: { max_staleness: 60s, alert: critical }
owner: dados@movva.example
tags: [rapidpro, pii]
)";

/// Removes its folder at the end.
class TestEstate {
 public:
  TestEstate() {
    std::string pattern = (std::filesystem::temp_directory_path() / "estate-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = pattern;
    Write("estate.yaml", kSampleEstate);
  }
  TestEstate(const TestEstate&) = delete;
  TestEstate& operator=(const TestEstate&) = delete;
  ~TestEstate() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  const std::filesystem::path& folder() const { return folder_; }

  void Write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((folder_ / file).parent_path());
    std::ofstream(folder_ / file, std::ios::binary) << text;
  }

  /// The findings of a Load, as people see them.
  std::vector<std::string> Findings(const std::string& profile = "") const {
    const Result<Loaded> loaded = Load(folder_, profile);
    if (!loaded.ok()) return {"Load failed: " + loaded.error().message()};
    std::vector<std::string> texts;
    for (const Finding& finding : loaded.value().findings) texts.push_back(finding.ToString());
    return texts;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace afluente::estate

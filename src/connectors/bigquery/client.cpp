#include "connectors/bigquery/client.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "base/stop_after.h"

namespace afluente::bigquery {
namespace {

using google::Call;
using google::Reply;
using nlohmann::json;

// A multiple of 256 KiB, as resumable uploads want it.
constexpr std::size_t kChunkBytes = std::size_t{16} << 20U;
constexpr int kResumeIncomplete = 308;
constexpr std::chrono::milliseconds kFirstPoll(100);
constexpr std::chrono::seconds kSlowestPoll(2);

std::string PathOf(const std::string& project) { return "/bigquery/v2/projects/" + project; }

std::string PathOf(const estate::TableAddress& address) {
  return fmt::format("{}/datasets/{}/tables/{}", PathOf(address.project), address.dataset,
                     address.table);
}

json ReferenceTo(const estate::TableAddress& address) {
  return {
      {"projectId", address.project}, {"datasetId", address.dataset}, {"tableId", address.table}};
}

std::uint64_t CountAt(const json& object, std::initializer_list<const char*> path) {
  const json* at = &object;
  for (const char* key : path) {
    if (!at->is_object() || !at->contains(key)) return 0;
    at = &at->at(key);
  }
  if (at->is_number_unsigned()) return at->get<std::uint64_t>();
  return at->is_string() ? std::strtoull(at->get_ref<const std::string&>().c_str(), nullptr, 10)
                         : 0;
}

// A job that ended badly, in the words of jobs.get.
Error Failure(const std::string& job, const json& result) {
  const std::string reason = result.value("reason", "");
  const std::string message = result.value("message", "no reason given");
  ErrorKind kind = ErrorKind::kInternal;
  if (google::IsPassing(reason) || reason == "quotaExceeded" || reason == "stopped") {
    kind = ErrorKind::kTransient;
  } else if (reason == "accessDenied") {
    kind = ErrorKind::kUnauthorized;
  } else if (reason == "notFound") {
    kind = ErrorKind::kNotFound;
  } else if (reason == "invalid") {
    kind = ErrorKind::kConversion;
  } else if (reason == "invalidQuery" || reason == "duplicate") {
    kind = ErrorKind::kInvalidConfig;
  }
  return {kind, fmt::format("BigQuery job {}: {}: {}", job, reason, message)};
}

Error Refused(const Reply& reply, const std::string& what) {
  Error error = google::Refusal(reply);
  error.AddFrame("BigQuery: " + what);
  return error;
}

// "bytes=0-524287": how many bytes are there; 0 without one.
std::uint64_t BytesThere(const std::string& range) {
  const std::size_t dash = range.rfind('-');
  return dash == std::string::npos ? 0 : std::strtoull(range.c_str() + dash + 1, nullptr, 10) + 1;
}

}  // namespace

Status Client::EnsureDataset(const std::string& project, const std::string& dataset,
                             const std::stop_token& stop) {
  const std::string path = PathOf(project) + "/datasets";
  AFL_ASSIGN(Reply found, service_->Send({.path = path + "/" + dataset}, stop));
  if (found.status == 404) {
    const json made = {{"datasetReference", {{"projectId", project}, {"datasetId", dataset}}},
                       {"location", Location()}};
    AFL_ASSIGN(const Reply reply,
               service_->Send({.method = "POST", .path = path, .body = made.dump()}, stop));
    if (reply.ok() || reply.status == 409) return Done{};
    return Refused(reply, fmt::format("dataset {}.{}", project, dataset));
  }
  if (!found.ok()) return Refused(found, fmt::format("dataset {}.{}", project, dataset));
  const std::string there = found.body.value("location", Location());
  if (strcasecmp(there.c_str(), Location().c_str()) == 0) return Done{};
  return Error(ErrorKind::kInvalidConfig,
               fmt::format("dataset {}.{} stands in {}, and warehouse.location is {}: jobs reach "
                           "one location only",
                           project, dataset, there, Location()));
}

Result<std::optional<Table>> Client::FindTable(const estate::TableAddress& address,
                                               const std::stop_token& stop) {
  AFL_ASSIGN(const Reply reply, service_->Send({.path = PathOf(address)}, stop));
  if (reply.status == 404) return std::optional<Table>();
  if (!reply.ok()) return Refused(reply, "table " + address.ToString());
  Table table;
  if (reply.body.contains("schema"))
    table.fields = reply.body["schema"].value("fields", json::array());
  return std::optional(std::move(table));
}

Status Client::EnsureTable(const estate::TableAddress& address, const NewTable& table,
                           const std::stop_token& stop) {
  json made = {{"tableReference", ReferenceTo(address)}, {"schema", {{"fields", table.fields}}}};
  if (!table.key.empty()) made["tableConstraints"] = {{"primaryKey", {{"columns", table.key}}}};
  if (!table.labels.empty()) made["labels"] = table.labels;
  if (table.lives) {
    const WallTime ends = clock_.Now() + *table.lives;
    made["expirationTime"] = std::to_string(
        std::chrono::duration_cast<std::chrono::milliseconds>(ends.time_since_epoch()).count());
  }
  const std::string path =
      fmt::format("{}/datasets/{}/tables", PathOf(address.project), address.dataset);
  AFL_ASSIGN(const Reply reply,
             service_->Send({.method = "POST", .path = path, .body = made.dump()}, stop));
  if (reply.ok() || reply.status == 409) return Done{};
  return Refused(reply, "table " + address.ToString());
}

Status Client::DropTable(const estate::TableAddress& address, const std::stop_token& stop) {
  AFL_ASSIGN(const Reply reply,
             service_->Send({.method = "DELETE", .path = PathOf(address)}, stop));
  if (reply.ok() || reply.status == 404) return Done{};
  return Refused(reply, "table " + address.ToString());
}

json Client::JobReference(const std::string& project, const std::string& job) const {
  return {{"projectId", project}, {"jobId", job}, {"location", Location()}};
}

// A session of an upload is of one job. When it is lost, the job is not begun. The id of the job
// that reads the file is that of its answer: a server may know better.
Result<std::string> Client::BeginUpload(const std::string& project, const std::string& job,
                                        const json& configuration,
                                        const std::filesystem::path& file,
                                        const std::stop_token& stop) {
  const json made = {{"jobReference", JobReference(project, job)},
                     {"configuration", configuration}};
  Call begin{.method = "POST",
             .path = "/upload" + PathOf(project) + "/jobs?uploadType=resumable",
             .body = made.dump()};
  begin.headers["X-Upload-Content-Type"] = "application/octet-stream";
  AFL_ASSIGN(const Reply reply, service_->Send(begin, stop));
  if (reply.status == 409) return job;
  if (!reply.ok()) return Refused(reply, "load job");
  const auto session = reply.headers.find("location");
  if (session == reply.headers.end()) {
    return Error(ErrorKind::kInternal, "BigQuery: an upload began without a session");
  }
  return Upload(session->second, job, file, stop);
}

Result<std::string> Client::Upload(const std::string& session, const std::string& job,
                                   const std::filesystem::path& file, const std::stop_token& stop) {
  const Error unreadable(ErrorKind::kInternal, file.string() + ": it cannot be read any more");
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(file, error);
  std::ifstream bytes(file, std::ios::binary);
  if (error || !bytes) return unreadable;
  std::uint64_t sent = 0;
  do {
    Call chunk{.method = "PUT", .path = session, .content_type = "application/octet-stream"};
    chunk.body.resize(std::min<std::uint64_t>(kChunkBytes, size - sent));
    bytes.seekg(static_cast<std::streamoff>(sent));
    if (!bytes.read(chunk.body.data(), static_cast<std::streamsize>(chunk.body.size()))) {
      return unreadable;
    }
    chunk.headers["Content-Range"] =
        fmt::format("bytes {}-{}/{}", sent, sent + chunk.body.size() - 1, size);
    AFL_ASSIGN(const Reply reply, service_->Send(chunk, stop));
    if (reply.status == 409) return job;
    if (reply.ok()) {
      return reply.body.value("jobReference", json::object()).value("jobId", job);
    }
    if (reply.status != kResumeIncomplete) return Refused(reply, "upload of a load job");
    // What arrived may be less than what was sent, or more: the answer to an earlier chunk was
    // lost.
    const auto range = reply.headers.find("range");
    sent = range == reply.headers.end() ? 0 : BytesThere(range->second);
  } while (sent < size);
  return job;
}

Result<JobDone> Client::LoadParquet(const std::string& job, const estate::TableAddress& address,
                                    const std::filesystem::path& file,
                                    const std::stop_token& stop) {
  const json load = {{"destinationTable", ReferenceTo(address)},
                     {"sourceFormat", "PARQUET"},
                     {"createDisposition", "CREATE_NEVER"},
                     {"writeDisposition", "WRITE_APPEND"},
                     {"decimalTargetTypes", {"NUMERIC", "BIGNUMERIC"}},
                     {"parquetOptions", {{"enableListInference", true}}}};
  AFL_ASSIGN(const std::string begun,
             BeginUpload(address.project, job, {{"load", load}}, file, stop));
  return Wait(address.project, begun, stop);
}

Result<JobDone> Client::Execute(const std::string& job, const std::string& project,
                                const std::string& sql,
                                const std::map<std::string, std::string>& labels,
                                const std::stop_token& stop) {
  json configuration = {{"query", {{"query", sql}, {"useLegacySql", false}}}};
  if (!labels.empty()) configuration["labels"] = labels;
  const json made = {{"jobReference", JobReference(project, job)},
                     {"configuration", configuration}};
  AFL_ASSIGN(const Reply reply,
             service_->Send(
                 {.method = "POST", .path = PathOf(project) + "/jobs", .body = made.dump()}, stop));
  // A duplicate is this very job: its first answer was lost.
  if (!reply.ok() && reply.status != 409) return Refused(reply, "job " + job);
  return Wait(project, job, stop);
}

Result<JobDone> Client::Wait(const std::string& project, const std::string& job,
                             const std::stop_token& stop) {
  const std::string path = fmt::format("{}/jobs/{}?location={}", PathOf(project), job, Location());
  std::chrono::nanoseconds pause = kFirstPoll;
  while (true) {
    AFL_ASSIGN(const Reply reply, service_->Send({.path = path}, stop));
    if (!reply.ok()) return Refused(reply, "job " + job);
    const json status = reply.body.value("status", json::object());
    if (status.value("state", "") == "DONE") {
      if (status.contains("errorResult")) return Failure(job, status["errorResult"]);
      const json statistics = reply.body.value("statistics", json::object());
      return JobDone{CountAt(statistics, {"query", "totalBytesProcessed"})};
    }
    Rest(stop, pause);
    if (stop.stop_requested()) {
      Cancel(project, job);
      return Error(ErrorKind::kCancelled, "it was asked to end");
    }
    pause = std::min<std::chrono::nanoseconds>(pause * 2, kSlowestPoll);
  }
}

// One that cannot be reached any more ends by itself, and what it does is in its transaction.
void Client::Cancel(const std::string& project, const std::string& job) {
  (void)service_->Send(
      {.method = "POST",
       .path = fmt::format("{}/jobs/{}/cancel?location={}", PathOf(project), job, Location())},
      std::stop_token());
}

Result<std::vector<Row>> Client::Select(const std::string& job, const std::string& project,
                                        const std::string& sql, const std::stop_token& stop) {
  AFL_TRY(Execute(job, project, sql, {}, stop));
  std::vector<Row> rows;
  std::string page;
  do {
    std::string path = fmt::format("{}/queries/{}?location={}", PathOf(project), job, Location());
    if (!page.empty()) path += "&pageToken=" + page;
    AFL_ASSIGN(const json answer, service_->Do({.path = path}, stop));
    for (const json& row : answer.value("rows", json::array())) {
      Row& cells = rows.emplace_back();
      for (const json& cell : row.value("f", json::array())) {
        const json value = cell.value("v", json());
        cells.push_back(value.is_null()     ? std::nullopt
                        : value.is_string() ? std::optional(value.get<std::string>())
                                            : std::optional(value.dump()));
      }
    }
    page = answer.value("pageToken", "");
  } while (!page.empty());
  return rows;
}

Result<std::unique_ptr<Client>> OpenClient(const std::string& location, const Clock& clock) {
  google::ServiceOptions options;
  options.name = "BigQuery";
  options.base_url = "https://bigquery.googleapis.com";
  std::unique_ptr<google::Credentials> credentials;
  const char* emulator = std::getenv("BIGQUERY_EMULATOR_HOST");
  if (emulator != nullptr && *emulator != '\0') {
    options.base_url = emulator;
    if (!options.base_url.starts_with("http")) options.base_url.insert(0, "http://");
    credentials = google::NoCredentials();
  } else {
    AFL_ASSIGN(credentials, google::DefaultCredentials(clock));
  }
  return std::make_unique<Client>(
      std::make_unique<google::Service>(std::move(options), std::move(credentials), clock),
      location, clock);
}

}  // namespace afluente::bigquery

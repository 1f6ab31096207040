#include "orchestrator/event_store.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "orchestrator/format_versions.h"

namespace afluente::orchestrator {
namespace {

// An event that comes again gets a new number: who works on the old one does not drop it.
constexpr const char* kCreate = R"(
CREATE TABLE IF NOT EXISTS watched (integration TEXT PRIMARY KEY, kind TEXT NOT NULL, position TEXT NOT NULL)
  STRICT;
CREATE TABLE IF NOT EXISTS followed_tables (integration TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY AUTOINCREMENT, integration TEXT NOT NULL,
  key TEXT NOT NULL, UNIQUE (integration, key)) STRICT)";

constexpr const char* kEverything = "*";

}  // namespace

Result<std::unique_ptr<EventStore>> EventStore::Open(const std::filesystem::path& file) {
  AFL_ASSIGN(auto opened, SqliteFile::Open(file, {"event store", kEventStoreVersion, kCreate}));
  std::unique_ptr<EventStore> store(new EventStore(std::move(opened)));
  AFL_ASSIGN(const auto rows, store->file_->Select("SELECT DISTINCT integration FROM events"));
  for (const auto& row : rows) store->pending_.insert(row[0]);
  return store;
}

Status EventStore::Record(const Batch& batch) {
  return Record([&]() -> Result<Batch> { return batch; });
}

Status EventStore::Record(const std::function<Result<Batch>()>& work) {
  Batch batch;
  AFL_TRY(file_->Transaction([&]() -> Status {
    AFL_ASSIGN(batch, work());
    return Write(batch);
  }));
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [integration, keys] : batch.keys) pending_.insert(integration);
    pending_.insert(batch.everything.begin(), batch.everything.end());
  }
  recorded_.notify_all();
  return Done{};
}

Status EventStore::Write(const Batch& batch) {
  constexpr const char* kAdd = "REPLACE INTO events(integration, key) VALUES (?, ?)";
  for (const auto& [integration, keys] : batch.keys) {
    for (const EventKey& key : keys) {
      AFL_TRY(file_->Execute(kAdd, {integration, nlohmann::json(key).dump()}));
    }
  }
  for (const std::string& integration : batch.everything) {
    AFL_TRY(file_->Execute(kAdd, {integration, kEverything}));
  }
  for (const auto& [integration, position] : batch.positions) {
    AFL_TRY(file_->Execute("REPLACE INTO watched(integration, kind, position) VALUES (?, ?, ?)",
                           {integration, position.kind, position.value}));
  }
  return Done{};
}

void EventStore::Mark(const std::string& integration) {
  {
    const std::lock_guard lock(mutex_);
    marked_.insert(integration);
  }
  recorded_.notify_all();
}

Status EventStore::Unwatch(const std::string& integration) {
  AFL_TRY(file_->Execute("DELETE FROM watched WHERE integration = ?", {integration}));
  return Forget(integration, std::numeric_limits<std::int64_t>::max());
}

Result<std::map<std::string, std::string>> EventStore::TableStates() {
  AFL_ASSIGN(const auto rows, file_->Select("SELECT integration, state FROM followed_tables"));
  std::map<std::string, std::string> states;
  for (const auto& row : rows) states[row[0]] = row[1];
  return states;
}

Status EventStore::SetTableState(const std::string& integration, const std::string& state) {
  AFL_TRY(file_->Execute("REPLACE INTO followed_tables(integration, state) VALUES (?, ?)",
                         {integration, state}));
  return Done{};
}

Result<std::map<std::string, data::Position>> EventStore::Positions() {
  AFL_ASSIGN(const auto rows, file_->Select("SELECT integration, kind, position FROM watched"));
  std::map<std::string, data::Position> positions;
  for (const auto& row : rows) positions[row[0]] = {row[1], row[2]};
  return positions;
}

Result<EventStore::Pending> EventStore::Peek(const std::string& integration, int limit) {
  AFL_ASSIGN(const auto whole,
             file_->Select("SELECT max(seq), max(key = ?) FROM events WHERE integration = ?",
                           {kEverything, integration}));
  Pending pending;
  {
    const std::lock_guard lock(mutex_);
    pending.marked = marked_.erase(integration) > 0;
  }
  pending.everything = pending.marked || whole[0][1] == "1";
  if (!whole[0][0].empty()) pending.last = std::stoll(whole[0][0]);
  if (pending.everything || pending.last == 0) return pending;
  AFL_ASSIGN(const auto rows,
             file_->Select(fmt::format("SELECT seq, key FROM events WHERE integration = ? "
                                       "ORDER BY seq LIMIT {}",
                                       limit),
                           {integration}));
  for (const auto& row : rows) {
    pending.last = std::stoll(row[0]);
    pending.keys.push_back(nlohmann::json::parse(row[1]).get<EventKey>());
  }
  return pending;
}

Status EventStore::Forget(const std::string& integration, std::int64_t last) {
  AFL_TRY(file_->Execute("DELETE FROM events WHERE integration = ? AND seq <= CAST(? AS INTEGER)",
                         {integration, std::to_string(last)}));
  // What is recorded from here on waits for the lock, and is pending after it.
  const std::lock_guard lock(mutex_);
  AFL_ASSIGN(const auto left, Count(integration));
  if (left == 0) pending_.erase(integration);
  return Done{};
}

Result<std::uint64_t> EventStore::Count(const std::string& integration) {
  AFL_ASSIGN(const auto rows,
             file_->Select("SELECT count(*) FROM events WHERE integration = ?", {integration}));
  return std::stoull(rows[0][0]);
}

bool EventStore::WaitForPending(const std::string& integration, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  return recorded_.wait(
      lock, stop, [&] { return pending_.contains(integration) || marked_.contains(integration); });
}

}  // namespace afluente::orchestrator

// What has happened and is not yet worked off: durable before its source may forget it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/position.h"
#include "orchestrator/sqlite_file.h"

namespace afluente::orchestrator {

/// The values of a key, in their text form.
using EventKey = std::vector<std::string>;

/// Events of integrations that others' changes trigger. An event is a key that
/// changed, or "everything"; many events of one key are one. Thread-safe.
class EventStore {
 public:
  static Result<std::unique_ptr<EventStore>> Open(const std::filesystem::path& file);

  /// What to record in one commit, by integration.
  struct Batch {
    std::map<std::string, std::set<EventKey>> keys;
    std::set<std::string> everything;
    /// How far the changes of the watched table have been recorded.
    std::map<std::string, data::Position> positions;
  };
  Status Record(const Batch& batch);
  /// The same, for what `work` returns, together with what it writes into file().
  Status Record(const std::function<Result<Batch>()>& work);
  /// For what is recorded beside events.
  SqliteFile& file() { return *file_; }

  /// All of `integration` has to be looked at; a restart does not remember it.
  void Mark(const std::string& integration);
  /// What is watched no more: its events and its position are dropped.
  Status Unwatch(const std::string& integration);

  /// What a followed table looked like when it was copied or checked last, as
  /// its source writes it; by integration.
  Result<std::map<std::string, std::string>> TableStates();
  Status SetTableState(const std::string& integration, const std::string& state);

  /// The position recorded for each integration that has one.
  Result<std::map<std::string, data::Position>> Positions();

  struct Pending {
    bool everything = false;
    bool marked = false;         // By Mark, which this takes back.
    std::vector<EventKey> keys;  // The oldest, up to the limit; none with everything.
    std::int64_t last = 0;       // For Forget; 0: nothing was recorded.
  };
  Result<Pending> Peek(const std::string& integration, int limit);
  /// Drops the events of `integration` up to `last`; one that happened again
  /// since it was peeked stays.
  Status Forget(const std::string& integration, std::int64_t last);
  Result<std::uint64_t> Count(const std::string& integration);

  /// Until something is pending or marked (true) or `stop`.
  bool WaitForPending(const std::string& integration, const std::stop_token& stop);

 private:
  explicit EventStore(std::unique_ptr<SqliteFile> file) : file_(std::move(file)) {}
  Status Write(const Batch& batch);

  std::unique_ptr<SqliteFile> file_;
  std::mutex mutex_;  // Guards what follows.
  std::condition_variable_any recorded_;
  std::set<std::string> pending_;  // Integrations that have events.
  std::set<std::string> marked_;
};

}  // namespace afluente::orchestrator

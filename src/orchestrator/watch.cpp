#include "orchestrator/watch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/names.h"
#include "connectors/duckdb/lane_function.h"
#include "pipeline/shaping.h"

namespace afluente::orchestrator {
namespace {

// More keys than this are fetched no faster than everything.
constexpr std::size_t kKeysMax = 10'000;

std::vector<std::string> SourceKey(const estate::Integration& integration) {
  std::vector<std::string> key;
  for (const std::string& name : integration.destination.key) {
    key.push_back(pipeline::ComesFrom(name, integration));
  }
  return key;
}

class WatchSink final : public pipeline::ChangeSink {
 public:
  WatchSink(const std::vector<Watch>& watches, EventStore& events, duck::Warehouse& warehouse,
            bool next_has_tables, std::unique_ptr<pipeline::ChangeSink> next)
      : watches_(watches),
        events_(events),
        warehouse_(warehouse),
        next_has_tables_(next_has_tables),
        next_(std::move(next)) {}

  Result<std::map<std::string, data::Position>> Stored() override {
    AFL_ASSIGN(auto positions, next_->Stored());
    AFL_ASSIGN(const auto recorded, events_.Positions());
    for (const Watch& watch : watches_) {
      const auto found = recorded.find(watch.name());
      if (found != recorded.end()) positions.insert(*found);
    }
    return positions;
  }

  // Events first: what `next` has stored has been recorded, then.
  Status Apply(pipeline::ChangeSet& changes) override {
    std::vector<std::unique_ptr<pipeline::TableChanges>> others;
    for (auto& table : changes.tables) {
      const Watch* watch = WatchOf(table->integration());
      if (watch == nullptr) {
        others.push_back(std::move(table));
        continue;
      }
      culprit_ = watch->name();
      AFL_TRY(Collect(*watch, *table));
      culprit_.clear();
    }
    changes.tables = std::move(others);
    if (changes.end) AFL_TRY(Record(changes));
    return next_->Apply(changes);
  }

  std::string culprit() const override { return culprit_.empty() ? next_->culprit() : culprit_; }

 private:
  const Watch* WatchOf(const estate::Integration& followed) const {
    for (const Watch& watch : watches_) {
      if (&watch.followed == &followed) return &watch;
    }
    return nullptr;
  }

  Status Collect(const Watch& watch, pipeline::TableChanges& table) {
    std::set<EventKey>& keys = batch_.keys[watch.name()];
    const bool everything =
        !watch.by_key || table.truncated_at() || keys.size() + table.keys() > kKeysMax;
    if (everything) {
      batch_.keys.erase(watch.name());
      batch_.everything.insert(watch.name());
      return Done{};
    }
    if (batch_.everything.contains(watch.name())) return Done{};
    std::vector<std::string> columns;
    for (const std::string& name : SourceKey(*watch.triggered)) {
      columns.push_back(fmt::format("CAST({} AS VARCHAR)", QuoteIdentifier(name)));
    }
    if (connection_.get() == nullptr) {
      AFL_ASSIGN(connection_, warehouse_.Connect());
    }
    const auto reader = table.ReadKeys();
    const duck::LaneTable lane(warehouse_.lanes(), reader.get(), table.key_schema(), table.keys());
    AFL_ASSIGN(
        const auto rows,
        data::QueryCells(connection_.get(),
                         fmt::format("SELECT {} FROM {}", fmt::join(columns, ", "), lane.sql())));
    for (const auto& row : rows) {
      EventKey key;
      for (const data::Cell& cell : row) key.push_back(cell.text);
      keys.insert(std::move(key));
    }
    return Done{};
  }

  // Where nothing else stores how far the stream was read, every end counts; else
  // it costs a flush to write one that brought no events.
  Status Record(const pipeline::ChangeSet& changes) {
    const bool has_events = !batch_.keys.empty() || !batch_.everything.empty();
    if (!has_events && next_has_tables_) return Done{};
    for (const Watch& watch : watches_) {
      if (!changes.ahead.contains(watch.name())) batch_.positions[watch.name()] = *changes.end;
    }
    AFL_TRY(events_.Record(std::exchange(batch_, {})));
    return Done{};
  }

  const std::vector<Watch>& watches_;
  EventStore& events_;
  duck::Warehouse& warehouse_;
  data::DuckConnection connection_;  // Reads keys as text; opened with the first.
  const bool next_has_tables_;
  const std::unique_ptr<pipeline::ChangeSink> next_;
  EventStore::Batch batch_;  // Since the last end.
  std::string culprit_;
};

void FitWatch(const postgres::ReplicaIdentity& identity,
              const std::vector<postgres::CatalogColumn>& columns, Watch& watch) {
  const std::vector<std::string> wanted = SourceKey(*watch.triggered);
  std::set<std::string> sent(identity.columns.begin(), identity.columns.end());
  if (identity.is_full()) {
    for (const postgres::CatalogColumn& column : columns) sent.insert(column.name);
  }
  const bool has_key = std::all_of(wanted.begin(), wanted.end(),
                                   [&](const std::string& name) { return sent.contains(name); });
  watch.by_key = FetchesByKey(*watch.triggered) && has_key &&
                 (identity.is_full() || wanted.size() == identity.columns.size());
  std::vector<std::string> key = watch.by_key ? wanted : identity.columns;
  // Any column will do to see that something changed.
  if (key.empty() && identity.is_full() && !columns.empty()) key.push_back(columns.front().name);
  watch.followed.destination.key = key;
  watch.followed.columns.clear();
  for (const std::string& name : key) {
    watch.followed.columns[name].include = true;
    watch.followed.columns[name].mark = watch.followed.mark;
  }
}

}  // namespace

bool FetchesByKey(const estate::Integration& integration) {
  const bool has_rows = !integration.source.table.empty() || !integration.source.query.empty();
  return integration.mode == estate::Mode::kEvent && has_rows && integration.destination.table &&
         !integration.destination.key.empty();
}

std::vector<Watch> WatchesOf(const estate::Estate& estate, const std::string& connection) {
  std::vector<Watch> watches;
  for (const auto& [name, integration] : estate.integrations) {
    const bool is_triggered = integration.trigger.kind == estate::Trigger::Kind::kChange &&
                              integration.mode != estate::Mode::kCdc;
    const std::string& subject = integration.trigger.subject;
    if (!is_triggered || !subject.starts_with(connection + ":")) continue;
    Watch watch;
    watch.triggered = &integration;
    watch.followed.name = name;
    watch.followed.mode = estate::Mode::kCdc;
    watch.followed.source.connection = connection;
    watch.followed.source.table = subject.substr(connection.size() + 1);
    watch.followed.mark = integration.trigger.mark;
    watch.followed.source.mark = integration.trigger.mark;
    watch.followed.destination.mark = integration.trigger.mark;
    watches.push_back(std::move(watch));
  }
  return watches;
}

Status FitWatches(PGconn* catalog, std::vector<Watch>& watches) {
  for (Watch& watch : watches) {
    const auto relation = postgres::FindRelation(catalog, watch.followed.source.table);
    if (!relation.ok()) continue;
    AFL_ASSIGN(const auto identity, postgres::ReadIdentity(catalog, relation.value()));
    AFL_ASSIGN(const auto columns, postgres::DescribeColumns(catalog, relation.value()));
    FitWatch(identity, columns, watch);
  }
  return Done{};
}

std::unique_ptr<pipeline::ChangeSink> MakeWatchSink(const std::vector<Watch>& watches,
                                                    EventStore& events, duck::Warehouse& warehouse,
                                                    bool next_has_tables,
                                                    std::unique_ptr<pipeline::ChangeSink> next) {
  return std::make_unique<WatchSink>(watches, events, warehouse, next_has_tables, std::move(next));
}

}  // namespace afluente::orchestrator

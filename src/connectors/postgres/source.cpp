#include "connectors/postgres/source.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <limits>
#include <mutex>
#include <set>
#include <thread>

#include "connectors/postgres/catalog.h"
#include "connectors/postgres/columns.h"
#include "connectors/postgres/copy_reader.h"
#include "connectors/postgres/cursor.h"

namespace afluente::postgres {
namespace {

const std::string kBeginSnapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
const data::Position& WholeSnapshot() {
  static const data::Position kPosition{"snapshot", "{}"};
  return kPosition;
}

// A lane is worth a connection from 32 MiB on; parts smaller than the share of
// a lane let a lane that is ahead take work from one that is behind.
constexpr std::int64_t kPagesPerLaneMin = 4096;
constexpr std::int64_t kPartsPerLane = 8;
// What a copy that is cut off loses at most, a lane.
constexpr std::int64_t kPagesPerPartMax = 16384;
constexpr int kTidRangeScanVersion = 140000;

/// Pages of a table's file.
struct PageRange {
  static constexpr std::int64_t kNoEnd = std::numeric_limits<std::int64_t>::max();
  std::int64_t from = 0;
  std::int64_t to = kNoEnd;  // Behind the last one.

  std::string Condition() const {
    std::string condition = fmt::format("ctid >= '({},0)'::tid", from);
    if (to != kNoEnd) condition += fmt::format(" AND ctid < '({},0)'::tid", to);
    return condition;
  }
  /// "16384:0:512": of the table with that oid.
  std::string NameIn(const std::string& oid) const {
    return fmt::format("{}:{}:{}", oid, from, to);
  }
};

// In order of their pages.
std::vector<PageRange> ReadRanges(const std::string& oid, const std::optional<ReadParts>& read) {
  std::vector<PageRange> ranges;
  if (!read) return ranges;
  for (const std::string& name : read->names) {
    PageRange range;
    if (!name.starts_with(oid + ":")) continue;
    const char* text = name.c_str() + oid.size() + 1;
    if (std::sscanf(text, "%" SCNd64 ":%" SCNd64, &range.from, &range.to) == 2) {
      ranges.push_back(range);
    }
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const PageRange& a, const PageRange& b) { return a.from < b.from; });
  return ranges;
}

class PostgresSource final : public pipeline::Source {
 public:
  PostgresSource(Endpoint endpoint, Connection coordinator, pipeline::Progress& progress,
                 const SharedSnapshot* shared)
      : endpoint_(std::move(endpoint)), coordinator_(std::move(coordinator)), progress_(progress) {
    if (shared == nullptr) return;
    snapshot_id_ = shared->id;
    end_ = shared->position;
    read_before_ = shared->read_before;
  }

  Status Plan(const estate::Integration& integration, const std::optional<data::Position>& from);

  const data::Schema& schema() const override { return columns_.schema; }
  int lanes() const override { return lanes_; }
  std::uint64_t estimated_rows() const override { return estimated_rows_; }
  data::Position end() const override { return end_; }
  std::vector<data::DeadLetter> dead_letters() const override { return dead_letters_.Copy(); }
  Result<std::unique_ptr<data::BatchReader>> OpenLane(const std::stop_token& stop) override;

 private:
  Status PlanTable(const estate::Integration& integration,
                   const std::optional<data::Position>& from);
  Status PlanQuery(const estate::Integration& integration,
                   const std::optional<data::Position>& from);
  Status PlanIncrement(const estate::Integration& integration, const std::string& from_where,
                       const std::vector<CatalogColumn>& columns,
                       const std::optional<data::Position>& from, bool& reads_all);
  void PlanParts(const estate::Integration& integration, const Relation& relation,
                 const RelationName& name, const std::string& condition);
  void AddParts(const Leaf& leaf, const std::string& condition, std::int64_t step,
                std::vector<SelectPart>& parts) const;
  void SetSelects(std::vector<SelectPart> parts, int lanes);
  Status BeginSnapshot(PGconn* connection) const;
  Status OpenConnections(const RelationName& name);
  Result<Connection> JoinSnapshot(const RelationName& name) const;

  Endpoint endpoint_;
  Connection coordinator_;
  std::mutex mutex_;                     // Guards connections_.
  std::vector<Connection> connections_;  // Of lanes that are still to be opened.
  pipeline::Progress& progress_;
  SelectedColumns columns_;
  std::unique_ptr<SelectQueue> queue_;
  std::string snapshot_id_;  // Empty until it is shared.
  data::Position end_ = WholeSnapshot();
  std::optional<ReadParts> read_before_;
  std::uint64_t estimated_rows_ = 0;
  int lanes_ = 1;
  bool sets_bad_rows_aside_ = false;
  data::DeadLetters dead_letters_;
  std::vector<std::size_t> key_columns_;
  std::set<std::string> masked_columns_;
};

std::string And(const std::string& condition, const std::string& more) {
  return condition.empty() ? more : condition + " AND " + more;
}

bool IsLockable(const RelationName& name) {
  return name.selectable && (name.kind == 'r' || name.kind == 'p' || name.kind == 'v');
}

std::string LockSql(const RelationName& name) {
  return "LOCK TABLE " + name.sql_name + " IN ACCESS SHARE MODE";
}

std::string UserCondition(const estate::Integration& integration) {
  // On lines of its own: the condition may end in a comment.
  return integration.where.empty() ? "true" : "(\n" + integration.where + "\n)";
}

Status PostgresSource::Plan(const estate::Integration& integration,
                            const std::optional<data::Position>& from) {
  AFL_TRY(integration.source.query.empty() ? PlanTable(integration, from)
                                           : PlanQuery(integration, from));
  sets_bad_rows_aside_ = integration.on_bad_row == estate::OnBadRow::kDeadLetter;
  key_columns_ = KeyColumns(integration, columns_.schema);
  masked_columns_ = integration.MaskedColumns();
  return Done{};
}

// The lock comes before the snapshot: without it TRUNCATE or a table rewrite
// between two lanes would show one of them an empty table.
Status PostgresSource::PlanTable(const estate::Integration& integration,
                                 const std::optional<data::Position>& from) {
  PGconn* connection = coordinator_.get();
  AFL_ASSIGN(const RelationName name, FindRelation(connection, integration.source.table));
  AFL_TRY(BeginSnapshot(connection));
  if (IsLockable(name)) AFL_TRY(Query(connection, LockSql(name)));
  AFL_ASSIGN(const Relation relation, DescribeRelation(connection, name));
  AFL_ASSIGN(columns_, SelectColumns(relation.columns, integration));

  double rows = 0;
  for (const Leaf& leaf : relation.leaves) rows += std::max(0.0, leaf.rows);
  estimated_rows_ = static_cast<std::uint64_t>(rows);

  const std::string condition = UserCondition(integration);
  const std::string from_where = fmt::format("FROM {} WHERE {}", name.sql_name, condition);
  bool reads_all = true;
  if (integration.mode == estate::Mode::kIncremental) {
    AFL_TRY(PlanIncrement(integration, from_where, relation.columns, from, reads_all));
  }
  if (reads_all) {
    AFL_ASSIGN(const auto widths, AverageWidths(connection, name));
    for (data::Column& column : columns_.schema) {
      if (const auto width = widths.find(column.name); width != widths.end()) {
        column.average_bytes = width->second;
      }
    }
    PlanParts(integration, relation, name, condition);
  }
  return OpenConnections(name);
}

Status PostgresSource::PlanQuery(const estate::Integration& integration,
                                 const std::optional<data::Position>& from) {
  PGconn* connection = coordinator_.get();
  AFL_TRY(BeginSnapshot(connection));
  AFL_ASSIGN(const auto columns, DescribeQuery(connection, integration.source.query));
  AFL_ASSIGN(columns_, SelectColumns(columns, integration));
  const std::string from_where = "FROM (\n" + integration.source.query + "\n) AS q WHERE true";
  bool reads_all = true;
  if (integration.mode == estate::Mode::kIncremental) {
    AFL_TRY(PlanIncrement(integration, from_where, columns, from, reads_all));
  }
  if (reads_all)
    SetSelects({{"", fmt::format("SELECT {} {}", columns_.select_list, from_where)}}, 1);
  connections_.push_back(std::move(coordinator_));
  return Done{};
}

Status PostgresSource::PlanIncrement(const estate::Integration& integration,
                                     const std::string& from_where,
                                     const std::vector<CatalogColumn>& columns,
                                     const std::optional<data::Position>& from, bool& reads_all) {
  AFL_ASSIGN(const Cursor cursor, Cursor::Make(integration, columns));
  for (const std::string& name : cursor.NullableColumns()) {
    if (from) break;  // Said once, by the run that takes everything.
    spdlog::warn("{}: cursor column \"{}\" may be NULL; such rows arrive only with a full refresh",
                 integration.name, name);
  }
  std::optional<CursorValues> start;
  if (from) {
    AFL_ASSIGN(start, cursor.Parse(*from));
  }
  // Only what lies behind the start counts: when the newest rows were deleted,
  // the position stays where it was.
  auto greatest = cursor.Greatest(coordinator_.get(),
                                  start ? from_where + " AND " + cursor.After(*start) : from_where);
  if (!greatest.ok() && start && greatest.error().kind() == ErrorKind::kConversion) {
    return Cursor::Unusable("its value does not fit the cursor's type");
  }
  AFL_ASSIGN(const auto newest, std::move(greatest));
  const auto end = newest ? newest : start;
  end_ = cursor.ToPosition(end);
  reads_all = !start;
  const bool nothing_new = from && !newest && !(start && cursor.has_lookback());
  if (nothing_new) {
    lanes_ = 0;
  } else if (start) {
    estimated_rows_ = 0;
    SetSelects({{"", fmt::format("SELECT {} {} AND {}", columns_.select_list, from_where,
                                 cursor.Between(*start, *end))}},
               1);
  }
  return Done{};
}

void PostgresSource::PlanParts(const estate::Integration& integration, const Relation& relation,
                               const RelationName& name, const std::string& condition) {
  if (lanes_ == 0) return;
  std::int64_t pages = 0;
  for (const Leaf& leaf : relation.leaves) pages += leaf.pages;
  const bool by_ctid = PQserverVersion(coordinator_.get()) >= kTidRangeScanVersion &&
                       IsLockable(name) && !relation.leaves.empty() &&
                       std::all_of(relation.leaves.begin(), relation.leaves.end(),
                                   [](const Leaf& leaf) { return leaf.scan_by_ctid; });
  const std::int64_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::int64_t wanted = integration.parallel > 0
                                  ? integration.parallel
                                  : std::clamp(pages / kPagesPerLaneMin, std::int64_t{1}, cores);
  // Where pages cannot be told apart (any more), nothing of what was read before is.
  if (!by_ctid && read_before_ && read_before_->only_unchanged) return SetSelects({}, 0);
  if (!by_ctid || (wanted == 1 && pages < kPagesPerLaneMin && !read_before_)) {
    SetSelects({{"", fmt::format("SELECT {} FROM {} WHERE {}", columns_.select_list, name.sql_name,
                                 condition)}},
               1);
    return;
  }
  const std::int64_t step =
      std::clamp<std::int64_t>(pages / (wanted * kPartsPerLane) + 1, 1, kPagesPerPartMax);
  std::vector<SelectPart> parts;
  for (const Leaf& leaf : relation.leaves) AddParts(leaf, condition, step, parts);
  SetSelects(std::move(parts), static_cast<int>(wanted));
}

// What was read before stays out, but for rows that were written since.
void PostgresSource::AddParts(const Leaf& leaf, const std::string& condition, std::int64_t step,
                              std::vector<SelectPart>& parts) const {
  const auto add = [&](const PageRange& range, const std::string& name, const std::string& more) {
    parts.push_back({name, fmt::format("SELECT {} FROM ONLY {} WHERE {}", columns_.select_list,
                                       leaf.sql_name, And(condition, range.Condition() + more))});
  };
  // A range without an upper end stays one: the file may have grown since it was measured.
  const auto add_fresh = [&](PageRange range) {
    while (range.from + step < std::min(range.to, leaf.pages)) {
      const PageRange first{range.from, range.from + step};
      add(first, first.NameIn(leaf.oid), "");
      range.from = first.to;
    }
    add(range, range.NameIn(leaf.oid), "");
  };
  std::int64_t page = 0;
  for (const PageRange& known : ReadRanges(leaf.oid, read_before_)) {
    const bool is_other = read_before_->only_unchanged;
    if (page < known.from && !is_other) add_fresh({page, known.from});
    add(known, "",
        fmt::format(" AND pg_catalog.age(xmin) {} pg_catalog.age('{}'::pg_catalog.xid)",
                    is_other ? ">" : "<=", read_before_->since));
    page = known.to;
  }
  const bool reads_rest = !read_before_ || !read_before_->only_unchanged;
  if (page < PageRange::kNoEnd && reads_rest) add_fresh({page, PageRange::kNoEnd});
}

void PostgresSource::SetSelects(std::vector<SelectPart> parts, int lanes) {
  lanes_ = std::min(lanes, static_cast<int>(parts.size()));
  queue_ = std::make_unique<SelectQueue>(std::move(parts));
}

// The snapshot that the lanes share, once there is one; otherwise a new one.
Status PostgresSource::BeginSnapshot(PGconn* connection) const {
  const std::string join =
      snapshot_id_.empty() ? "" : fmt::format("; SET TRANSACTION SNAPSHOT '{}'", snapshot_id_);
  const auto begun = Query(connection, kBeginSnapshot + join);
  if (begun.ok()) return Done{};
  if (begun.error().message().find("snapshot") == std::string::npos) return begun.error();
  // It goes with the session that exported it.
  return Error(ErrorKind::kTransient,
               "the connection that held the snapshot was lost: " + begun.error().message());
}

// The coordinator becomes the first lane: its transaction keeps the snapshot
// while it reads.
Status PostgresSource::OpenConnections(const RelationName& name) {
  if (lanes_ > 1 && snapshot_id_.empty()) {
    AFL_ASSIGN(const QueryResult id,
               Query(coordinator_.get(), "SELECT pg_catalog.pg_export_snapshot()"));
    snapshot_id_ = Text(id, 0, 0);
  }
  connections_.push_back(std::move(coordinator_));
  while (static_cast<int>(connections_.size()) < lanes_) {
    auto joined = JoinSnapshot(name);
    if (!joined.ok()) {
      if (joined.error().kind() != ErrorKind::kTransient) return joined.error();
      spdlog::debug("{}: fewer connections: {}", name.sql_name, joined.error().message());
      break;
    }
    connections_.push_back(std::move(joined).value());
  }
  lanes_ = std::min(lanes_, static_cast<int>(connections_.size()));
  return Done{};
}

// A statement that waits for the coordinator's lock to go (ALTER TABLE, TRUNCATE)
// has everybody else wait behind it. A lane that did would wait for its own
// coordinator, and no deadlock detector sees that.
Result<Connection> PostgresSource::JoinSnapshot(const RelationName& name) const {
  AFL_ASSIGN(Connection connection, Connect(endpoint_.dsn, endpoint_.overrides));
  AFL_TRY(BeginSnapshot(connection.get()));
  AFL_TRY(Query(connection.get(), LockSql(name) + " NOWAIT"));
  return connection;
}

Result<std::unique_ptr<data::BatchReader>> PostgresSource::OpenLane(const std::stop_token& stop) {
  Connection connection;
  {
    const std::lock_guard lock(mutex_);
    connection = std::move(connections_.back());
    connections_.pop_back();
  }
  const CopyContext context{*queue_,
                            columns_.schema,
                            columns_.forms,
                            progress_,
                            sets_bad_rows_aside_ ? &dead_letters_ : nullptr,
                            key_columns_,
                            masked_columns_};
  return std::unique_ptr<data::BatchReader>(
      std::make_unique<CopyReader>(std::move(connection), context, stop));
}

}  // namespace

Result<std::unique_ptr<pipeline::Source>> OpenSource(const Endpoint& endpoint,
                                                     const estate::Integration& integration,
                                                     const std::optional<data::Position>& from,
                                                     pipeline::Progress& progress,
                                                     const SharedSnapshot* shared) {
  AFL_ASSIGN(Connection coordinator, Connect(endpoint.dsn, endpoint.overrides));
  auto source =
      std::make_unique<PostgresSource>(endpoint, std::move(coordinator), progress, shared);
  AFL_TRY(source->Plan(integration, from));
  return std::unique_ptr<pipeline::Source>(std::move(source));
}

}  // namespace afluente::postgres

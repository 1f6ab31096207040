#include "connectors/duckdb/sent_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/names.h"
#include "connectors/duckdb/row_hash.h"
#include "connectors/duckdb/row_text.h"

namespace afluente::duck {
namespace {

constexpr const char* kKind = "sent";
constexpr const char* kHash = "_afluente_hash";
constexpr const char* kChanged = "_afluente_changed";
constexpr const char* kStageTable = "reverse_stage_";
constexpr const char* kSentTable = "sent_";
constexpr const char* kGoneTable = "reverse_gone_";

std::string Except(const std::vector<std::int64_t>& numbers) {
  if (numbers.empty()) return "";
  return fmt::format(" AND s.rowid NOT IN ({})", fmt::join(numbers, ", "));
}

}  // namespace

Result<SentRows> SentRows::Open(Warehouse& warehouse, CheckpointPlace place,
                                std::string integration, std::vector<std::string> key) {
  AFL_ASSIGN(data::DuckConnection connection, warehouse.Connect());
  return SentRows(warehouse, std::move(place), std::move(integration), std::move(key),
                  std::move(connection));
}

SentRows::SentRows(Warehouse& warehouse, CheckpointPlace place, std::string integration,
                   std::vector<std::string> key, data::DuckConnection connection)
    : warehouse_(&warehouse),
      place_(std::move(place)),
      integration_(std::move(integration)),
      key_(std::move(key)),
      connection_(std::move(connection)),
      stage_(Table(kStageTable)),
      sent_(Table(kSentTable)),
      gone_(Table(kGoneTable)) {}

std::string SentRows::Table(const std::string& prefix) const {
  return fmt::format("{}.{}.{}", QuoteIdentifier(place_.project), kSystemSchema,
                     QuoteIdentifier(prefix + integration_));
}

std::string SentRows::KeysMatch(const std::string& left, const std::string& right) const {
  std::string condition;
  for (const std::string& key : key_) {
    condition += fmt::format("{}{}.{} = {}.{}", condition.empty() ? "" : " AND ", left,
                             QuoteIdentifier(key), right, QuoteIdentifier(key));
  }
  return condition;
}

std::string SentRows::KeyList(const std::string& prefix) const {
  std::string list;
  for (const std::string& key : key_) {
    list += (list.empty() ? "" : ", ") + prefix + QuoteIdentifier(key);
  }
  return list;
}

std::string SentRows::RowHash() const {
  return fmt::format("{}({})", kRowHashFunction, RowText(shape_ + ";", columns_));
}

Result<std::vector<TableColumn>> SentRows::ColumnsOf(const std::string& prefix) const {
  AFL_ASSIGN(const auto rows,
             data::QueryCells(
                 connection_.get(),
                 fmt::format("SELECT column_name, data_type FROM duckdb_columns() WHERE "
                             "database_name = {} AND schema_name = {} AND table_name = {} ORDER BY "
                             "column_index",
                             QuoteLiteral(place_.project), QuoteLiteral(kSystemSchema),
                             QuoteLiteral(prefix + integration_))));
  std::vector<TableColumn> columns;
  for (const auto& row : rows) columns.push_back({row[0].text, row[1].text});
  return columns;
}

Result<std::uint64_t> SentRows::Count(const std::string& sql) const {
  AFL_ASSIGN(const auto rows, data::QueryCells(connection_.get(), sql));
  return std::stoull(rows.front().front().text);
}

Status SentRows::InTransaction(const std::function<Status()>& body) {
  AFL_TRY(data::Execute(connection_.get(), "BEGIN"));
  const auto run = [&]() -> Status {
    AFL_TRY(body());
    return data::Execute(connection_.get(), "COMMIT");
  };
  Status status = run();
  // The first failure is the one to tell; DuckDB may have rolled back already.
  if (!status.ok()) (void)data::Execute(connection_.get(), "ROLLBACK");
  return status;
}

Result<std::optional<SentRecord>> SentRows::Record() const {
  AFL_ASSIGN(const auto position, ReadCheckpoint(connection_.get(), place_, integration_));
  if (!position || position->kind != kKind) return std::optional<SentRecord>();
  const auto json = nlohmann::json::parse(position->value, nullptr, false);
  if (!json.is_object()) return std::optional<SentRecord>();
  SentRecord record;
  record.run = json.value("run", "");
  record.through = json.value("through", std::int64_t{-1});
  record.previous = json.value("previous", "");
  record.previous_through = json.value("previous_through", std::int64_t{-1});
  record.table = json.value("table", "");
  record.whole = json.value("whole", false);
  return std::optional(record);
}

Status SentRows::Remember(const SentRecord& record,
                          const std::vector<data::DeadLetter>& dead_letters) {
  const nlohmann::json json = {
      {"run", record.run},           {"through", record.through},
      {"previous", record.previous}, {"previous_through", record.previous_through},
      {"table", record.table},       {"whole", record.whole}};
  AFL_TRY(WriteCheckpoint(connection_.get(), place_, integration_, {kKind, json.dump()}));
  return WriteDeadLetters(connection_.get(), place_, integration_, dead_letters);
}

Result<bool> SentRows::RemembersRows() const {
  AFL_ASSIGN(const auto columns, ColumnsOf(kSentTable));
  if (columns.empty()) return false;
  AFL_ASSIGN(const std::uint64_t rows, Count("SELECT count(*) FROM " + sent_));
  return rows != 0;
}

// Key columns have the types they arrive in; with other ones every row is new.
Status SentRows::MakeMemory() {
  std::vector<TableColumn> wanted;
  for (const std::string& key : key_) {
    for (const TableColumn& column : columns_) {
      if (column.name == key) wanted.push_back(column);
    }
  }
  wanted.push_back({kHash, "UHUGEINT"});
  if (key_.empty()) wanted.push_back({"copies", "BIGINT"});
  AFL_ASSIGN(const auto existing, ColumnsOf(kSentTable));
  const bool fits = std::equal(existing.begin(), existing.end(), wanted.begin(), wanted.end(),
                               [](const TableColumn& a, const TableColumn& b) {
                                 return a.name == b.name && a.type == b.type;
                               });
  if (fits) return Done{};
  std::string columns;
  for (const TableColumn& column : wanted) {
    columns += fmt::format("{}{} {}", columns.empty() ? "" : ", ", QuoteIdentifier(column.name),
                           column.type);
  }
  return data::Execute(connection_.get(), fmt::format("BEGIN; DROP TABLE IF EXISTS {0}; CREATE "
                                                      "TABLE {0} ({1}); COMMIT",
                                                      sent_, columns));
}

Status SentRows::Prepare(const std::vector<TableColumn>& columns, const std::string& shape,
                         Sends sends) {
  columns_ = columns;
  shape_ = shape;
  sends_ = sends;
  through_ = -1;
  AFL_TRY(MakeMemory());
  std::string list;
  for (const TableColumn& column : columns_) {
    list += fmt::format("{} {}, ", QuoteIdentifier(column.name), column.type);
  }
  return data::Execute(
      connection_.get(),
      fmt::format("DROP TABLE IF EXISTS {1}; DROP TABLE IF EXISTS {0}; CREATE TABLE {0} ({2}{3} "
                  "UHUGEINT, {4} BOOLEAN)",
                  stage_, gone_, list, kHash, kChanged));
}

namespace {

std::string InsertColumns(const std::string& stage, const std::string& values,
                          const std::string& changed, const std::string& hash) {
  return fmt::format("INSERT INTO {} SELECT {}s.{}, {} FROM (SELECT *, {} AS {} FROM (", stage,
                     values, kHash, changed, hash, kHash);
}

}  // namespace

// Of a row that has not changed only its key stays: the stage of a quiet table
// is small, and the values of one that is not are written once.
std::string SentRows::InsertBefore() const {
  const bool compares = sends_ == Sends::kChanges && !key_.empty();
  const std::string changed =
      compares ? fmt::format("t.{0} IS DISTINCT FROM s.{0}", kHash) : std::string("true");
  std::string values;
  for (const TableColumn& column : columns_) {
    const std::string name = "s." + QuoteIdentifier(column.name);
    const bool is_key = std::find(key_.begin(), key_.end(), column.name) != key_.end();
    values += is_key || !compares ? name + ", "
                                  : fmt::format("CASE WHEN {} THEN {} END, ", changed, name);
  }
  return InsertColumns(stage_, values, changed, RowHash());
}

std::string SentRows::InsertAfter() const {
  const bool compares = sends_ == Sends::kChanges && !key_.empty();
  if (!compares) return ")) AS s";
  return fmt::format(")) AS s LEFT JOIN {} AS t ON {}", sent_, KeysMatch("t", "s"));
}

Status SentRows::CheckKeys() const {
  std::string any_null;
  for (const std::string& key : key_) {
    any_null += (any_null.empty() ? "" : " OR ") + QuoteIdentifier(key) + " IS NULL";
  }
  AFL_ASSIGN(const std::uint64_t nulls,
             Count(fmt::format("SELECT count(*) FROM {} WHERE {}", stage_, any_null)));
  if (nulls != 0) {
    return Error(ErrorKind::kConversion,
                 fmt::format("{} rows have NULL in the key ({}); choose a key without NULL, or "
                             "leave those rows out with `where`",
                             nulls, KeyList("")));
  }
  AFL_ASSIGN(const std::uint64_t rows, Count("SELECT count(*) FROM " + stage_));
  AFL_ASSIGN(
      const std::uint64_t keys,
      Count(fmt::format("SELECT count(*) FROM (SELECT DISTINCT {} FROM {})", KeyList(""), stage_)));
  if (rows == keys) return Done{};
  return Error(ErrorKind::kConversion,
               fmt::format("the key ({}) is not unique: {} rows have {} keys; choose a key that "
                           "names one row",
                           KeyList(""), rows, keys));
}

// Without a key the first `copies` rows of a hash are those that were sent.
Status SentRows::CountCopies() {
  const std::string counted = Table("reverse_counted_");
  AFL_TRY(data::Execute(
      connection_.get(),
      fmt::format(
          "CREATE OR REPLACE TABLE {0} AS SELECT s.* EXCLUDE (copy) REPLACE (copy > "
          "coalesce(t.copies, 0) AS {1}) FROM (SELECT *, row_number() OVER (PARTITION BY {2} ORDER "
          "BY rowid) AS copy FROM {3}) AS s LEFT JOIN {4} AS t ON t.{2} = s.{2}",
          counted, kChanged, kHash, stage_, sent_)));
  return data::Execute(connection_.get(),
                       fmt::format("DROP TABLE {}; ALTER TABLE {} RENAME TO {}", stage_, counted,
                                   QuoteIdentifier(kStageTable + integration_)));
}

Result<SentRows::Difference> SentRows::Compare() {
  if (key_.empty()) {
    AFL_TRY(CountCopies());
  } else {
    AFL_TRY(CheckKeys());
    AFL_TRY(data::Execute(connection_.get(),
                          fmt::format("CREATE OR REPLACE TABLE {} AS SELECT {} FROM {} AS t ANTI "
                                      "JOIN {} AS s ON {}",
                                      gone_, KeyList("t."), sent_, stage_, KeysMatch("t", "s"))));
  }
  Difference difference;
  AFL_ASSIGN(difference.rows, Count("SELECT count(*) FROM " + stage_));
  AFL_ASSIGN(difference.changed,
             Count(fmt::format("SELECT count(*) FROM {} WHERE {}", stage_, kChanged)));
  if (key_.empty()) {
    AFL_ASSIGN(const std::uint64_t sent,
               Count("SELECT coalesce(sum(copies), 0)::BIGINT FROM " + sent_));
    const std::uint64_t kept = difference.rows - difference.changed;
    difference.gone = sent > kept ? sent - kept : 0;
  } else {
    AFL_ASSIGN(difference.gone, Count("SELECT count(*) FROM " + gone_));
  }
  return difference;
}

std::string SentRows::ToSend() const {
  if (sends_ == Sends::kWhole) return Stage();
  return fmt::format("{} WHERE {}", stage_, kChanged);
}

std::vector<std::string> SentRows::MergeStatements(
    std::int64_t after, std::int64_t through, const std::vector<std::int64_t>& set_aside) const {
  const std::string rows = fmt::format(
      "SELECT {}{} FROM {} AS s", KeyList("s."),
      key_.empty() ? fmt::format("{}, 1 AS copies", kHash) : fmt::format(", {}", kHash), stage_);
  const std::string counted =
      fmt::format("SELECT {0}, sum(copies)::BIGINT FROM ({{}}) GROUP BY {0}", kHash);
  if (sends_ == Sends::kWhole) {
    const std::string all = rows + " WHERE true" + Except(set_aside);
    return {"DELETE FROM " + sent_,
            fmt::format("INSERT INTO {} {}", sent_,
                        key_.empty() ? fmt::format(fmt::runtime(counted), all) : all)};
  }
  const std::string range = fmt::format(" WHERE s.{} AND s.rowid > {} AND s.rowid <= {}{}",
                                        kChanged, after, through, Except(set_aside));
  if (!key_.empty()) {
    return {fmt::format("DELETE FROM {} AS t USING ({}{}) AS s WHERE {}", sent_, rows, range,
                        KeysMatch("t", "s")),
            fmt::format("INSERT INTO {} {}{}", sent_, rows, range)};
  }
  const std::string grown = fmt::format("SELECT DISTINCT {} FROM {} AS s{}", kHash, stage_, range);
  return {
      fmt::format("CREATE OR REPLACE TEMP TABLE afluente_grown AS {}",
                  fmt::format(fmt::runtime(counted),
                              fmt::format("SELECT {0}, copies FROM {1} WHERE {0} IN ({2}) UNION "
                                          "ALL {3}{4}",
                                          kHash, sent_, grown, rows, range))),
      fmt::format("DELETE FROM {} WHERE {} IN ({})", sent_, kHash, grown),
      fmt::format("INSERT INTO {} SELECT * FROM afluente_grown", sent_)};
}

Status SentRows::Begin(const SentRecord& record) {
  through_ = record.through;
  return InTransaction([&]() -> Status {
    if (sends_ == Sends::kEverything && !key_.empty()) {
      AFL_TRY(data::Execute(connection_.get(),
                            fmt::format("CREATE OR REPLACE TABLE {0} AS SELECT * REPLACE "
                                        "(0::UHUGEINT AS {1}) FROM {0}",
                                        sent_, kHash)));
    }
    return Remember(record, {});
  });
}

Status SentRows::Advance(const SentRecord& record, const std::vector<std::int64_t>& set_aside,
                         const std::vector<data::DeadLetter>& dead_letters) {
  Status advanced = InTransaction([&]() -> Status {
    if (record.through > through_) {
      for (const auto& sql : MergeStatements(through_, record.through, set_aside)) {
        AFL_TRY(data::Execute(connection_.get(), sql));
      }
    }
    return Remember(record, dead_letters);
  });
  if (!advanced.ok()) return advanced;
  through_ = record.through;
  return Done{};
}

Status SentRows::Recover(SentRecord& record, std::int64_t through,
                         const std::vector<std::int64_t>& set_aside) {
  AFL_ASSIGN(const auto stage, ColumnsOf(kStageTable));
  AFL_ASSIGN(const auto sent, ColumnsOf(kSentTable));
  const auto has = [](const std::vector<TableColumn>& columns, const std::string& name) {
    return std::any_of(columns.begin(), columns.end(),
                       [&](const TableColumn& column) { return column.name == name; });
  };
  const bool usable = has(stage, kHash) && has(sent, kHash) &&
                      std::all_of(key_.begin(), key_.end(), [&](const std::string& key) {
                        return has(stage, key) && has(sent, key);
                      });
  // Without a stage of this key those rows are sent again.
  through_ = usable ? record.through : through;
  sends_ = record.whole ? Sends::kWhole : Sends::kChanges;
  record.through = through;
  return Advance(record, set_aside, {});
}

Status SentRows::ForgetGone(std::int64_t through, const std::vector<std::int64_t>& set_aside,
                            const std::vector<data::DeadLetter>& dead_letters) {
  return InTransaction([&]() -> Status {
    AFL_TRY(
        data::Execute(connection_.get(),
                      fmt::format("DELETE FROM {} AS t USING {} AS s WHERE {} AND s.rowid <= "
                                  "{}{}",
                                  sent_, gone_, KeysMatch("t", "s"), through, Except(set_aside))));
    return WriteDeadLetters(connection_.get(), place_, integration_, dead_letters);
  });
}

Status SentRows::AddDeadLetters(const std::vector<data::DeadLetter>& dead_letters) {
  return InTransaction(
      [&] { return WriteDeadLetters(connection_.get(), place_, integration_, dead_letters); });
}

Result<std::string> SentRows::Cell(const std::string& sql) const {
  AFL_ASSIGN(const auto rows, data::QueryCells(connection_.get(), sql));
  return rows.empty() ? std::string() : rows.front().front().text;
}

Status SentRows::Finish() {
  AFL_TRY(data::Execute(connection_.get(), fmt::format("DROP TABLE IF EXISTS {}; DROP TABLE IF "
                                                       "EXISTS {}",
                                                       stage_, gone_)));
  if (const Status status = warehouse_->Checkpoint(place_.project); !status.ok()) {
    spdlog::debug("checkpoint of {} left to later: {}", place_.project, status.error().message());
  }
  return Done{};
}

}  // namespace afluente::duck

#include "connectors/duckdb/table_sink.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <strings.h>

#include <algorithm>
#include <atomic>

#include "base/names.h"
#include "connectors/duckdb/begun_copy.h"
#include "connectors/duckdb/checkpoints.h"
#include "connectors/duckdb/shaped_rows.h"
#include "connectors/duckdb/stage_keys.h"
#include "connectors/inbox/source.h"
#include "pipeline/form.h"
#include "pipeline/shaping.h"

namespace afluente::duck {
namespace {

class TableSink final : public pipeline::Sink {
 public:
  /// `copy`: of a copy that a followed table begins with. `form`: what it makes of it;
  /// nullptr: nothing.
  TableSink(Warehouse& warehouse, const estate::Integration& integration, bool full_refresh,
            CopyMoment copy, std::unique_ptr<CopyForm> form, data::DuckConnection connection)
      : warehouse_(warehouse),
        integration_(integration),
        address_(*integration.destination.table),
        full_refresh_(full_refresh),
        copy_(std::move(copy)),
        form_(std::move(form)),
        connection_(std::move(connection)),
        rows_(warehouse, integration_) {
    if (form_ != nullptr) rows_.Add([this](auto lane) { return form_->AddedColumns(lane); });
    const bool is_followed = integration_.mode == estate::Mode::kCdc;
    if (is_followed && integration_.on_bad_row == estate::OnBadRow::kDeadLetter) {
      rows_.SetAsideInto(set_aside_);
    }
  }
  ~TableSink() override;
  TableSink(const TableSink&) = delete;
  TableSink& operator=(const TableSink&) = delete;

  Result<std::optional<data::Position>> Stored() override;
  Status Prepare(const data::Schema& schema, std::uint64_t estimated_rows) override;
  Status Load(data::BatchReader& lane, const std::stop_token& stop) override;
  Result<pipeline::Committed> Commit(const data::Position& end,
                                     const std::vector<data::DeadLetter>& dead_letters) override;

 private:
  std::string Dataset() const;
  std::string Stage() const;
  Status KeepLast();
  Status CountStaged();
  bool KeepsParts() const { return !copy_.origin.empty(); }
  Status MakeStage(const data::Schema& schema);
  Status LoadParts(data::BatchReader& lane, const std::stop_token& stop);
  Status DropUnchangedRows() const;
  std::string Compression(const TableColumn& column, const data::Schema& source) const;
  Status Publish(const data::Position& end, const std::vector<data::DeadLetter>& dead_letters);
  Status MergeStage() const;
  bool Replaces() const;
  bool Keeps() const { return form_ != nullptr && !target_.empty() && form_->Keeps(target_); }
  Status Fit(const data::Schema& schema, std::uint64_t estimated_rows);
  std::vector<TableColumn> StageColumns() const;

  Warehouse& warehouse_;
  const estate::Integration integration_;
  const estate::TableAddress address_;
  const bool full_refresh_;
  const CopyMoment copy_;
  const std::unique_ptr<CopyForm> form_;
  data::DuckConnection connection_;

  data::DeadLetters set_aside_;
  ShapedRows rows_;
  std::vector<TableColumn> target_;  // Empty: the table does not exist.
  bool stage_exists_ = false;
  std::atomic<std::uint64_t> staged_{0};
};

std::string TableSink::Dataset() const {
  return QuoteIdentifier(address_.project) + "." + QuoteIdentifier(address_.dataset);
}

std::string TableSink::Stage() const { return SqlName(StageOf(address_)); }

TableSink::~TableSink() {
  if (!stage_exists_ || KeepsParts()) return;
  const Status dropped = data::Execute(connection_.get(), "DROP TABLE IF EXISTS " + Stage());
  if (!dropped.ok()) spdlog::debug("the stage stays until the next run");
}

bool TableSink::Replaces() const {
  return full_refresh_ || target_.empty() ||
         integration_.EffectiveWrite() == estate::Write::kReplace;
}

// A checkpoint without its table says nothing: somebody dropped the table.
Result<std::optional<data::Position>> TableSink::Stored() {
  AFL_ASSIGN(target_, ReadColumns(connection_.get(), address_));
  if (target_.empty() || full_refresh_) return std::optional<data::Position>();
  return ReadCheckpoint(connection_.get(), address_, integration_.name);
}

// DuckDB chooses well by itself but for long texts: its dictionaries end with a
// block of 256 KiB, which a few thousand of them fill. With Zstandard the
// benchmark's messages take a third of the room, at half the time. A wrong
// guess, after a transform, costs room and nothing else.
std::string TableSink::Compression(const TableColumn& column, const data::Schema& source) const {
  constexpr int kLongText = 64;
  if (column.type != "VARCHAR" && column.type != "JSON") return "";
  const auto is_long = [&](const data::Column& arriving) {
    const auto rule = integration_.columns.find(arriving.name);
    const bool is_masked = rule != integration_.columns.end() && rule->second.mask.has_value();
    return arriving.average_bytes >= kLongText && !is_masked &&
           pipeline::ArrivesAs(arriving.name, integration_) == column.name;
  };
  return std::any_of(source.begin(), source.end(), is_long) ? " USING COMPRESSION zstd" : "";
}

Status TableSink::Fit(const data::Schema& schema, std::uint64_t estimated_rows) {
  AFL_TRY(pipeline::CheckFormColumns(integration_, schema));
  if (Keeps()) {
    Status fits = rows_.Prepare(schema, estimated_rows, target_, true);
    if (fits.ok() || fits.error().kind() != ErrorKind::kSchemaMismatch) return fits;
    return std::move(fits).Within([&] {
      return fmt::format(
          "form: {} keeps rows of {}, however it is copied; rename or drop it in the "
          "warehouse to begin without them",
          estate::NameOf(integration_.form), address_.ToString());
    });
  }
  return rows_.Prepare(schema, estimated_rows, full_refresh_ ? std::vector<TableColumn>() : target_,
                       !Replaces());
}

// Where rows of the old table are kept, the stage has room for them, too.
std::vector<TableColumn> TableSink::StageColumns() const {
  std::vector<TableColumn> columns = rows_.columns();
  if (!Keeps()) return columns;
  for (const TableColumn& old : target_) {
    const auto found = std::find_if(columns.begin(), columns.end(), [&](const TableColumn& column) {
      return strcasecmp(column.name.c_str(), old.name.c_str()) == 0;
    });
    if (found == columns.end()) {
      columns.push_back(old);
    } else if (IsWidening(found->type, old.type)) {
      found->type = old.type;
    }
  }
  return columns;
}

Status TableSink::Prepare(const data::Schema& schema, std::uint64_t estimated_rows) {
  AFL_ASSIGN(target_, ReadColumns(connection_.get(), address_));
  AFL_TRY(Fit(schema, estimated_rows));
  if (copy_.goes_on) {
    AFL_TRY(CountStaged());
  } else {
    AFL_TRY(MakeStage(schema));
  }
  stage_exists_ = true;
  return Done{};
}

Status TableSink::MakeStage(const data::Schema& schema) {
  if (KeepsParts()) AFL_TRY(ForgetCopy(connection_.get(), integration_));
  std::string columns;
  for (const TableColumn& column : StageColumns()) {
    columns += fmt::format("{}{} {}{}", columns.empty() ? "" : ", ", QuoteIdentifier(column.name),
                           column.type, Compression(column, schema));
  }
  AFL_TRY(data::Execute(connection_.get(),
                        fmt::format("CREATE SCHEMA IF NOT EXISTS {0}; DROP TABLE IF EXISTS {1}; "
                                    "CREATE TABLE {1} ({2})",
                                    Dataset(), Stage(), columns)));
  if (!KeepsParts()) return Done{};
  return BeginCopy(connection_.get(), integration_, copy_.origin, rows_.Shape());
}

Status TableSink::LoadParts(data::BatchReader& lane, const std::stop_token& stop) {
  while (const std::string* part = lane.TakePart()) {
    const auto keep = [&](duckdb_connection connection, std::uint64_t rows) {
      return KeepPart(connection, integration_, *part, static_cast<std::int64_t>(rows));
    };
    AFL_ASSIGN(const std::uint64_t rows,
               rows_.DrainAnd(lane, "INSERT INTO " + Stage() + " BY NAME ", keep, stop));
    staged_ += rows;
    copy_.on_part_kept();
  }
  return Done{};
}

Status TableSink::Load(data::BatchReader& lane, const std::stop_token& stop) {
  if (KeepsParts()) return LoadParts(lane, stop);
  AFL_ASSIGN(const std::uint64_t rows,
             rows_.Drain(lane, "INSERT INTO " + Stage() + " BY NAME ", "", stop));
  staged_ += rows;
  return Done{};
}

// Messages of one key come one after the other, and the last one counts. They stand
// in the stage as they came: whoever reads them sees to that.
Status TableSink::KeepLast() {
  std::string keys;
  for (const std::string& key : integration_.destination.key) {
    keys += (keys.empty() ? "" : ", ") + QuoteIdentifier(key);
  }
  AFL_ASSIGN(const auto repeated,
             data::QueryCells(connection_.get(),
                              fmt::format("SELECT count(*) FROM (SELECT 1 FROM {} GROUP BY {} "
                                          "HAVING count(*) > 1)",
                                          Stage(), keys)));
  if (repeated.front().front().text == "0") return Done{};
  AFL_TRY(
      data::Execute(connection_.get(),
                    fmt::format("DELETE FROM {0} WHERE rowid NOT IN (SELECT max(rowid) FROM {0} "
                                "GROUP BY {1})",
                                Stage(), keys)));
  return CountStaged();
}

Status TableSink::CountStaged() {
  AFL_ASSIGN(const auto rows,
             data::QueryCells(connection_.get(), "SELECT count(*) FROM " + Stage()));
  staged_ = std::stoull(rows.front().front().text);
  return Done{};
}

// A lookback reads rows again that mostly stand here already: writing them once
// more would only make the file grow.
Status TableSink::DropUnchangedRows() const {
  std::string same = KeysMatch(integration_.destination.key);
  for (const TableColumn& column : rows_.columns()) {
    const std::string name = QuoteIdentifier(column.name);
    // DuckDB holds '1 month' and '30 days', or 0.0 and -0.0, to be equal.
    const bool as_text =
        column.type == "INTERVAL" || column.type == "DOUBLE" || column.type == "FLOAT";
    same += fmt::format(" AND t.{0}{1} IS NOT DISTINCT FROM s.{0}{1}", name,
                        as_text ? "::VARCHAR" : "");
  }
  return data::Execute(connection_.get(), fmt::format("DELETE FROM {} AS s USING {} AS t WHERE {}",
                                                      Stage(), SqlName(address_), same));
}

Status TableSink::MergeStage() const {
  const std::string target = SqlName(address_);
  for (const std::string& alteration : rows_.evolution().alterations) {
    AFL_TRY(data::Execute(connection_.get(), "ALTER TABLE " + target + " " + alteration));
  }
  if (integration_.EffectiveWrite() == estate::Write::kUpsert) {
    AFL_TRY(data::Execute(connection_.get(),
                          fmt::format("DELETE FROM {} AS t USING {} AS s WHERE {}", target, Stage(),
                                      KeysMatch(integration_.destination.key))));
  }
  AFL_TRY(data::Execute(connection_.get(),
                        fmt::format("INSERT INTO {} BY NAME SELECT * FROM {}", target, Stage())));
  return data::Execute(connection_.get(), "DROP TABLE " + Stage());
}

Status TableSink::Publish(const data::Position& end,
                          const std::vector<data::DeadLetter>& dead_letters) {
  if (Keeps()) {
    AFL_TRY(form_->Publish(connection_.get(), Stage(), address_, rows_.evolution()));
  } else if (Replaces()) {
    AFL_TRY(
        data::Execute(connection_.get(),
                      fmt::format("DROP TABLE IF EXISTS {}; ALTER TABLE {} RENAME TO {}",
                                  SqlName(address_), Stage(), QuoteIdentifier(address_.table))));
  } else {
    AFL_TRY(MergeStage());
  }
  AFL_TRY(WriteCheckpoint(connection_.get(), address_, integration_.name, end));
  AFL_TRY(WriteDeadLetters(connection_.get(), address_, integration_.name, dead_letters));
  if (KeepsParts()) AFL_TRY(ForgetCopy(connection_.get(), integration_));
  return data::Execute(connection_.get(), "COMMIT");
}

Result<pipeline::Committed> TableSink::Commit(const data::Position& end,
                                              const std::vector<data::DeadLetter>& dead_letters) {
  const bool upserts = integration_.EffectiveWrite() == estate::Write::kUpsert;
  // What is followed is identified by the source, and a transform may make
  // several rows of one.
  const bool is_followed = integration_.mode == estate::Mode::kCdc;
  const bool names_rows =
      !is_followed || (!integration_.destination.key.empty() && integration_.transform.empty());
  if (upserts && inbox::ReadsInbox(integration_)) AFL_TRY(KeepLast());
  if (upserts && names_rows)
    AFL_TRY(CheckKeys(connection_.get(), Stage(), integration_.destination.key));
  if (upserts && !Replaces() && integration_.lookback.count() > 0 &&
      rows_.evolution().changes.empty()) {
    AFL_TRY(DropUnchangedRows());
    AFL_TRY(CountStaged());
    AFL_ASSIGN(const auto stored, Stored());
    if (staged_ == 0 && stored == end) return pipeline::Committed{};
  }
  const std::vector<data::DeadLetter> set_aside = set_aside_.Copy();
  std::vector<data::DeadLetter> letters = dead_letters;
  letters.insert(letters.end(), set_aside.begin(), set_aside.end());
  AFL_TRY(data::Execute(connection_.get(), "BEGIN"));
  if (Status published = Publish(end, letters); !published.ok()) {
    // The first failure is the one to tell; DuckDB may have rolled back already.
    (void)data::Execute(connection_.get(), "ROLLBACK");
    return std::move(published).error();
  }
  stage_exists_ = false;
  if (const Status status = warehouse_.Checkpoint(address_.project); !status.ok()) {
    spdlog::debug("checkpoint of {} left to later: {}", address_.project, status.error().message());
  }
  return pipeline::Committed{staged_, set_aside.size(), rows_.evolution().changes};
}

}  // namespace

Result<std::unique_ptr<pipeline::Sink>> OpenTableSink(Warehouse& warehouse,
                                                      const estate::Integration& integration,
                                                      bool full_refresh) {
  AFL_ASSIGN(data::DuckConnection connection, warehouse.Connect());
  return std::unique_ptr<pipeline::Sink>(std::make_unique<TableSink>(
      warehouse, integration, full_refresh, CopyMoment{}, nullptr, std::move(connection)));
}

Result<std::unique_ptr<pipeline::Sink>> OpenCopySink(Warehouse& warehouse,
                                                     const estate::Integration& integration,
                                                     CopyMoment moment) {
  AFL_ASSIGN(data::DuckConnection connection, warehouse.Connect());
  // A new copy takes the source's shape, whatever the policy says of changes.
  estate::Integration copied = integration;
  copied.on_schema_change = estate::OnSchemaChange::kEvolve;
  std::unique_ptr<CopyForm> form = MakeCopyForm(integration.form, moment);
  return std::unique_ptr<pipeline::Sink>(std::make_unique<TableSink>(
      warehouse, copied, true, std::move(moment), std::move(form), std::move(connection)));
}

}  // namespace afluente::duck

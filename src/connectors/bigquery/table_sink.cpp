#include "connectors/bigquery/table_sink.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <mutex>

#include "base/clock.h"
#include "base/names.h"
#include "base/stop_after.h"
#include "connectors/bigquery/checkpoints.h"
#include "connectors/bigquery/publish_sql.h"
#include "connectors/bigquery/types.h"
#include "connectors/duckdb/evolution.h"
#include "connectors/duckdb/shaped_rows.h"
#include "connectors/duckdb/stage_keys.h"
#include "connectors/inbox/source.h"

namespace afluente::bigquery {
namespace {

namespace fs = std::filesystem;
using duck::TableColumn;

constexpr std::chrono::hours kStageLives(24);

// Labels are lower case letters, digits, dashes and underscores, 63 at most.
std::string LabelOf(const std::string& name) {
  std::string label = name.substr(0, 63);
  for (char& c : label) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-') c = '_';
  }
  return label;
}

std::string NewRun() {
  return fmt::format("{:x}_{}", SystemClock().Now().time_since_epoch().count(), getpid());
}

class TableSink final : public pipeline::Sink {
 public:
  TableSink(duck::Warehouse& warehouse, std::shared_ptr<Client> client, const fs::path& folder,
            const estate::Integration& integration, bool full_refresh, std::stop_token stop)
      : client_(std::move(client)),
        integration_(integration),
        address_(*integration.destination.table),
        full_refresh_(full_refresh),
        stop_(std::move(stop)),
        run_(NewRun()),
        folder_(folder / ("bigquery-" + run_)),
        warehouse_(warehouse),
        rows_(warehouse, integration) {}
  TableSink(const TableSink&) = delete;
  TableSink& operator=(const TableSink&) = delete;
  ~TableSink() override;

  Status Open();
  Result<std::optional<data::Position>> Stored() override;
  Status Prepare(const data::Schema& schema, std::uint64_t estimated_rows) override;
  Status Load(data::BatchReader& lane, const std::stop_token& stop) override;
  Status Deliver(const std::stop_token& stop) override;
  Result<pipeline::Committed> Commit(const data::Position& end,
                                     const std::vector<data::DeadLetter>& dead_letters) override;

 private:
  estate::TableAddress Stage(const char* of = "rows") const {
    return {address_.project, address_.dataset, fmt::format("_afluente_stage_{}_{}", of, run_)};
  }
  Status MakeStage(const estate::TableAddress& stage, nlohmann::json fields);
  std::string JobId(const std::string& step) const {
    return fmt::format("afluente_{}_{}_{}", LabelOf(integration_.name), run_, step);
  }
  std::map<std::string, std::string> Labels() const {
    return {{"afluente", LabelOf(integration_.name)}};
  }
  bool Upserts() const { return integration_.EffectiveWrite() == estate::Write::kUpsert; }
  Status Fit(const std::vector<TableColumn>& arriving);
  Status KeepLast(fs::path& file) const;
  Status CheckFileKeys() const;
  std::string FilesInSql() const;
  Status Alter(const std::stop_token& stop);
  Status MakeTarget(const std::stop_token& stop);
  Result<std::string> StageDeadLetters(const std::vector<data::DeadLetter>& letters);
  Status RunScript(const std::string& step, const std::string& sql);

  const std::shared_ptr<Client> client_;
  const estate::Integration& integration_;
  const estate::TableAddress address_;
  const bool full_refresh_;
  const std::stop_token stop_;
  const std::string run_;  // Of names of files, jobs and the stage.
  const fs::path folder_;
  duck::Warehouse& warehouse_;
  duck::ShapedRows rows_;

  std::optional<Table> target_;           // nullopt: there is none.
  std::optional<data::Position> stored_;  // What is there now, whatever it is worth.
  std::vector<ColumnForm> forms_;
  duck::Evolution evolution_;
  std::vector<std::string> alterations_;  // Clauses of ALTER TABLE.
  Publish publish_ = Publish::kInsert;
  bool makes_anew_ = false;  // The rows do not fit the table, which goes.

  std::mutex mutex_;  // Guards files_ and staged_.
  std::vector<fs::path> files_;
  std::uint64_t staged_ = 0;
  std::vector<estate::TableAddress> stages_;  // That were made.
};

TableSink::~TableSink() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
  constexpr double kSecondsToTidy = 5;
  const StopAfter limit({}, kSecondsToTidy);
  for (const estate::TableAddress& stage : stages_) {
    if (client_->DropTable(stage, limit.token()).ok()) continue;
    spdlog::debug("the stage {} stays until it expires", stage.ToString());
  }
}

// What a project's first run makes, its dead letters last, is not made again by those after it.
Status TableSink::Open() {
  AFL_ASSIGN(target_, client_->FindTable(address_, stop_));
  if (!target_) AFL_TRY(client_->EnsureDataset(address_.project, address_.dataset, stop_));
  AFL_ASSIGN(const auto last,
             client_->FindTable({address_.project, kSystemDataset, "dead_letters"}, stop_));
  if (!last) AFL_TRY(EnsureSystemTables(*client_, address_.project, stop_));
  AFL_ASSIGN(stored_,
             ReadCheckpoint(*client_, JobId("checkpoint"), address_, integration_.name, stop_));
  return Done{};
}

// A checkpoint without its table says nothing: somebody dropped the table.
Result<std::optional<data::Position>> TableSink::Stored() {
  const bool counts = target_ && stored_ && stored_->kind != kRefreshing && !full_refresh_;
  return counts ? stored_ : std::optional<data::Position>();
}

// Whether the rows fit the table that is there, and what must become of it.
Status TableSink::Fit(const std::vector<TableColumn>& arriving) {
  std::vector<TableColumn> there;
  for (const auto& field : target_->fields) {
    const auto type = TypeOfField(field);
    there.push_back({field.value("name", ""), type ? AsStored(*type) : field.value("type", "")});
  }
  AFL_ASSIGN(evolution_, duck::PlanEvolution(there, arriving, integration_.on_schema_change, true));
  if (!evolution_.projection.empty()) {  // Then what arrives has the table's shape.
    forms_.clear();
    for (const TableColumn& column : there) {
      AFL_ASSIGN(ColumnForm form, FormOf(column.name, column.type));
      forms_.push_back(std::move(form));
    }
    return Done{};
  }
  for (std::size_t i = 0; i < arriving.size(); ++i) {
    const auto found = std::find_if(there.begin(), there.end(), [&](const TableColumn& column) {
      return strcasecmp(column.name.c_str(), arriving[i].name.c_str()) == 0;
    });
    const std::string name = Quoted(arriving[i].name);
    const std::string type = forms_[i].type.BigqueryName();
    if (found == there.end()) {
      alterations_.push_back(fmt::format("ADD COLUMN IF NOT EXISTS {} {}", name, type));
    } else if (!duck::IsWidening(arriving[i].type, found->type)) {
      const bool numbers = found->type == "BIGINT" || found->type.starts_with("DECIMAL");
      if (!numbers || !arriving[i].type.starts_with("DECIMAL")) {
        return Error(ErrorKind::kSchemaMismatch,
                     fmt::format("column {} is {} in BigQuery, which cannot become {}; run with "
                                 "--full-refresh",
                                 arriving[i].name, found->type, type));
      }
      alterations_.push_back(fmt::format("ALTER COLUMN {} SET DATA TYPE {}", name, type));
    }
  }
  return Done{};
}

Status TableSink::Prepare(const data::Schema& schema, std::uint64_t estimated_rows) {
  AFL_TRY(rows_.Prepare(schema, estimated_rows, {}, false));
  std::vector<TableColumn> arriving;
  for (const TableColumn& column : rows_.columns()) {
    AFL_ASSIGN(ColumnForm form, FormOf(column.name, column.type));
    arriving.push_back({column.name, AsStored(form.type)});
    forms_.push_back(std::move(form));
  }
  const bool is_half_made = stored_ && stored_->kind == kRefreshing;
  const bool replaces =
      full_refresh_ || is_half_made || integration_.EffectiveWrite() == estate::Write::kReplace;
  publish_ = replaces ? Publish::kReplace : Upserts() ? Publish::kMerge : Publish::kInsert;
  if (target_) {
    const Status fits = Fit(arriving).Within([&] { return "table " + address_.ToString(); });
    if (!fits.ok() && !full_refresh_) return fits;
    if (!fits.ok()) {
      makes_anew_ = true;
      alterations_.clear();
      evolution_ = {};
    }
  }
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) return Error(ErrorKind::kInternal, folder_.string() + ": " + error.message());
  nlohmann::json fields;
  for (const ColumnForm& form : forms_) fields.push_back(FieldOf(form.name, form.file_type));
  return MakeStage(Stage(), std::move(fields));
}

Status TableSink::MakeStage(const estate::TableAddress& stage, nlohmann::json fields) {
  NewTable table;
  table.fields = std::move(fields);
  table.lives = kStageLives;
  stages_.push_back(stage);
  return client_->EnsureTable(stage, table, stop_);
}

Status TableSink::Load(data::BatchReader& lane, const std::stop_token& stop) {
  fs::path file;
  {
    const std::lock_guard lock(mutex_);
    file = folder_ / fmt::format("lane-{}.parquet", files_.size());
    files_.push_back(file);
  }
  std::string columns;
  for (const ColumnForm& form : forms_) {
    columns += fmt::format("{}{} AS {}", columns.empty() ? "" : ", ", form.to_file,
                           QuoteIdentifier(form.name));
  }
  const std::string from =
      evolution_.projection.empty()
          ? std::string("FROM (")
          : fmt::format("FROM (SELECT {} FROM (", fmt::join(evolution_.projection, ", "));
  AFL_ASSIGN(const std::uint64_t rows,
             rows_.Drain(
                 lane, fmt::format("COPY (SELECT {} {}", columns, from),
                 fmt::format("){}) TO {} (FORMAT parquet, COMPRESSION zstd)",
                             evolution_.projection.empty() ? "" : ")", QuoteLiteral(file.string())),
                 stop));
  const std::lock_guard lock(mutex_);
  staged_ += rows;
  return Done{};
}

// Messages of one key come one after the other, and the last one counts.
Status TableSink::KeepLast(fs::path& file) const {
  AFL_ASSIGN(const data::DuckConnection connection, warehouse_.Connect());
  std::vector<std::string> keys;
  for (const std::string& key : integration_.destination.key) keys.push_back(QuoteIdentifier(key));
  const fs::path last = file.string() + ".last";
  AFL_TRY(data::Execute(
      connection.get(),
      fmt::format("COPY (SELECT * EXCLUDE (file_row_number) FROM read_parquet({}, "
                  "file_row_number = true) QUALIFY row_number() OVER (PARTITION BY {} ORDER BY "
                  "file_row_number DESC) = 1) TO {} (FORMAT parquet, COMPRESSION zstd)",
                  QuoteLiteral(file.string()), fmt::join(keys, ", "),
                  QuoteLiteral(last.string()))));
  file = last;
  return Done{};
}

std::string TableSink::FilesInSql() const {
  std::vector<std::string> files;
  for (const fs::path& file : files_) files.push_back(QuoteLiteral(file.string()));
  return fmt::format("read_parquet([{}])", fmt::join(files, ", "));
}

Status TableSink::CheckFileKeys() const {
  AFL_ASSIGN(const data::DuckConnection connection, warehouse_.Connect());
  return duck::CheckKeys(connection.get(), FilesInSql(), integration_.destination.key);
}

Status TableSink::Deliver(const std::stop_token& stop) {
  if (files_.empty()) return Done{};
  if (Upserts() && inbox::ReadsInbox(integration_)) {
    for (fs::path& file : files_) AFL_TRY(KeepLast(file));
  }
  if (Upserts()) AFL_TRY(CheckFileKeys());
  for (std::size_t i = 0; i < files_.size() && staged_ > 0; ++i) {
    AFL_TRY(client_->LoadParquet(JobId(fmt::format("load_{}", i)), Stage(), files_[i], stop));
  }
  return Done{};
}

Status TableSink::MakeTarget(const std::stop_token& stop) {
  NewTable table;
  for (const ColumnForm& form : forms_) {
    table.fields.push_back(FieldOf(form.name, form.type.BigqueryName()));
  }
  constexpr std::size_t kKeyColumnsMax = 16;
  const auto& key = integration_.destination.key;
  if (key.size() <= kKeyColumnsMax) table.key = key;
  table.labels = Labels();
  return client_->EnsureTable(address_, table, stop);
}

// They go the way of the rows: a script may not be larger than a megabyte.
Result<std::string> TableSink::StageDeadLetters(const std::vector<data::DeadLetter>& letters) {
  if (letters.empty()) return std::string();
  constexpr const char* kColumns = "destination, integration, `key`, reason, `row`, position";
  const auto text = [](const std::string& value) {
    return value.empty() ? std::string("NULL") : QuoteLiteral(value);
  };
  std::vector<std::string> rows;
  for (const data::DeadLetter& letter : letters) {
    rows.push_back(fmt::format("({}, {}, {}, {}, {}, {})", QuoteLiteral(address_.ToString()),
                               QuoteLiteral(integration_.name), QuoteLiteral(letter.key),
                               QuoteLiteral(letter.reason), text(letter.row),
                               text(letter.position)));
  }
  const fs::path file = folder_ / "dead_letters.parquet";
  AFL_ASSIGN(const data::DuckConnection connection, warehouse_.Connect());
  AFL_TRY(data::Execute(
      connection.get(),
      fmt::format(
          "COPY (SELECT destination, integration, key, reason, \"row\"::VARCHAR AS \"row\", "
          "position::VARCHAR AS position FROM (VALUES {}) AS v(destination, integration, "
          "key, reason, \"row\", position)) TO {} (FORMAT parquet)",
          fmt::join(rows, ", "), QuoteLiteral(file.string()))));
  const estate::TableAddress stage = Stage("letters");
  AFL_TRY(MakeStage(stage, DeadLetterFields()));
  const std::stop_token never;
  AFL_TRY(client_->LoadParquet(JobId("load_letters"), stage, file, never));
  return fmt::format(
      "INSERT INTO {0} ({1}, committed_at) SELECT {1}, CURRENT_TIMESTAMP() FROM {2};\n",
      Quoted(address_.project + "." + kSystemDataset + ".dead_letters"), kColumns,
      Quoted(stage.ToString()));
}

Status TableSink::RunScript(const std::string& step, const std::string& sql) {
  auto ran = client_->Execute(JobId(step), address_.project, sql, Labels(), std::stop_token());
  if (!ran.ok() && ran.error().message().find(kOvertaken) != std::string::npos) {
    return Error(ErrorKind::kTransient, "table " + address_.ToString() + ": " + kOvertaken);
  }
  if (!ran.ok()) return std::move(ran).error();
  spdlog::debug("{}: {} processed {} bytes", integration_.name, step, ran.value().bytes_processed);
  return Done{};
}

Result<pipeline::Committed> TableSink::Commit(const data::Position& end,
                                              const std::vector<data::DeadLetter>& dead_letters) {
  const bool replaces = publish_ == Publish::kReplace;
  const bool nothing = staged_ == 0 && !replaces && target_ && alterations_.empty();
  if (nothing && stored_ == end && dead_letters.empty()) return pipeline::Committed{};
  const auto transaction = [](const std::string& statements) {
    return "BEGIN TRANSACTION;\n" + statements + "COMMIT TRANSACTION;\n";
  };
  if (makes_anew_) {
    const data::Position refreshing{kRefreshing, ""};
    AFL_TRY(RunScript(
        "begin", transaction(MoveCheckpoint(address_, integration_.name, stored_, refreshing))));
    stored_ = refreshing;
    AFL_TRY(client_->DropTable(address_, std::stop_token()));
    target_.reset();
  }
  if (!target_) AFL_TRY(MakeTarget(std::stop_token()));
  if (!alterations_.empty()) {
    AFL_TRY(RunScript("alter", fmt::format("ALTER TABLE {} {}", Quoted(address_.ToString()),
                                           fmt::join(alterations_, ", "))));
  }
  AFL_ASSIGN(const std::string letters, StageDeadLetters(dead_letters));
  AFL_TRY(RunScript(
      "publish",
      transaction((staged_ > 0 || replaces ? PublishSql(publish_, address_, Stage(), forms_,
                                                        integration_.destination.key)
                                           : "") +
                  letters + MoveCheckpoint(address_, integration_.name, stored_, end))));
  stored_ = end;
  return pipeline::Committed{staged_, 0, evolution_.changes};
}

}  // namespace

Result<std::unique_ptr<pipeline::Sink>> OpenTableSink(
    duck::Warehouse& warehouse, std::shared_ptr<Client> client, const fs::path& folder,
    const estate::Integration& integration, bool full_refresh, const std::stop_token& stop) {
  auto sink = std::make_unique<TableSink>(warehouse, std::move(client), folder, integration,
                                          full_refresh, stop);
  AFL_TRY(sink->Open());
  return std::unique_ptr<pipeline::Sink>(std::move(sink));
}

}  // namespace afluente::bigquery

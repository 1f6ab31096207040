#include "connectors/objectstore/parquet_sink.h"

#include <fmt/format.h>
#include <unistd.h>

#include <mutex>

#include "base/clock.h"
#include "base/names.h"
#include "connectors/duckdb/shaped_rows.h"
#include "connectors/objectstore/manifest.h"

namespace afluente::lake {
namespace {

namespace fs = std::filesystem;

class ParquetSink final : public pipeline::Sink {
 public:
  ParquetSink(duck::Warehouse& warehouse, fs::path prefix, const estate::Integration& integration,
              bool full_refresh)
      : prefix_(std::move(prefix)),
        integration_(integration),
        full_refresh_(full_refresh),
        run_(fmt::format("{}-{}", SystemClock().Now().time_since_epoch().count(), getpid())),
        rows_(warehouse, integration) {}
  ParquetSink(const ParquetSink&) = delete;
  ParquetSink& operator=(const ParquetSink&) = delete;
  ~ParquetSink() override {
    if (manifest_known_) RemoveUnlisted(prefix_, manifest_);
  }

  Result<std::optional<data::Position>> Stored() override;
  Status Prepare(const data::Schema& schema, std::uint64_t estimated_rows) override;
  Status Load(data::BatchReader& lane, const std::stop_token& stop) override;
  Result<pipeline::Committed> Commit(const data::Position& end,
                                     const std::vector<data::DeadLetter>& dead_letters) override;

 private:
  bool Appends() const {
    return !full_refresh_ && integration_.EffectiveWrite() == estate::Write::kAppend;
  }

  const fs::path prefix_;
  const estate::Integration& integration_;
  const bool full_refresh_;
  const std::string run_;  // Part of file names: no two runs write the same file.
  duck::ShapedRows rows_;
  Manifest manifest_;  // What counts now.
  bool manifest_known_ = false;
  std::mutex mutex_;  // Guards written_.
  std::vector<ManifestFile> written_;
};

Result<std::optional<data::Position>> ParquetSink::Stored() {
  auto manifest = ReadManifest(prefix_);
  manifest_known_ = manifest.ok();
  if (manifest.ok() && manifest.value()) manifest_ = *manifest.value();
  // A full refresh is the cure for a damaged manifest.
  if (full_refresh_) return std::optional<data::Position>();
  if (!manifest.ok()) return std::move(manifest).error();
  if (!manifest.value()) return std::optional<data::Position>();
  return std::optional(manifest_.position);
}

Status ParquetSink::Prepare(const data::Schema& schema, std::uint64_t estimated_rows) {
  std::vector<duck::TableColumn> target;
  if (!full_refresh_) {
    for (const ManifestColumn& column : manifest_.columns) {
      target.push_back({column.name, column.type});
    }
  }
  if (manifest_known_) RemoveUnlisted(prefix_, manifest_);
  return rows_.Prepare(schema, estimated_rows, target, false);
}

Status ParquetSink::Load(data::BatchReader& lane, const std::stop_token& stop) {
  ManifestFile file;
  {
    const std::lock_guard lock(mutex_);
    file.name = fmt::format("part-{}-{}.parquet", run_, written_.size());
    written_.push_back(file);
  }
  const fs::path path = prefix_ / file.name;
  AFL_ASSIGN(file.rows, rows_.Drain(lane, "COPY (",
                                    fmt::format(") TO {} (FORMAT parquet, COMPRESSION zstd)",
                                                QuoteLiteral(path.string())),
                                    stop));
  std::error_code error;
  file.bytes = fs::file_size(path, error);
  const std::lock_guard lock(mutex_);
  for (ManifestFile& entry : written_) {
    if (entry.name == file.name) entry = file;
  }
  return Done{};
}

Result<pipeline::Committed> ParquetSink::Commit(const data::Position& end,
                                                const std::vector<data::DeadLetter>& dead_letters) {
  Manifest next;
  next.integration = integration_.name;
  next.position = end;
  for (const duck::TableColumn& column : rows_.columns()) {
    next.columns.push_back({column.name, column.type});
  }
  if (Appends()) next.files = manifest_.files;
  pipeline::Committed committed{0, 0, rows_.evolution().changes};
  for (const ManifestFile& file : written_) {
    // An empty file is only worth keeping when it is the only one: it has the columns.
    if (file.rows == 0 && (!next.files.empty() || &file != &written_.back())) continue;
    next.files.push_back(file);
    committed.rows_written += file.rows;
  }
  next.dead_letters = Appends() ? manifest_.dead_letters : std::vector<data::DeadLetter>();
  next.dead_letters.insert(next.dead_letters.end(), dead_letters.begin(), dead_letters.end());
  AFL_TRY(WriteManifest(prefix_, next));
  manifest_ = std::move(next);
  manifest_known_ = true;
  return committed;
}

}  // namespace

Result<std::unique_ptr<pipeline::Sink>> OpenParquetSink(duck::Warehouse& warehouse,
                                                        const fs::path& root,
                                                        const estate::Integration& integration,
                                                        bool full_refresh) {
  const fs::path prefix = fs::absolute(root) / integration.destination.lake->ToString();
  std::error_code error;
  fs::create_directories(prefix, error);
  if (error) return Error(ErrorKind::kInvalidConfig, prefix.string() + ": " + error.message());
  return std::unique_ptr<pipeline::Sink>(
      std::make_unique<ParquetSink>(warehouse, prefix, integration, full_refresh));
}

}  // namespace afluente::lake

#include "inference/scoring.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>
#include <vector>

#include "inference/appender.h"
#include "inference/model_versions.h"
#include "inference/scratch.h"
#include "inference/training.h"

namespace afluente::inference {
namespace {

namespace fs = std::filesystem;

constexpr int kArtifactFormat = 1;

// The chunk that is appended: columns of the result, and the scores.
class OutChunk {
 public:
  OutChunk(data::DuckResult& result, std::size_t columns, std::size_t score)
      : columns_(columns), score_(score) {
    std::vector<data::DuckType> types;
    std::vector<duckdb_logical_type> raw;
    for (std::size_t column = 0; column < columns; ++column) {
      types.emplace_back(duckdb_column_logical_type(result.out(), column));
      raw.push_back(types.back().get());
    }
    chunk_ = data::DuckChunk(duckdb_create_data_chunk(raw.data(), raw.size()));
  }

  duckdb_data_chunk Fill(duckdb_data_chunk from, const std::vector<float>& scores) {
    duckdb_data_chunk_reset(chunk_.get());
    for (std::size_t column = 0; column < columns_; ++column) {
      duckdb_vector to = duckdb_data_chunk_get_vector(chunk_.get(), column);
      if (column != score_) {
        duckdb_vector_reference_vector(to, duckdb_data_chunk_get_vector(from, column));
        continue;
      }
      auto* cells = static_cast<double*>(duckdb_vector_get_data(to));
      for (std::size_t row = 0; row < scores.size(); ++row) cells[row] = scores[row];
    }
    duckdb_data_chunk_set_size(chunk_.get(), scores.size());
    return chunk_.get();
  }

 private:
  const std::size_t columns_;
  const std::size_t score_;
  data::DuckChunk chunk_;
};

Result<data::DuckResult> Stream(duckdb_connection connection, const std::string& select) {
  data::DuckPrepared prepared;
  if (duckdb_prepare(connection, select.c_str(), prepared.out()) == DuckDBError) {
    return Error(ErrorKind::kInvalidConfig, duckdb_prepare_error(prepared.get()));
  }
  data::DuckResult result;
  if (duckdb_execute_prepared_streaming(prepared.get(), result.out()) == DuckDBError) {
    const std::string text = duckdb_result_error(result.out());
    return Error(data::KindOfDuckError(duckdb_result_error_type(result.out()), text), text);
  }
  return result;
}

}  // namespace

Result<LoadedModel> LoadModel(const fs::path& folder, const std::string& version) {
  AFL_ASSIGN(const ModelVersion found, FindVersion(folder, version));
  const fs::path files = folder / found.name;
  AFL_ASSIGN(const nlohmann::json document, ReadJson(files / kModelDocument));
  std::stringstream bytes;
  bytes << std::ifstream(files / kModelBytes, std::ios::binary).rdbuf();
  try {
    if (document.at("format") != kArtifactFormat) {
      return Error(ErrorKind::kSchemaMismatch,
                   fmt::format("{} has format {}, this afluente knows format {}", files.string(),
                               document.at("format").dump(), kArtifactFormat));
    }
    AFL_ASSIGN(const Engine* engine, FindEngine(document.at("engine").get<std::string>()));
    AFL_ASSIGN(auto model, engine->Load(bytes.str()));
    return LoadedModel{found.name, FeaturePlan(FeaturesFromJson(document.at("features"))),
                       std::move(model)};
  } catch (const nlohmann::json::exception&) {
    return Error(ErrorKind::kInternal, (files / kModelDocument).string() + " is damaged");
  }
}

Result<Scored> ScoreRows(duckdb_connection reader, const std::string& select,
                         duckdb_connection writer, const estate::TableAddress& stage,
                         std::size_t columns, std::size_t score, const LoadedModel& model,
                         const std::stop_token& stop) {
  AFL_ASSIGN(data::DuckResult rows, Stream(reader, select));
  DuckAppender appender;
  AFL_TRY(CheckAppend(
      appender, duckdb_appender_create_ext(writer, stage.project.c_str(), stage.dataset.c_str(),
                                           stage.table.c_str(), appender.out())));
  OutChunk out(rows, columns, score);
  Scored scored;
  Matrix features;
  while (true) {
    if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "it was asked to stop");
    const data::DuckChunk chunk(duckdb_fetch_chunk(rows.get()));
    if (chunk.get() == nullptr || duckdb_data_chunk_get_size(chunk.get()) == 0) break;
    features.values.clear();
    model.plan.Encode(chunk.get(), columns, features);
    AFL_ASSIGN(const std::vector<float> scores, model.model->Score(features));
    AFL_TRY(CheckAppend(appender,
                        duckdb_append_data_chunk(appender.get(), out.Fill(chunk.get(), scores))));
    scored.rows += scores.size();
    for (const float one : scores) scored.sum += one;
  }
  const char* failed = duckdb_result_error(rows.out());
  if (failed != nullptr) {
    return Error(data::KindOfDuckError(duckdb_result_error_type(rows.out()), failed), failed);
  }
  AFL_TRY(CheckAppend(appender, duckdb_appender_close(appender.get())));
  return scored;
}

}  // namespace afluente::inference

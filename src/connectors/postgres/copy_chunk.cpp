#include "connectors/postgres/copy_chunk.h"

#include "connectors/postgres/big_endian.h"

namespace afluente::postgres {

std::string_view CopyChunk::Tuples(std::size_t begin, std::size_t end) const {
  const std::size_t from = begin == 0 ? 0 : ends[begin - 1];
  const std::size_t to = end == 0 ? 0 : ends[end - 1];
  return std::string_view(bytes).substr(from, to - from);
}

void CopyChunk::Clear() {
  bytes.clear();
  ends.clear();
  numbers.clear();
  faults.clear();
}

CopyChunks::CopyChunks(const std::vector<data::LogicalType>& types) {
  encoders_.reserve(types.size());
  for (const data::LogicalType& type : types) encoders_.emplace_back(type);
}

Result<std::unique_ptr<CopyChunks>> CopyChunks::Open(duckdb_connection connection,
                                                     const std::string& sql,
                                                     const std::vector<data::LogicalType>& types) {
  std::unique_ptr<CopyChunks> chunks(new CopyChunks(types));
  data::DuckPrepared prepared;
  if (duckdb_prepare(connection, sql.c_str(), prepared.out()) == DuckDBError) {
    return Error(ErrorKind::kInternal, duckdb_prepare_error(prepared.get()));
  }
  if (duckdb_execute_prepared_streaming(prepared.get(), chunks->result_.out()) == DuckDBError) {
    return Error(ErrorKind::kInternal, duckdb_result_error(chunks->result_.out()));
  }
  return chunks;
}

Status CopyChunks::Fetch() {
  fetched_ = data::DuckChunk(duckdb_fetch_chunk(result_.get()));
  next_ = 0;
  size_ = fetched_.get() == nullptr ? 0 : duckdb_data_chunk_get_size(fetched_.get());
  if (size_ == 0) {
    at_end_ = true;
    const char* failed = duckdb_result_error(result_.out());
    if (failed == nullptr) return Done{};
    return Error(data::KindOfDuckError(duckdb_result_error_type(result_.out()), failed), failed);
  }
  for (std::size_t i = 0; i < encoders_.size(); ++i) {
    encoders_[i].Attach(duckdb_data_chunk_get_vector(fetched_.get(), i));
  }
  numbers_ = static_cast<const std::int64_t*>(
      duckdb_vector_get_data(duckdb_data_chunk_get_vector(fetched_.get(), encoders_.size())));
  return Done{};
}

void CopyChunks::EncodeRow(CopyChunk& chunk) {
  const std::size_t begin = chunk.bytes.size();
  AppendBigEndian(static_cast<std::int16_t>(encoders_.size()), chunk.bytes);
  for (std::size_t i = 0; i < encoders_.size(); ++i) {
    const EncodeFault fault = encoders_[i].Append(next_, chunk.bytes);
    if (fault == EncodeFault::kNone) continue;
    chunk.faults.push_back({chunk.rows(), i, fault});
    chunk.bytes.resize(begin);
    break;
  }
  chunk.ends.push_back(chunk.bytes.size());
  chunk.numbers.push_back(numbers_[next_]);
}

Status CopyChunks::Next(std::size_t rows_max, std::size_t bytes_max, CopyChunk& chunk) {
  chunk.Clear();
  while (chunk.rows() < rows_max && chunk.bytes.size() < bytes_max) {
    if (next_ == size_) {
      if (!at_end_) AFL_TRY(Fetch());
      if (at_end_) break;
    }
    // A position is one number: it says nothing unless they ascend.
    if (numbers_[next_] <= last_number_) {
      return Error(ErrorKind::kInternal, "staged rows do not come in their order");
    }
    last_number_ = numbers_[next_];
    EncodeRow(chunk);
    ++next_;
  }
  return Done{};
}

}  // namespace afluente::postgres

// The columnar format in flight: a DuckDB data chunk, filled in place.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/duckdb_api.h"
#include "data/logical_type.h"

namespace afluente::data {

/// Writes the cells of one DuckDB vector. Borrowed memory: valid while the
/// chunk is. A list's cells go to `child`, which grows as needed.
class VectorWriter {
 public:
  VectorWriter() = default;
  /// Points at `vector`; must be called again for every new chunk.
  void Attach(duckdb_vector vector, const LogicalType& type);

  void SetNull(std::size_t row);

  template <class T>
  void Set(std::size_t row, T value) {
    static_cast<T*>(data_)[row] = value;
  }

  /// Points the cell at `bytes` without copying them: they must live until the
  /// chunk has been consumed. Up to 12 bytes are stored inline.
  /// Source: duckdb.h, duckdb_string_t.
  void SetBytes(std::size_t row, const char* bytes, std::size_t size) {
    duckdb_string_t cell{};
    cell.value.inlined.length = static_cast<std::uint32_t>(size);
    if (size <= sizeof(cell.value.inlined.inlined)) {
      std::memcpy(cell.value.inlined.inlined, bytes, size);
    } else {
      std::memcpy(cell.value.pointer.prefix, bytes, sizeof(cell.value.pointer.prefix));
      // DuckDB never writes through the pointer of an input vector.
      cell.value.pointer.ptr = const_cast<char*>(bytes);
    }
    Set(row, cell);
  }

  /// Opens list cell `row` with `length` elements and returns the index in
  /// `child()` of its first one; the caller fills them all.
  std::size_t OpenList(std::size_t row, std::size_t length);
  VectorWriter& child() { return *child_; }

  /// How many elements lists hold so far.
  std::size_t list_size() const { return list_size_; }
  /// Makes the last row fit to be written again.
  void TakeBack(std::size_t row);
  /// Takes back the elements behind the first `size`.
  void TruncateList(std::size_t size);

  /// Publishes the list sizes to DuckDB; call once when the chunk is full.
  void Finish();

 private:
  duckdb_vector vector_ = nullptr;
  void* data_ = nullptr;
  std::uint64_t* validity_ =
      nullptr;  // Null until the first NULL: an all-valid vector stays cheap.
  std::unique_ptr<VectorWriter> child_;
  const LogicalType* type_ = nullptr;
  std::size_t list_size_ = 0;
  std::size_t list_capacity_ = 0;
};

/// Up to kRows rows of a lane. A view: the chunk belongs to DuckDB.
class Batch {
 public:
  static constexpr std::size_t kRows = 2048;  // STANDARD_VECTOR_SIZE of DuckDB.

  explicit Batch(const Schema& schema) : schema_(schema), columns_(schema.size()) {}

  /// Starts to fill `chunk`, whose vectors have the schema's types.
  void Attach(duckdb_data_chunk chunk);
  /// Ends filling with `rows` rows.
  void Finish(std::size_t rows);

  std::vector<VectorWriter>& columns() { return columns_; }

 private:
  const Schema& schema_;
  std::vector<VectorWriter> columns_;
  duckdb_data_chunk chunk_ = nullptr;
};

/// The rows of one lane, batch by batch. One thread uses a reader.
class BatchReader {
 public:
  virtual ~BatchReader() = default;
  /// Fills `batch` (already attached) and returns how many rows it has; 0 is
  /// the end. Bytes that vectors point to live until the next call.
  virtual Result<std::size_t> Next(Batch& batch) = 0;
  /// The same rows as an SQL table expression, for a DuckDB that holds them
  /// itself; "": they can only be read. Whoever uses it does not call Next.
  virtual std::string sql() const { return ""; }
  /// Of rows that come in parts which can be kept each for itself: begins the next
  /// one and returns its name, which lives as long as the source; nullptr: there is
  /// none. Next then ends with each part. Whoever wants parts calls this first.
  virtual const std::string* TakePart() { return nullptr; }
};

}  // namespace afluente::data

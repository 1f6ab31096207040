#include "connectors/postgres/copy_reader.h"

#include <cstring>
#include <string_view>

namespace afluente::postgres {
namespace {

// Source: PostgreSQL documentation, COPY, "Binary Format": signature, flags,
// length of the header extension.
constexpr std::string_view kSignature("PGCOPY\n\xff\r\n\0", 11);
constexpr std::size_t kFixedHeader = 19;

// The header stands in front of the first tuple, in the same message.
Result<std::size_t> HeaderSize(std::string_view message) {
  if (message.size() < kFixedHeader || !message.starts_with(kSignature)) {
    return Error(ErrorKind::kInternal, "the COPY stream does not start with PGCOPY");
  }
  std::uint32_t extension = 0;
  std::memcpy(&extension, message.data() + kFixedHeader - 4, 4);
  extension = __builtin_bswap32(extension);
  if (extension > message.size() - kFixedHeader) {
    return Error(ErrorKind::kInternal, "the COPY stream has a broken header");
  }
  return kFixedHeader + extension;
}

bool IsTrailer(const char* bytes, std::size_t size) {
  return size == 2 && bytes[0] == '\xff' && bytes[1] == '\xff';
}

}  // namespace

const std::string* SelectQueue::Take() {
  const std::size_t index = next_.fetch_add(1);
  return index < selects_.size() ? &selects_[index] : nullptr;
}

CopyReader::CopyReader(Connection connection, SelectQueue& queue, const data::Schema& schema,
                       std::vector<TextForm> forms, pipeline::Progress& progress,
                       const std::stop_token& stop)
    : connection_(std::move(connection)),
      queue_(queue),
      decoder_(schema, std::move(forms)),
      progress_(progress),
      cancel_(connection_.get(), stop) {}

Status CopyReader::BeginCopy(const std::string& select) {
  AFL_TRY(Query(connection_.get(), "COPY (" + select + ") TO STDOUT (FORMAT binary)"));
  copying_ = true;
  return Done{};
}

Status CopyReader::EndCopy() {
  copying_ = false;
  Status status = Done{};
  while (const QueryResult result{PQgetResult(connection_.get())}) {
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) {
      status = ErrorOf(connection_.get(), result.get());
    }
  }
  return status;
}

Result<CopyReader::Row> CopyReader::NextRow() {
  bool at_header = false;
  while (true) {
    if (!copying_) {
      const std::string* select = queue_.Take();
      if (select == nullptr) return Row{nullptr, 0};
      AFL_TRY(BeginCopy(*select));
      at_header = true;
    }
    char* bytes = nullptr;
    const int size = PQgetCopyData(connection_.get(), &bytes, 0);
    if (size == -2) return Error(ErrorKind::kTransient, PQerrorMessage(connection_.get()));
    if (size == -1) {
      AFL_TRY(EndCopy());
      continue;
    }
    buffers_.emplace_back(bytes);
    std::size_t begin = 0;
    if (at_header) {
      AFL_ASSIGN(begin, HeaderSize({bytes, static_cast<std::size_t>(size)}));
      at_header = false;
    }
    const Row row{bytes + begin, static_cast<std::size_t>(size) - begin};
    if (row.size != 0 && !IsTrailer(row.bytes, row.size)) return row;
  }
}

Result<std::size_t> CopyReader::Next(data::Batch& batch) {
  buffers_.clear();
  std::size_t rows = 0;
  std::size_t bytes = 0;
  for (; rows < data::Batch::kRows; ++rows) {
    AFL_ASSIGN(const Row row, NextRow());
    if (row.bytes == nullptr) break;
    AFL_TRY(decoder_.DecodeTuple({row.bytes, row.size}, rows, batch));
    bytes += row.size;
  }
  progress_.rows += rows;
  progress_.bytes += bytes;
  return rows;
}

}  // namespace afluente::postgres

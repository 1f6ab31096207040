#include "connectors/postgres/copy_reader.h"

#include <cstring>
#include <string_view>
#include <utility>

namespace afluente::postgres {
namespace {

// Source: PostgreSQL documentation, COPY, "Binary Format": signature, flags,
// length of the header extension.
constexpr std::string_view kSignature("PGCOPY\n\xff\r\n\0", 11);
constexpr std::size_t kFixedHeader = 19;

// Large rows make smaller batches: memory follows bytes, not rows.
constexpr std::size_t kBatchBytesMax = std::size_t{4} << 20U;

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

const SelectPart* SelectQueue::Take() {
  const std::size_t index = next_.fetch_add(1);
  return index < parts_.size() ? &parts_[index] : nullptr;
}

CopyReader::CopyReader(Connection connection, const CopyContext& context,
                       const std::stop_token& stop)
    : connection_(std::move(connection)),
      context_(context),
      decoder_(context.schema, context.forms),
      stop_(stop),
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

const SelectPart* CopyReader::NextSelect() {
  const SelectPart* next = context_.queue.Take();
  // Locks go now, not when the slowest lane has ended.
  if (next == nullptr && !std::exchange(ended_, true)) (void)Query(connection_.get(), "COMMIT");
  return next;
}

const std::string* CopyReader::TakePart() {
  in_parts_ = true;
  part_ = NextSelect();
  return part_ == nullptr ? nullptr : &part_->name;
}

Result<CopyReader::Row> CopyReader::NextRow() {
  bool at_header = false;
  while (true) {
    if (!copying_) {
      const SelectPart* part = in_parts_ ? std::exchange(part_, nullptr) : NextSelect();
      if (part == nullptr) return Row{nullptr, 0};
      AFL_TRY(BeginCopy(part->sql));
      at_header = true;
    }
    char* bytes = nullptr;
    const int size = PQgetCopyData(connection_.get(), &bytes, 0);
    if (size == -2) return Error(ErrorKind::kTransient, PQerrorMessage(connection_.get()));
    if (size == -1) {
      AFL_TRY(EndCopy());
      continue;
    }
    const std::unique_ptr<char, FreeWith<PQfreemem>> owned(bytes);
    std::size_t begin = 0;
    if (at_header) {
      AFL_ASSIGN(begin, HeaderSize({bytes, static_cast<std::size_t>(size)}));
      at_header = false;
    }
    const std::size_t row_size = static_cast<std::size_t>(size) - begin;
    if (row_size == 0 || IsTrailer(bytes + begin, row_size)) continue;
    return Row{arena_.Copy(bytes + begin, row_size), row_size};
  }
}

// Only a value that the destination cannot hold concerns one row alone.
Status CopyReader::SetAside(const Row& row, const Error& error) {
  if (context_.dead_letters == nullptr || error.kind() != ErrorKind::kConversion) return error;
  return context_.dead_letters->Add(
      {decoder_.DescribeRow({row.bytes, row.size}, context_.key_columns), error.message(),
       decoder_.RawRow({row.bytes, row.size}, context_.masked_columns)});
}

Result<std::size_t> CopyReader::Next(data::Batch& batch) {
  // The server's cancel is forgotten when it arrives between two statements.
  if (stop_.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
  arena_.Clear();
  std::size_t rows = 0;
  std::size_t read = 0;
  std::size_t bytes = 0;
  // No rows would mean the end, so a batch of bad rows alone goes on.
  while (rows < data::Batch::kRows && (bytes < kBatchBytesMax || rows == 0)) {
    AFL_ASSIGN(const Row row, NextRow());
    if (row.bytes == nullptr) break;
    ++read;
    bytes += row.size;
    const Status decoded = decoder_.DecodeTuple({row.bytes, row.size}, rows, batch);
    if (decoded.ok()) {
      ++rows;
    } else {
      AFL_TRY(SetAside(row, decoded.error()));
    }
  }
  context_.progress.rows += read;
  context_.progress.bytes += bytes;
  return rows;
}

}  // namespace afluente::postgres

#include "connectors/postgres/replication/kept_changes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "connectors/postgres/replication/kept_files.h"
#include "estate/quantities.h"

namespace afluente::postgres {
namespace {

constexpr std::array<char, 8> kMagic = {'a', 'f', 'l', 'k',
                                        'e', 'p', 't', static_cast<char>('0' + kKeptVersion)};
constexpr std::size_t kBuffer = std::size_t{256} << 10U;

// The file is read where it was written: numbers are in the machine's order.
struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint64_t from = 0;
  std::uint64_t until = 0;
  std::uint64_t bytes = 0;  // Of the records behind it that count.
};

constexpr std::uint32_t kInStream = 1;
constexpr std::uint32_t kHasOrigin = 2;

struct RecordHead {
  std::uint32_t bytes = 0;
  std::uint32_t flags = 0;
  std::uint64_t commit = 0;
  std::int64_t time = 0;
  std::int64_t ordinal = 0;
};

std::filesystem::path FileOf(const std::filesystem::path& folder, const std::string& integration) {
  return folder / (integration + std::string(kKeptExtension));
}

Error FileError(const std::filesystem::path& file) {
  return {ErrorKind::kInternal,
          fmt::format("changes kept in {}: {}", file.string(), std::strerror(errno))};
}

std::optional<KeptRange> ReadHeader(int descriptor) {
  Header header;
  if (pread(descriptor, &header, sizeof(header), 0) != sizeof(header)) return std::nullopt;
  if (header.magic != kMagic || header.from > header.until) return std::nullopt;
  return KeptRange{Lsn{header.from}, Lsn{header.until}, header.bytes};
}

int OpenFile(const std::filesystem::path& file, int flags) {
  return open(file.c_str(), flags | O_CLOEXEC, 0600);
}

}  // namespace

Status CheckKeptVersions(const std::filesystem::path& folder) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != kKeptExtension) continue;
    std::array<char, kMagic.size()> magic{};
    std::ifstream(entry.path(), std::ios::binary).read(magic.data(), magic.size());
    const bool is_ours = std::equal(magic.begin(), magic.end() - 1, kMagic.begin());
    const int version = magic.back() - '0';
    if (!is_ours || version <= kKeptVersion) continue;
    return Error(ErrorKind::kSchemaMismatch,
                 fmt::format("changes kept in {} have version {}, this afluente knows {}; use the "
                             "version that wrote them, or a newer one",
                             entry.path().string(), version, kKeptVersion));
  }
  return Done{};
}

std::optional<KeptRange> KeptChanges::Look(const std::filesystem::path& folder,
                                           const std::string& integration) {
  const int descriptor = OpenFile(FileOf(folder, integration), O_RDONLY);
  if (descriptor < 0) return std::nullopt;
  const auto range = ReadHeader(descriptor);
  close(descriptor);
  return range;
}

// What the header covers does not change while it says so; what is behind it does.
Result<bool> CopyKeptChanges(const std::filesystem::path& folder, const std::string& integration,
                             const std::filesystem::path& to) {
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    std::error_code error;
    const auto range = KeptChanges::Look(folder, integration);
    if (!range) {
      std::filesystem::remove(to, error);
      return false;
    }
    std::filesystem::copy_file(FileOf(folder, integration), to,
                               std::filesystem::copy_options::overwrite_existing, error);
    if (!error) {
      std::filesystem::resize_file(to, sizeof(Header) + range->bytes, error);
    }
    const auto after = KeptChanges::Look(folder, integration);
    const bool is_same = after && after->from == range->from && after->bytes >= range->bytes;
    if (!is_same) continue;
    if (error) return Error(ErrorKind::kInternal, to.string() + ": " + error.message());
    const int descriptor = OpenFile(to, O_WRONLY);
    if (descriptor < 0) return FileError(to);
    const Header header{kMagic, range->from.value, range->until.value, range->bytes};
    const bool written = pwrite(descriptor, &header, sizeof(header), 0) == sizeof(header);
    close(descriptor);
    if (!written) return FileError(to);
    return true;
  }
  return Error(
      ErrorKind::kTransient,
      fmt::format("{}: what is kept of it changed each time it was to be copied", integration));
}

void KeptChanges::Drop(const std::filesystem::path& folder, const std::string& integration) {
  std::error_code ignored;
  std::filesystem::remove(FileOf(folder, integration), ignored);
}

Result<std::unique_ptr<KeptChanges>> KeptChanges::Open(const std::filesystem::path& folder,
                                                       const std::string& integration, Lsn stream,
                                                       std::uint64_t bytes_max) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::filesystem::path file = FileOf(folder, integration);
  const int descriptor = OpenFile(file, O_RDWR | O_CREAT);
  if (descriptor < 0) return FileError(file);
  auto range = ReadHeader(descriptor);
  const bool goes_on = range && range->from <= stream && stream <= range->until;
  if (!goes_on) range = KeptRange{stream, stream, 0};
  std::unique_ptr<KeptChanges> kept(new KeptChanges(file, descriptor, *range, bytes_max));
  kept->end_ = range->bytes;
  if (ftruncate(descriptor, static_cast<off_t>(sizeof(Header) + range->bytes)) != 0) {
    return FileError(file);
  }
  AFL_TRY(kept->WriteHeader(*range));
  return kept;
}

KeptChanges::~KeptChanges() { close(descriptor_); }

Status KeptChanges::WriteHeader(const KeptRange& range) const {
  const Header header{kMagic, range.from.value, range.until.value, range.bytes};
  if (pwrite(descriptor_, &header, sizeof(header), 0) == sizeof(header)) return Done{};
  return FileError(file_);
}

Status KeptChanges::Append(std::string_view payload, bool in_stream, const ChangeMoment& moment) {
  // After a crash the server sends again what was not confirmed.
  if (overflowed_ || moment.commit < range_.until) return Done{};
  if (end_ + buffer_.size() + payload.size() > bytes_max_) {
    Overflow();
    return Done{};
  }
  const std::uint32_t flags = (in_stream ? kInStream : 0) | (moment.has_origin ? kHasOrigin : 0);
  const RecordHead head{static_cast<std::uint32_t>(payload.size()), flags, moment.commit.value,
                        moment.time, moment.ordinal};
  buffer_.append(reinterpret_cast<const char*>(&head), sizeof(head));
  buffer_.append(payload);
  if (buffer_.size() >= kBuffer) return Flush();
  return Done{};
}

Status KeptChanges::Flush() {
  std::size_t written = 0;
  while (written < buffer_.size()) {
    const ssize_t now = pwrite(descriptor_, buffer_.data() + written, buffer_.size() - written,
                               static_cast<off_t>(sizeof(Header) + end_));
    if (now < 0 && errno == EINTR) continue;
    if (now < 0) return FileError(file_);
    written += static_cast<std::size_t>(now);
    end_ += static_cast<std::uint64_t>(now);
  }
  buffer_.clear();
  return Done{};
}

void KeptChanges::Overflow() {
  spdlog::warn(
      "{}: more than {} of changes while the table takes no part: they are dropped, and "
      "the table is repaired, or copied again, when it comes back",
      file_.stem().string(), estate::FormatSize(static_cast<std::int64_t>(bytes_max_)));
  overflowed_ = true;
  buffer_ = {};
  std::error_code ignored;
  std::filesystem::remove(file_, ignored);
}

void KeptChanges::Mark(Lsn until) {
  if (overflowed_) return;
  Status flushed = Flush();
  const std::lock_guard lock(mutex_);
  if (!flushed.ok()) flushed_ = std::move(flushed);
  marked_ = KeptRange{range_.from, std::max(until, range_.until), end_};
}

Status KeptChanges::Keep() {
  std::optional<KeptRange> marked;
  {
    const std::lock_guard lock(mutex_);
    AFL_TRY(flushed_);
    marked = std::exchange(marked_, std::nullopt);
  }
  if (!marked) return Done{};
  if (fdatasync(descriptor_) != 0) return FileError(file_);
  AFL_TRY(WriteHeader(*marked));
  if (fdatasync(descriptor_) != 0) return FileError(file_);
  return Done{};
}

Result<std::unique_ptr<KeptReader>> KeptReader::Open(const std::filesystem::path& folder,
                                                     const std::string& integration) {
  const std::filesystem::path file = FileOf(folder, integration);
  const int descriptor = OpenFile(file, O_RDONLY);
  if (descriptor < 0) {
    return Error(ErrorKind::kNotFound, fmt::format("nothing is kept of {}", integration));
  }
  const auto range = ReadHeader(descriptor);
  if (!range) {
    close(descriptor);
    return Error(ErrorKind::kInternal, fmt::format("{} is no file of kept changes", file.string()));
  }
  return std::unique_ptr<KeptReader>(new KeptReader(descriptor, *range));
}

KeptReader::~KeptReader() { close(descriptor_); }

// False at the end of what the file covers.
Result<bool> KeptReader::Fill(std::size_t bytes) {
  if (buffer_.size() - next_ >= bytes) return true;
  buffer_.erase(0, next_);
  next_ = 0;
  while (buffer_.size() < bytes) {
    const std::uint64_t left = range_.bytes - read_;
    if (left == 0 && buffer_.empty()) return false;
    const std::size_t had = buffer_.size();
    buffer_.resize(had + std::min<std::uint64_t>(left, std::max(kBuffer, bytes)));
    const ssize_t got = pread(descriptor_, buffer_.data() + had, buffer_.size() - had,
                              static_cast<off_t>(sizeof(Header) + read_));
    if (got < 0 && errno == EINTR) {
      buffer_.resize(had);
      continue;
    }
    if (got <= 0) return Error(ErrorKind::kInternal, "a file of kept changes ends too early");
    buffer_.resize(had + static_cast<std::size_t>(got));
    read_ += static_cast<std::uint64_t>(got);
  }
  return true;
}

Result<std::optional<KeptChange>> KeptReader::Next() {
  RecordHead head;
  AFL_ASSIGN(const bool has_more, Fill(sizeof(head)));
  if (!has_more) return std::optional<KeptChange>();
  std::memcpy(&head, buffer_.data() + next_, sizeof(head));
  AFL_ASSIGN(const bool whole, Fill(sizeof(head) + head.bytes));
  if (!whole) return Error(ErrorKind::kInternal, "a file of kept changes ends too early");
  next_ += sizeof(head);
  const std::string_view payload(buffer_.data() + next_, head.bytes);
  next_ += head.bytes;
  return std::optional(
      KeptChange{payload,
                 (head.flags & kInStream) != 0,
                 {Lsn{head.commit}, head.time, head.ordinal, (head.flags & kHasOrigin) != 0}});
}

}  // namespace afluente::postgres

// Changes of a table that takes no part for now, on disk, so that the slot need not keep them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "connectors/postgres/replication/change_collector.h"
#include "connectors/postgres/replication/lsn.h"

namespace afluente::postgres {

/// What a file of kept changes covers: every change of its table that committed
/// at `from` or later and before `until`.
struct KeptRange {
  Lsn from;
  Lsn until;
  std::uint64_t bytes = 0;

  /// Whoever stands at `position` finds what follows here, and then in a stream
  /// from `stream` on.
  bool Bridges(Lsn position, Lsn stream) const {
    return from <= position && position <= until && stream <= until;
  }
};

/// A file of messages of one table, as the server sent them, to which a stream
/// appends. What it covers stands at its beginning and grows only when the
/// changes are durable: what is behind it does not count, after a crash either.
class KeptChanges {
 public:
  /// What is kept of `integration`; nullopt: nothing that can be read.
  static std::optional<KeptRange> Look(const std::filesystem::path& folder,
                                       const std::string& integration);
  /// Forgets what is kept of it.
  static void Drop(const std::filesystem::path& folder, const std::string& integration);

  /// Goes on with the file that stands there if `stream`, where the stream that
  /// will be appended begins, lies within what it covers; begins a new one
  /// otherwise. `bytes_max`: beyond it everything is dropped.
  /// Errors: kInternal when the folder cannot be written.
  static Result<std::unique_ptr<KeptChanges>> Open(const std::filesystem::path& folder,
                                                   const std::string& integration, Lsn stream,
                                                   std::uint64_t bytes_max);

  ~KeptChanges();
  KeptChanges(const KeptChanges&) = delete;
  KeptChanges& operator=(const KeptChanges&) = delete;

  /// Appends a message; what the file has already is left out. `in_stream`: as
  /// for ParseMessage. One thread.
  Status Append(std::string_view payload, bool in_stream, const ChangeMoment& moment);
  /// Everything that committed before `until` has been appended, and nothing
  /// behind it. The same thread.
  void Mark(Lsn until);
  /// Makes what was marked last durable, before the source forgets it.
  /// Errors: kInternal when it cannot be written. Thread-safe.
  Status Keep();

  /// Too much came: nothing is kept any more.
  bool overflowed() const { return overflowed_; }

 private:
  KeptChanges(std::filesystem::path file, int descriptor, KeptRange range, std::uint64_t bytes_max)
      : file_(std::move(file)), descriptor_(descriptor), range_(range), bytes_max_(bytes_max) {}
  Status WriteHeader(const KeptRange& range) const;
  Status Flush();
  void Overflow();

  const std::filesystem::path file_;
  const int descriptor_;
  const KeptRange range_;  // What the file covered when it was opened.
  const std::uint64_t bytes_max_;
  std::uint64_t end_ = 0;  // Bytes appended and written.
  std::string buffer_;     // Appended, not written.
  bool overflowed_ = false;
  std::mutex mutex_;  // Guards what follows.
  std::optional<KeptRange> marked_;
  Status flushed_ = Done{};
};

/// One message of a file of kept changes. `payload` lives until the next one.
struct KeptChange {
  std::string_view payload;
  bool in_stream = false;
  ChangeMoment moment;
};

/// Reads what a file covers, from the beginning. One thread uses it.
class KeptReader {
 public:
  /// Errors: kNotFound when nothing is kept; kInternal when it cannot be read.
  static Result<std::unique_ptr<KeptReader>> Open(const std::filesystem::path& folder,
                                                  const std::string& integration);
  ~KeptReader();
  KeptReader(const KeptReader&) = delete;
  KeptReader& operator=(const KeptReader&) = delete;

  const KeptRange& range() const { return range_; }
  /// The next message; nullopt at the end. Errors: kInternal for a file that is
  /// not what was written.
  Result<std::optional<KeptChange>> Next();

 private:
  KeptReader(int descriptor, KeptRange range) : descriptor_(descriptor), range_(range) {}
  Result<bool> Fill(std::size_t bytes);

  const int descriptor_;
  const KeptRange range_;
  std::uint64_t read_ = 0;  // Bytes of the range that buffer_ has had.
  std::string buffer_;
  std::size_t next_ = 0;  // In buffer_.
};

}  // namespace afluente::postgres

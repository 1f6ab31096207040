// Transactions that the server sends before they commit, each in a file of its own.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/c_handle.h"
#include "base/result.h"

namespace afluente::postgres {

/// The messages of one transaction, in order. Written, then read once.
class SpooledTransaction {
 public:
  /// Makes the file; it goes when this goes, and with a process that dies.
  static Result<std::unique_ptr<SpooledTransaction>> Make(const std::filesystem::path& folder);

  Status Append(std::string_view message);
  /// Changes of subtransaction `xid` do not count.
  void Undo(std::uint32_t xid) { undone_.insert(xid); }
  bool IsUndone(std::uint32_t xid) const { return undone_.contains(xid); }

  /// Starts to read from the beginning.
  Status Rewind();
  /// The next message, valid until the next call; empty at the end.
  Result<std::string_view> Next();
  std::uint64_t bytes() const { return bytes_; }

 private:
  using File = std::unique_ptr<std::FILE, FreeWith<std::fclose>>;

  explicit SpooledTransaction(File file) : file_(std::move(file)) {}

  File file_;
  std::set<std::uint32_t> undone_;
  std::uint64_t bytes_ = 0;
  std::string message_;
};

/// The open transactions of a stream, by xid. One thread uses it.
class TransactionSpool {
 public:
  explicit TransactionSpool(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Errors: kInternal when the folder cannot be written.
  Result<SpooledTransaction*> Open(std::uint32_t xid);
  /// What was spooled of `xid`, for its commit; null when nothing was.
  std::unique_ptr<SpooledTransaction> Take(std::uint32_t xid);
  /// Undoes a subtransaction, or, when both are equal, the transaction.
  void Abort(std::uint32_t xid, std::uint32_t subxid);

  std::size_t size() const { return open_.size(); }

 private:
  std::filesystem::path folder_;
  std::map<std::uint32_t, std::unique_ptr<SpooledTransaction>> open_;
};

}  // namespace afluente::postgres

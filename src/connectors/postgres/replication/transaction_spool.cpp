#include "connectors/postgres/replication/transaction_spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace afluente::postgres {
namespace {

Error SpoolError(const std::string& what) {
  return {ErrorKind::kInternal,
          fmt::format("spool of a large transaction: {}: {}", what, std::strerror(errno))};
}

}  // namespace

Result<std::unique_ptr<SpooledTransaction>> SpooledTransaction::Make(
    const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  // Without a name from the start: nothing to clean up after a crash.
  const int descriptor = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor < 0) return SpoolError(folder.string());
  File file(fdopen(descriptor, "w+"));
  if (file == nullptr) {
    close(descriptor);
    return SpoolError(folder.string());
  }
  constexpr std::size_t kBuffer = std::size_t{256} << 10U;
  std::setvbuf(file.get(), nullptr, _IOFBF, kBuffer);
  return std::unique_ptr<SpooledTransaction>(new SpooledTransaction(std::move(file)));
}

Status SpooledTransaction::Append(std::string_view message) {
  const auto size = static_cast<std::uint32_t>(message.size());
  bytes_ += sizeof(size) + size;
  if (std::fwrite(&size, sizeof(size), 1, file_.get()) == 1 &&
      std::fwrite(message.data(), 1, size, file_.get()) == size) {
    return Done{};
  }
  return SpoolError("writing");
}

Status SpooledTransaction::Rewind() {
  if (std::fflush(file_.get()) == 0 && std::fseek(file_.get(), 0, SEEK_SET) == 0) return Done{};
  return SpoolError("reading");
}

Result<std::string_view> SpooledTransaction::Next() {
  std::uint32_t size = 0;
  if (std::fread(&size, sizeof(size), 1, file_.get()) != 1) {
    if (std::feof(file_.get()) != 0) return std::string_view();
    return SpoolError("reading");
  }
  message_.resize(size);
  if (std::fread(message_.data(), 1, size, file_.get()) != size) return SpoolError("reading");
  return std::string_view(message_);
}

Result<SpooledTransaction*> TransactionSpool::Open(std::uint32_t xid) {
  auto& transaction = open_[xid];
  if (transaction == nullptr) {
    AFL_ASSIGN(transaction, SpooledTransaction::Make(folder_));
  }
  return transaction.get();
}

std::unique_ptr<SpooledTransaction> TransactionSpool::Take(std::uint32_t xid) {
  const auto found = open_.find(xid);
  if (found == open_.end()) return nullptr;
  auto taken = std::move(found->second);
  open_.erase(found);
  return taken;
}

void TransactionSpool::Abort(std::uint32_t xid, std::uint32_t subxid) {
  const auto found = open_.find(xid);
  if (found == open_.end()) return;
  if (xid == subxid) {
    open_.erase(found);
  } else {
    found->second->Undo(subxid);
  }
}

}  // namespace afluente::postgres

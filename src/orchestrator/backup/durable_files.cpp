#include "orchestrator/backup/durable_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include "base/c_handle.h"

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;

Error SystemError(const fs::path& path, int number) {
  return {number == ENOENT ? ErrorKind::kNotFound : ErrorKind::kInternal,
          path.string() + ": " + std::strerror(number)};
}

}  // namespace

Status SyncPath(const fs::path& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return SystemError(path, errno);
  const bool synced = fsync(file) == 0;
  const int number = errno;
  close(file);
  if (!synced) return SystemError(path, number);
  return Done{};
}

Status CopyDurably(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
  if (error) {
    Error failed = SystemError(to, error.value());
    failed.AddFrame("copy of " + from.string());
    return failed;
  }
  return SyncPath(to);
}

Status LinkOrCopy(const fs::path& from, const fs::path& to) {
  if (link(from.c_str(), to.c_str()) == 0) return Done{};
  if (errno == ENOENT) return SystemError(from, ENOENT);
  return CopyDurably(from, to);
}

Status MoveDurably(const fs::path& from, const fs::path& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0) return SyncPath(to);
  AFL_TRY(CopyDurably(from, to));
  std::error_code ignored;
  fs::remove(from, ignored);
  return Done{};
}

Status WriteDurably(const fs::path& path, const std::string& text) {
  fs::path fresh = path;
  fresh += ".partial";
  {
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out << text;
    out.flush();
    if (!out) return SystemError(fresh, errno);
  }
  AFL_TRY(SyncPath(fresh));
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return SystemError(path, errno);
  return SyncPath(path.parent_path());
}

Result<std::string> Sha256OfFile(const fs::path& path) {
  const std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  std::ifstream file(path, std::ios::binary);
  if (!file) return SystemError(path, errno);
  if (context == nullptr || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
    return Error(ErrorKind::kInternal, "OpenSSL has no SHA-256");
  }
  constexpr std::size_t kBuffer = std::size_t{1} << 20U;
  std::vector<char> buffer(kBuffer);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad()) return SystemError(path, errno);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &size);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace afluente::orchestrator

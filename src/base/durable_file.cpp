#include "base/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace afluente {
namespace {

Error SystemError(const std::filesystem::path& path) {
  return {ErrorKind::kInternal, path.string() + ": " + std::strerror(errno)};
}

}  // namespace

Status SyncPath(const std::filesystem::path& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return SystemError(path);
  const bool synced = fsync(file) == 0;
  const Error failed = SystemError(path);
  close(file);
  if (!synced) return failed;
  return Done{};
}

Status ReplaceFile(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::path fresh = path;
  fresh += ".new";
  {
    std::ofstream out(fresh, std::ios::trunc | std::ios::binary);
    out << text;
    out.flush();
    if (!out) return SystemError(fresh);
  }
  AFL_TRY(SyncPath(fresh));
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return SystemError(fresh);
  return SyncPath(path.parent_path());
}

}  // namespace afluente

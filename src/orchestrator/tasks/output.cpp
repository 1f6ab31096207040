#include "orchestrator/tasks/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "orchestrator/tasks/processes.h"

namespace afluente::orchestrator {

OutputPiece ReadOutputFrom(const std::filesystem::path& folder, std::uint64_t from,
                           std::uint64_t bytes_max) {
  OutputPiece piece{"", from};
  const int file = open((folder / "output").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return piece;
  auto at = static_cast<off_t>(from);
  const off_t size = lseek(file, 0, SEEK_END);
  const off_t limit = std::min(size, at + static_cast<off_t>(bytes_max));
  while (at < limit) {
    const off_t data = lseek(file, at, SEEK_DATA);
    if (data < 0) break;
    if (data > at) {
      piece.text += fmt::format("\n[{} bytes were too many and are gone]\n", data - at);
      at = data;
      continue;
    }
    const off_t end = std::min(limit, lseek(file, data, SEEK_HOLE));
    std::string part(static_cast<std::size_t>(end - data), '\0');
    const ssize_t read = pread(file, part.data(), part.size(), data);
    if (read <= 0) break;
    part.resize(static_cast<std::size_t>(read));
    piece.text += part;
    at = data + read;
  }
  close(file);
  piece.end = static_cast<std::uint64_t>(at);
  return piece;
}

std::string ReadOutput(const std::filesystem::path& folder, std::uint64_t bytes_max) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(folder / "output", error);
  if (error) return "";
  return ReadOutputFrom(folder, size - std::min<std::uintmax_t>(size, bytes_max), bytes_max).text;
}

}  // namespace afluente::orchestrator

#include "estate/file_text.h"

#include <fstream>
#include <system_error>

#include "estate/yaml.h"

namespace afluente::estate {
namespace {

namespace fs = std::filesystem;

Error Unusable(const std::string& message) { return {ErrorKind::kInvalidConfig, message}; }

}  // namespace

Result<std::string> ReadFileText(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return Unusable("does not exist");
  if (fs::is_directory(status)) return Unusable("is a folder, not a file: rename it");
  // Opening a pipe or reading a device could wait for ever.
  if (!fs::is_regular_file(status)) return Unusable("is not a regular file: replace it by one");
  std::ifstream file(path, std::ios::binary);
  if (!file) return Unusable("cannot be read: check its permissions");
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return Unusable("cannot be read: the disk reports an error");
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace afluente::estate

#include "support/temp_folder.h"

#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace afluente::test {
namespace {

constexpr std::string_view kPrefix = "afl-";

std::filesystem::path Root() {
  const char* chosen = std::getenv("AFLUENTE_TEST_TMP");
  return chosen != nullptr ? chosen : "/tmp";
}

void Remove(const std::filesystem::path& folder) {
  std::error_code ignored;
  // A test that was killed may have left a full file system mounted below.
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    umount2(entry.path().c_str(), MNT_DETACH);
  }
  std::filesystem::remove_all(folder, ignored);
}

/// "afl-1234-Xa3f9K" belongs to process 1234; 0: not one of ours.
pid_t OwnerOf(const std::string& name) {
  if (!name.starts_with(kPrefix)) return 0;
  pid_t owner = 0;
  std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), owner);
  return owner;
}

/// False for a zombie too: some containers have no init that reaps them.
bool IsAlive(pid_t process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string line;
  if (!std::getline(stat, line)) return false;
  const std::size_t name_end = line.rfind(')');
  return name_end == std::string::npos || line.substr(name_end + 2, 1) != "Z";
}

void RemoveLeftovers() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(Root(), ignored)) {
    const pid_t owner = OwnerOf(entry.path().filename().string());
    if (owner > 0 && !IsAlive(owner)) Remove(entry.path());
  }
}

}  // namespace

TempFolder::TempFolder() {
  static std::once_flag once;
  std::call_once(once, RemoveLeftovers);
  std::string name = Root() / (std::string(kPrefix) + std::to_string(getpid()) + "-XXXXXX");
  if (mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "mkdtemp " + name);
  }
  path_ = name;
}

TempFolder::~TempFolder() { Remove(path_); }

void WriteFile(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace afluente::test

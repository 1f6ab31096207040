// Folders that tests work in. They go when their owner goes, even a killed one.
#pragma once

#include <filesystem>
#include <string>

namespace afluente::test {

/// A folder with a short path (a Unix socket fits below it), removed on
/// destruction. Its name holds the pid of its owner: the first one that a
/// program makes removes what killed programs left behind.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Replaces the file; makes its folders. Throws when it cannot.
void WriteFile(const std::filesystem::path& path, const std::string& text);

/// The whole file. Throws when it cannot.
std::string ReadFile(const std::filesystem::path& path);

}  // namespace afluente::test

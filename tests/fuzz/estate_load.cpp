// Estate files: whatever a file holds, loading it ends with an estate or with findings, each with a
// place.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "estate/load.h"

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEstate = R"(estate: movva
projects: { rapidpro-217518: {}, operations-dashboards: {}, movva-datalake: {} }
connections:
  rapidpro: { type: postgres, project: rapidpro-217518, dsn: "${env:RAPIDPRO_DSN}" }
)";

// In memory where there is such a place: two files are written for every input.
class Folder {
 public:
  Folder() {
    std::string name = fs::exists("/dev/shm") ? "/dev/shm/" : "/tmp/";
    name += "afl-fuzz-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder");
    path_ = name;
    fs::create_directories(path_ / "integrations");
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void Write(const char* name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void LoadIt(const fs::path& folder, const std::string& profile) {
  const auto loaded = afluente::estate::Load(folder, profile);
  if (!loaded.ok()) return;
  for (const auto& finding : loaded.value().findings) {
    if (finding.message.empty() || finding.mark.file.empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder kFolder;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool is_estate = text.find("integration:") == std::string_view::npos;
  kFolder.Write("estate.yaml", is_estate ? text : kEstate);
  kFolder.Write("integrations/one.yaml", is_estate ? std::string_view() : text);
  LoadIt(kFolder.path(), is_estate ? "gcp" : "");
  return 0;
}

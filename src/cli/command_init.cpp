#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>

#include "cli/commands.h"

namespace afluente::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEstateFile = R"(estate: {name}
time_zone: America/Sao_Paulo
currency: BRL
warehouse: {{ engine: duckdb, path: warehouse }}     # under the state folder, .afluente/
lake: {{ url: "file://lake" }}
# mask_salt: "${{env:AFLUENTE_MASK_SALT}}"           # needed by `mask: hash`
projects:
  analytics: {{ description: Where analysts look }}
connections:
  shop: {{ type: postgres, project: analytics, dsn: "${{env:SHOP_DSN}}" }}
)";

constexpr const char* kIntegrationFile = R"(# afluente run orders
integration: orders
description: Orders of the shop, as analysts use them
source:      { connection: shop, table: public.orders }
destination: { table: analytics.sales.orders, key: [id] }
mode: incremental                  # or snapshot: replaces the table each time
cursor: [updated_at, id]
lookback: 10m                      # rows that were committed late
owner: data@example.com
)";

constexpr const char* kIgnoreFile = "/.afluente/\n";

Status WriteFile(const fs::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.flush();
  if (file) return Done{};
  return Error(ErrorKind::kInvalidConfig, path.string() + ": cannot be written");
}

// The estate's name must fit its grammar, whatever the folder is called.
std::string NameFrom(const fs::path& folder) {
  std::string name;
  for (const char c : fs::absolute(folder).lexically_normal().filename().string()) {
    const auto byte = static_cast<unsigned char>(c);
    name += std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '-';
  }
  const std::size_t first = name.find_first_not_of('-');
  return first == std::string::npos ? "estate" : name.substr(first);
}

Result<int> Init(const fs::path& folder) {
  if (fs::exists(folder / "estate.yaml")) {
    return Error(ErrorKind::kInvalidConfig,
                 (folder / "estate.yaml").string() + " exists; nothing was changed");
  }
  std::error_code error;
  fs::create_directories(folder / "integrations", error);
  if (error) return Error(ErrorKind::kInvalidConfig, folder.string() + ": " + error.message());
  AFL_TRY(WriteFile(folder / "estate.yaml",
                    fmt::format(fmt::runtime(kEstateFile), fmt::arg("name", NameFrom(folder)))));
  AFL_TRY(WriteFile(folder / "integrations" / "orders.yaml", kIntegrationFile));
  if (!fs::exists(folder / ".gitignore")) AFL_TRY(WriteFile(folder / ".gitignore", kIgnoreFile));
  fmt::print(
      "{0}: an estate with one integration, orders.\n"
      "Next:\n"
      "  cd {0}\n"
      "  export SHOP_DSN='host=... dbname=... user=...'\n"
      "  edit integrations/orders.yaml\n"
      "  afluente check && afluente run orders\n",
      folder.string());
  return kOk;
}

}  // namespace

void AddInitCommand(const CommandContext& context) {
  auto folder = std::make_shared<std::string>(".");
  CLI::App* command = AddCommand(context, "init", "Begin an estate: a folder with an example",
                                 "  afluente init my-estate", [folder] { return Init(*folder); });
  command->add_option("DIR", *folder, "Folder to begin in")->capture_default_str();
}

}  // namespace afluente::cli

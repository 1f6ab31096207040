#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/version.h"
#include "data/duckdb_api.h"

namespace afluente::cli {

void AddVersionCommand(const CommandContext& context) {
  AddCommand(context, "version", "Print the version of afluente and of its engine",
             "  afluente version --json", [&flags = context.flags]() -> Result<int> {
               const std::string duckdb = duckdb_library_version();
               if (flags.json) {
                 fmt::print("{}\n",
                            nlohmann::json{{"afluente", kVersion}, {"duckdb", duckdb}}.dump(2));
               } else {
                 fmt::print("afluente {} (DuckDB {})\n", kVersion, duckdb);
               }
               return kOk;
             });
}

}  // namespace afluente::cli

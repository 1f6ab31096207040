#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "data/postgres_types.h"
#include "estate/schema.h"

namespace afluente::cli {

void AddSchemaCommand(const CommandContext& context) {
  auto markdown = std::make_shared<bool>(false);
  auto types = std::make_shared<bool>(false);
  CLI::App* command = AddCommand(
      context, "schema", "Print the JSON Schema of estate files, so that editors complete keys",
      "  afluente schema > estate.schema.json\n"
      "  # yaml-language-server: $schema=estate.schema.json    first line of a YAML file\n"
      "  afluente schema --markdown    the reference page\n"
      "  afluente schema --types       the types page",
      [markdown, types]() -> Result<int> {
        fmt::print("{}", *markdown ? estate::ReferencePage()
                         : *types  ? data::TypesPage()
                                   : estate::JsonSchema() + "\n");
        return kOk;
      });
  CLI::Option* page = command->add_flag("--markdown", *markdown, "The estate reference as a page");
  command->add_flag("--types", *types, "The types table as a page")->excludes(page);
}

}  // namespace afluente::cli

// Hands on a warehouse file behind the program's back, to damage it.
#pragma once

#include <filesystem>
#include <string>

namespace afluente::test {

/// Runs SQL on a DuckDB file that no process holds; the file's database is the
/// default one. Throws on an error.
void ExecInFile(const std::filesystem::path& file, const std::string& sql);

}  // namespace afluente::test

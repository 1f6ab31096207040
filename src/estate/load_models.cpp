#include "estate/load_models.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "estate/check.h"
#include "estate/file_text.h"
#include "estate/format.h"
#include "estate/load_files.h"
#include "estate/utf8.h"

namespace afluente::estate {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModels = "models";
constexpr const char* kWhere = "a model is models/PROJECT/DATASET/TABLE.sql";

std::string NameOf(const fs::path& relative) { return relative.generic_string(); }

// The entries of a folder without hidden ones, sorted.
std::vector<fs::path> EntriesOf(const fs::path& folder, const fs::path& relative,
                                std::vector<Finding>& findings) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator it(folder / relative, error), end; !error && it != end;
       it.increment(error)) {
    if (!it->path().filename().string().starts_with('.')) {
      entries.push_back(relative / it->path().filename());
    }
  }
  if (error) {
    findings.push_back({Mark{.file = NameOf(relative)},
                        "this is not a folder that can be read: " + error.message()});
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

// The SQL of a model; nothing when it has a finding.
std::optional<std::string> ReadSql(const fs::path& folder, const fs::path& relative,
                                   std::vector<Finding>& findings) {
  const std::string file = NameOf(relative);
  Result<std::string> text = ReadFileText(folder / relative);
  if (!text.ok()) {
    findings.push_back({Mark{.file = file}, "this file " + text.error().message()});
    return std::nullopt;
  }
  std::string sql(WithoutByteOrderMark(text.value()));
  if (const auto problem = FindTextProblem(sql)) {
    const Mark mark = problem->offset == kWholeFile
                          ? Mark{.file = file}
                          : TextPlaces(sql).MarkAtOffset(file, problem->offset);
    findings.push_back({mark, problem->message});
    return std::nullopt;
  }
  return sql;
}

// nullptr without a file, or with one that says nothing.
const YamlNode* ReadYaml(EstateDocs& docs, const fs::path& folder, const fs::path& relative,
                         std::vector<Finding>& findings) {
  std::error_code error;
  if (!fs::exists(folder / relative, error)) return nullptr;
  YamlNode* root =
      ReadYamlFile(docs, folder, relative, "describe the model, or remove it", findings);
  if (root == nullptr) return nullptr;
  CheckShape(ModelShape(), *root, findings);
  return root->kind == YamlNode::Kind::kMap ? root : nullptr;
}

std::string JobName(std::string table) {
  std::replace(table.begin(), table.end(), '_', '-');
  return table;
}

void ReadModel(EstateDocs& docs, const fs::path& folder, const fs::path& relative,
               std::vector<Finding>& findings) {
  const Mark mark{.file = NameOf(relative), .line = 1, .column = 1};
  const std::string table = relative.stem().string();
  const std::string dataset = relative.parent_path().filename().string();
  const std::string project = relative.parent_path().parent_path().filename().string();
  auto address = ParseTableAddress(project + "." + dataset + "." + table);
  if (!address.ok()) {
    findings.push_back({Mark{.file = mark.file}, address.error().message() + "; " + kWhere});
    return;
  }
  fs::path yaml = relative;
  yaml.replace_extension(".yaml");
  ModelDoc doc{.model = {}, .node = ReadYaml(docs, folder, yaml, findings)};
  std::optional<std::string> sql = ReadSql(folder, relative, findings);
  if (!sql) return;
  doc.model.table = std::move(address).value();
  doc.model.name = JobName(doc.model.table.table);
  doc.model.sql = *std::move(sql);
  doc.model.sql_mark = doc.model.mark = mark;
  if (doc.node != nullptr) ReadModelKeys(*doc.node, docs.estate, doc.model);
  docs.models.push_back(std::move(doc));
}

// A file of a dataset's folder.
void ReadFileOf(EstateDocs& docs, const fs::path& folder, const fs::path& file,
                std::vector<Finding>& findings) {
  const std::string extension = file.extension().string();
  const auto report = [&](const std::string& message) {
    findings.push_back({Mark{.file = NameOf(file)}, message});
  };
  std::error_code error;
  if (extension == ".sql") {
    ReadModel(docs, folder, file, findings);
  } else if (extension == ".yml") {
    report("this file is not read: rename it to " + file.stem().string() + ".yaml");
  } else if (extension == ".yaml") {
    fs::path sql = file;
    sql.replace_extension(".sql");
    if (!fs::exists(folder / sql, error)) {
      report("it describes no model: " + sql.filename().string() + " is missing beside it");
    }
  } else if (fs::is_directory(folder / file, error)) {
    report(std::string("this folder is one level too deep and is not read: ") + kWhere);
  }
}

}  // namespace

void ReadModels(EstateDocs& docs, const fs::path& folder, std::vector<Finding>& findings) {
  std::error_code error;
  if (!fs::exists(folder / kModels, error)) return;
  const auto is_folder = [&](const fs::path& entry) {
    if (fs::is_directory(folder / entry, error)) return true;
    const std::string extension = entry.extension().string();
    if (extension == ".sql" || extension == ".yaml" || extension == ".yml") {
      findings.push_back(
          {Mark{.file = NameOf(entry)}, std::string("this file is not read here: ") + kWhere});
    }
    return false;
  };
  for (const fs::path& project : EntriesOf(folder, kModels, findings)) {
    if (!is_folder(project)) continue;
    for (const fs::path& dataset : EntriesOf(folder, project, findings)) {
      if (!is_folder(dataset)) continue;
      for (const fs::path& file : EntriesOf(folder, dataset, findings)) {
        ReadFileOf(docs, folder, file, findings);
      }
    }
  }
}

}  // namespace afluente::estate

// One definition, many integrations or DAGs: templates/*.yaml, and `use: NAME` where they stand.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "estate/estate.h"
#include "estate/read.h"

namespace afluente::estate {

/// The templates of an estate by name; borrows from the docs that they were read into.
class Templates {
 public:
  /// Reads templates/*.yaml. Findings: what is wrong with a template by itself.
  Templates(EstateDocs& docs, const std::filesystem::path& folder, std::vector<Finding>& findings);

  /// When `node` says `use: NAME`, puts what the template makes of its `with` in its place; what
  /// came from `with` keeps its marks. `kind`: the key of the template that holds the body,
  /// "integration" or "dag". Findings: an unknown template or parameter, a value that does not fit,
  /// one that is missing; `node` is not sound then.
  void Expand(const std::string& kind, YamlNode& node, std::vector<Finding>& findings) const;

 private:
  std::map<std::string, const YamlNode*> templates_;
};

}  // namespace afluente::estate

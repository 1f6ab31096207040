// The YAML files of an estate's folders.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "estate/read.h"
#include "estate/shape.h"

namespace afluente::estate {

/// The YAML files right below `folder`/`name`, relative to `folder`, sorted; none when it is not
/// there. What looks like one but is not read gets a finding.
std::vector<std::filesystem::path> YamlFiles(const std::filesystem::path& folder,
                                             const std::string& name,
                                             std::vector<Finding>& findings);

/// The tree of a file, kept in `docs`; nullptr when it does not parse or says nothing, which is a
/// finding. `describe` ends the sentence "the file is empty: ...".
YamlNode* ReadYamlFile(EstateDocs& docs, const std::filesystem::path& folder,
                       const std::filesystem::path& file, const std::string& describe,
                       std::vector<Finding>& findings);

/// The trees of those of `files` that have one, in their order, as ReadYamlFile; parsed on as many
/// threads as the machine has cores.
std::vector<YamlNode*> ReadYamlFiles(EstateDocs& docs, const std::filesystem::path& folder,
                                     const std::vector<std::filesystem::path>& files,
                                     const std::string& describe, std::vector<Finding>& findings);

}  // namespace afluente::estate

// models/PROJECT/DATASET/TABLE.sql, and the YAML file beside each.
#pragma once

#include <filesystem>
#include <vector>

#include "estate/read.h"

namespace afluente::estate {

/// Reads all models below `folder` into `docs`, in order of their addresses. What looks like a
/// model and is not read gets a finding.
void ReadModels(EstateDocs& docs, const std::filesystem::path& folder,
                std::vector<Finding>& findings);

}  // namespace afluente::estate

// The lake as SQL sees it.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "data/duckdb_api.h"
#include "estate/estate.h"

namespace afluente::lake {

/// Makes or renews a view of each prefix that integrations and split tasks of
/// `estate` write below `root`: lake."movva-datalake/raw/messages". They hold the files that
/// the manifests name now. One at a time on one DuckDB instance.
Status CreateLakeViews(duckdb_connection connection, const estate::Estate& estate,
                       const std::filesystem::path& root);

}  // namespace afluente::lake

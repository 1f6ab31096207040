// Statements that bring the rows of a stage into their table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "connectors/bigquery/types.h"
#include "estate/address.h"

namespace afluente::bigquery {

enum class Publish : std::uint8_t { kInsert, kReplace, kMerge };

/// For a transaction. `key`: of kMerge; its columns hold no NULL in the stage, and no key twice.
std::string PublishSql(Publish how, const estate::TableAddress& target,
                       const estate::TableAddress& stage, const std::vector<ColumnForm>& columns,
                       const std::vector<std::string>& key);

}  // namespace afluente::bigquery

// What models read, found in their syntax trees, and whether that can be.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "estate/estate.h"
#include "estate/model_values.h"

namespace afluente::pipeline {

/// `text` as DuckDB runs it: templates resolved, names of GoogleSQL quoted (sql_pieces.h).
/// Errors: kInvalidConfig, of the template.
Result<std::string> WarehouseSql(const std::string& text, const estate::TemplateValues& values);

/// Which tables each model needs, and what is wrong with the models.
struct ModelGraph {
  /// By the model's address: the tables that its SQL and its tests read, itself left out.
  std::map<std::string, std::set<estate::TableAddress>> reads;
  /// SQL that does not parse or is not one SELECT; tables that nothing makes; circles, each
  /// named as a whole.
  std::vector<estate::Finding> findings;
};

/// Reads all models of `estate`; needs no warehouse and no connection. `check` and `run` both ask
/// here. Errors: kInternal when DuckDB does not open.
Result<ModelGraph> ReadModelGraph(const estate::Estate& estate);

}  // namespace afluente::pipeline

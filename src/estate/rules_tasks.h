// What must be true of the tasks of one DAG; included by rules_*.cpp only.
#pragma once

#include "estate/rules.h"

namespace afluente::estate {

struct DagScope {
  const EstateDocs& docs;
  const DagDoc& doc;
  const std::optional<std::vector<std::string>>& projects;
  std::vector<Finding>& findings;
};

/// Each task by itself, and what it names in the DAG and in the estate.
void CheckTasks(const DagScope& scope);

}  // namespace afluente::estate

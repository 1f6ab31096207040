// Whether the databases of an estate are ready for what it asks of them.
#pragma once

#include <string>
#include <vector>

#include "estate/estate.h"

namespace afluente::orchestrator {

struct SourceFindings {
  std::vector<estate::Finding> findings;  // By connection, in order of name.
  std::vector<std::string> unresolved;    // Connections whose secrets are not here, and why.
  std::vector<std::string> unreachable;   // Connections that do not answer, and why.
};

/// Asks every database that integrations of mode cdc read from, all at once,
/// what stands against following it. Takes a few seconds at most when none of
/// them answers. Changes nothing anywhere.
/// `estate` must be clean.
SourceFindings CheckSources(const estate::Estate& estate);

}  // namespace afluente::orchestrator

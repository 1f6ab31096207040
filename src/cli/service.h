// How commands that need a running service find it.
#pragma once

#include <memory>

#include "cli/context.h"
#include "server/client.h"

namespace afluente::cli {

/// The service of the state folder that the flags name. kTransient when none runs.
Result<std::unique_ptr<server::Client>> FindService(const GlobalFlags& flags);

}  // namespace afluente::cli

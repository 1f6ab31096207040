// Commands on the state as a whole.
#pragma once

#include "cli/context.h"

namespace afluente::cli {

/// backup, restore.
void AddBackupCommands(const CommandContext& context);
/// shadow, cutover, rollback.
void AddShadowCommands(const CommandContext& context);

}  // namespace afluente::cli

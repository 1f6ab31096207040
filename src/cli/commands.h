// One line a command: each declares its flags, help and body on the app.
#pragma once

#include "cli/context.h"

namespace afluente::cli {

void AddInitCommand(const CommandContext& context);
void AddCheckCommand(const CommandContext& context);
void AddSchemaCommand(const CommandContext& context);
void AddRunCommand(const CommandContext& context);
void AddReconcileCommand(const CommandContext& context);
void AddQueryCommand(const CommandContext& context);
void AddTablesCommand(const CommandContext& context);
void AddStatusCommand(const CommandContext& context);
void AddScheduleCommand(const CommandContext& context);
void AddSimulateCommand(const CommandContext& context);
void AddServeCommand(const CommandContext& context);
void AddLagCommand(const CommandContext& context);
/// pause, resume, resync.
void AddPauseCommands(const CommandContext& context);
void AddRunsCommand(const CommandContext& context);
void AddLogsCommand(const CommandContext& context);
/// trigger, why, cancel, retry, clear, mark-success.
void AddBackfillCommand(const CommandContext& context);
void AddJobCommands(const CommandContext& context);
void AddCompactCommand(const CommandContext& context);
void AddCompletionCommand(const CommandContext& context);
/// Hidden: child processes of tasks.
void AddWorkerCommand(const CommandContext& context);
void AddVersionCommand(const CommandContext& context);

}  // namespace afluente::cli

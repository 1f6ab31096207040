// The children of `serve`: what tasks start to work beside it. People do not type it.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "inference/assignment.h"
#include "inference/training.h"

namespace afluente::cli {
namespace {

struct WorkerFlags {
  std::string work;
  std::string from;
  std::string to;
};

Result<int> Work(const WorkerFlags& worker) {
  const bool fits = worker.work == "fit";
  const std::filesystem::path to = worker.to;
  std::error_code failed;
  std::filesystem::create_directories(fits ? to : to.parent_path(), failed);
  if (failed) return Error(ErrorKind::kInternal, worker.to + ": " + failed.message());
  AFL_TRY(fits ? inference::Train(worker.from, to) : inference::Assign(worker.from, to));
  return kOk;
}

}  // namespace

void AddWorkerCommand(const CommandContext& context) {
  auto worker = std::make_shared<WorkerFlags>();
  CLI::App* command = AddCommand(context, "worker", "Do a part of a task, as a child process",
                                 "  afluente worker fit FROM TO\n"
                                 "  afluente worker assign shard-0.parquet output.parquet",
                                 [worker] { return Work(*worker); });
  command->group("");  // Not listed.
  command->add_option("WORK", worker->work, "fit or assign")
      ->required()
      ->check(CLI::IsMember({"fit", "assign"}));
  command->add_option("FROM", worker->from, "Folder or file of the input")->required();
  command->add_option("TO", worker->to, "Folder or file of the output")->required();
}

}  // namespace afluente::cli

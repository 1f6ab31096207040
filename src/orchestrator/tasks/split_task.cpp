#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "base/names.h"
#include "connectors/duckdb/interrupt.h"
#include "orchestrator/tasks/exchange.h"
#include "orchestrator/tasks/learning.h"
#include "orchestrator/tasks/pieces.h"
#include "orchestrator/tasks/split_export.h"
#include "orchestrator/tasks/split_gather.h"
#include "orchestrator/tasks/task_context.h"

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOutput = "output.parquet";

std::string ShardPiece(const estate::Task& task, int shard) {
  return PieceName(task, fmt::format("shard-{}", shard));
}

fs::path LakeFolder(const estate::SplitTask& split, const LearningContext& context) {
  return context.lake / split.into.ToString();
}

Status Cut(const estate::SplitTask& split, const LearningContext& context, const Attempt& attempt,
           const std::stop_token& stop, AttemptOutcome& outcome) {
  AFL_ASSIGN(const fs::path folder,
             Exchange(context.lake).Begin(attempt.ref, context.clock->Now()));
  AFL_ASSIGN(const estate::TemplateValues values, context.values(attempt));
  AFL_ASSIGN(const data::DuckConnection connection, context.warehouse->Connect());
  const duck::InterruptOnStop interrupt(connection.get(), stop);
  // All shards are of one moment.
  AFL_TRY(data::Execute(connection.get(), "BEGIN"));
  auto rows = ExportShards(connection.get(), split, values, attempt.nominal,
                           LakeFolder(split, context), folder);
  (void)data::Execute(connection.get(), "ROLLBACK");
  AFL_ASSIGN(outcome.rows, std::move(rows));
  return Done{};
}

Result<Command> ShardCommand(const estate::Task& task, const estate::SplitTask& split, int shard,
                             const LearningContext& context, const Attempt& attempt) {
  const Exchange exchange(context.lake);
  AFL_ASSIGN(const fs::path input,
             exchange.Find(attempt.ref.run, PieceName(task, "rows"), ShardFile(shard)));
  // The folder tells the last attempt from those before, so it must be there.
  AFL_ASSIGN(const fs::path folder, exchange.Make(attempt.ref));
  const fs::path output = folder / kOutput;
  Command command;
  if (split.assign) {
    command.arguments = context.worker;
    command.arguments.insert(command.arguments.end(), {"assign", input.string(), output.string()});
  } else {
    AFL_ASSIGN(const estate::TemplateValues values, context.values(attempt));
    for (const std::string& argument : split.command) {
      AFL_ASSIGN(std::string text, estate::Render(argument, values, estate::Quoting::kPlain));
      command.arguments.push_back(std::move(text));
    }
  }
  command.working_folder = fs::absolute(context.estate_folder);
  command.environment = {{"AFLUENTE_SHARD", std::to_string(shard)},
                         {"AFLUENTE_SHARDS", std::to_string(split.shards)},
                         {"AFLUENTE_INPUT", input.string()},
                         {"AFLUENTE_OUTPUT", output.string()}};
  command.environment.merge(EnvironmentOf(attempt));
  return command;
}

// Which attempts the outputs are of; an attempt of the gathering that comes again has the same.
std::string PositionOf(const std::string& run, const std::vector<AttemptRef>& attempts) {
  std::string numbers;
  for (const AttemptRef& attempt : attempts) {
    numbers += (numbers.empty() ? "" : ",") + std::to_string(attempt.attempt);
  }
  return run + " " + numbers;
}

class Gathering {
 public:
  Gathering(const estate::Task& task, const estate::SplitTask& split,
            const LearningContext& context, const Attempt& attempt)
      : task_(task), split_(split), context_(context), attempt_(attempt), exchange_(context.lake) {}

  Status Run(const std::stop_token& stop, AttemptOutcome& outcome);

 private:
  Status FindOutputs();
  Status CountInputs(duckdb_connection connection);

  const estate::Task& task_;
  const estate::SplitTask& split_;
  const LearningContext& context_;
  const Attempt& attempt_;
  const Exchange exchange_;
  std::vector<AttemptRef> attempts_;  // Of the pieces before.
  std::vector<ShardOutput> outputs_;
  std::vector<std::uint64_t> rows_;  // That the shards were given.
};

Status Gathering::FindOutputs() {
  const std::string& run = attempt_.ref.run;
  const auto find = [&](const std::string& piece) -> Status {
    const auto last = exchange_.Last(run, piece);
    if (!last) {
      return Error(ErrorKind::kNotFound,
                   fmt::format("task {} has left nothing: clear {}, and what comes after it", piece,
                               PieceName(task_, "rows")));
    }
    attempts_.push_back(*last);
    return Done{};
  };
  AFL_TRY(find(PieceName(task_, "rows")));
  for (int shard = 0; shard < split_.shards; ++shard) {
    AFL_TRY(find(ShardPiece(task_, shard)));
    outputs_.push_back({exchange_.FolderOf(attempts_.back()) / kOutput,
                        fmt::format("part-{}-{}.{}-{}.parquet", RunWord(attempt_),
                                    attempts_.front().attempt, attempts_.back().attempt, shard)});
  }
  return Done{};
}

Status Gathering::CountInputs(duckdb_connection connection) {
  for (int shard = 0; shard < split_.shards; ++shard) {
    AFL_ASSIGN(const fs::path input,
               exchange_.Find(attempt_.ref.run, PieceName(task_, "rows"), ShardFile(shard)));
    AFL_ASSIGN(const auto count,
               data::QueryCells(connection, fmt::format("SELECT count(*) FROM read_parquet({})",
                                                        QuoteLiteral(input.string()))));
    rows_.push_back(std::stoull(count.front().front().text));
  }
  return Done{};
}

Status Gathering::Run(const std::stop_token& stop, AttemptOutcome& outcome) {
  const fs::path lake = LakeFolder(split_, context_);
  AFL_ASSIGN(const data::DuckConnection connection, context_.warehouse->Connect());
  const duck::InterruptOnStop interrupt(connection.get(), stop);
  AFL_TRY(FindOutputs());
  const std::string position = PositionOf(attempt_.ref.run, attempts_);
  AFL_ASSIGN(const bool is_gathered, IsGathered(lake, position));
  std::error_code failed;
  for (std::size_t shard = 0; shard < outputs_.size() && !is_gathered; ++shard) {
    if (fs::exists(outputs_[shard].file, failed) ||
        fs::exists(lake / outputs_[shard].name, failed)) {
      continue;
    }
    return Error(ErrorKind::kNotFound,
                 fmt::format("shard {} left no file: its worker must write Parquet to the path in "
                             "AFLUENTE_OUTPUT",
                             shard));
  }
  if (!is_gathered) AFL_TRY(CountInputs(connection.get()));
  AFL_ASSIGN(Gathered gathered,
             Gather(connection.get(), split_, task_.name, position, outputs_, rows_, lake));
  outcome.rows = gathered.rows;
  outcome.output = std::move(gathered.report);
  exchange_.Empty(attempts_);
  return Done{};
}

}  // namespace

std::vector<TaskPiece> SplitPieces(const estate::Task& task, const estate::SplitTask& split,
                                   const LearningContext& context) {
  std::vector<TaskPiece> pieces;
  pieces.push_back(
      {SpecOfPiece(task, "split", "rows"),
       ThreadWorkOf([&split, context](const Attempt& attempt, const std::stop_token& stop,
                                      AttemptOutcome& outcome) {
         return Cut(split, context, attempt, stop, outcome);
       })});
  TaskPiece gather{
      SpecOfPiece(task, "split", ""),
      ThreadWorkOf([&task, &split, context](const Attempt& attempt, const std::stop_token& stop,
                                            AttemptOutcome& outcome) {
        return Gathering(task, split, context, attempt).Run(stop, outcome);
      })};
  for (int shard = 0; shard < split.shards; ++shard) {
    TaskPiece piece{SpecOfPiece(task, "split", fmt::format("shard-{}", shard)),
                    ProcessWork([&task, &split, shard, context](const Attempt& attempt) {
                      return ShardCommand(task, split, shard, context, attempt);
                    })};
    piece.spec.after = {PieceName(task, "rows")};
    piece.spec.pool = task.name;
    piece.spec.own_slots = split.parallel;
    piece.spec.slots = 1;
    gather.spec.after.push_back(piece.spec.name);
    pieces.push_back(std::move(piece));
  }
  pieces.push_back(std::move(gather));
  return pieces;
}

}  // namespace afluente::orchestrator

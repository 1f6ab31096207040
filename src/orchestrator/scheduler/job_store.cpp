#include "orchestrator/scheduler/job_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "estate/quantities.h"

namespace afluente::orchestrator {
namespace {

std::string Number(WallTime time) { return std::to_string(time.time_since_epoch().count()); }
std::string Number(std::uint64_t value) { return std::to_string(value); }
std::string Number(int value) { return std::to_string(value); }

WallTime Time(const std::string& text) {
  return WallTime(std::chrono::microseconds(text.empty() ? 0 : std::stoll(text)));
}

// What FormatRfc3339 wrote.
WallTime Read(const std::string& written) {
  constexpr std::size_t kSeconds = std::string_view("2026-11-23T10:00:00").size();
  constexpr std::size_t kFraction = 6;
  const auto seconds = estate::ParseTime(written.substr(0, kSeconds) + "Z");
  if (!seconds || written.size() <= kSeconds + kFraction) return WallTime();
  return *seconds +
         std::chrono::microseconds(std::atoi(written.substr(kSeconds + 1, kFraction).c_str()));
}

std::string Written(WallTime time) {
  return time == WallTime() ? std::string() : FormatRfc3339(time);
}

constexpr const char* kRunColumns =
    "id, job, mode, trigger, state, nominal_us, interval_start_us, priority, params, created_us, "
    "started_us, ended_us, error, started_at, ended_at";
constexpr const char* kTaskColumns =
    "run, task, state, attempt, failures, due_us, started_us, ended_us, rows, bytes, seconds, "
    "error_kind, error, output";

JobRun ReadRun(const std::vector<std::string>& row) {
  JobRun run;
  run.id = row[0];
  run.job = row[1];
  run.mode = row[2];
  run.trigger = row[3];
  run.state = ParseRunState(row[4]);
  run.nominal = Time(row[5]);
  run.interval_start = Time(row[6]);
  run.priority = std::stoi(row[7]);
  run.params = row[8];
  run.created = Time(row[9]);
  run.started = Time(row[10]);
  run.ended = Time(row[11]);
  run.error = row[12];
  // A command's run has its times as text alone.
  if (run.started == WallTime() && run.created == WallTime()) {
    run.started = Read(row[13]);
    run.ended = Read(row[14]);
  }
  return run;
}

TaskRow ReadTask(const std::vector<std::string>& row) {
  TaskRow task;
  task.task = row[1];
  task.state = ParseTaskState(row[2]);
  task.attempt = std::stoi(row[3]);
  task.failures = std::stoi(row[4]);
  task.due = Time(row[5]);
  task.started = Time(row[6]);
  task.ended = Time(row[7]);
  task.rows = std::stoull(row[8]);
  task.bytes = std::stoull(row[9]);
  task.seconds = std::stod(row[10]);
  task.error_kind = row[11];
  task.error = row[12];
  task.output = row[13];
  return task;
}

// What changes of a run while it goes on.
std::vector<std::string> Parameters(const JobRun& run) {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::string kind;
  for (const TaskRow& task : run.tasks) {
    rows += task.rows;
    bytes += task.bytes;
    if (kind.empty() && task.state == TaskState::kFailed) kind = task.error_kind;
  }
  const bool began = run.started != WallTime();
  const bool over = run.ended != WallTime();
  const double seconds =
      began && over ? std::chrono::duration<double>(run.ended - run.started).count() : 0;
  return {std::string(NameOf(run.state)),
          Number(run.started),
          Number(run.ended),
          Written(began ? run.started : run.created),
          Written(run.ended),
          Number(rows),
          Number(bytes),
          fmt::format("{:.6f}", seconds),
          std::move(kind),
          run.error};
}

std::vector<std::string> Parameters(const std::string& run, const TaskRow& task) {
  return {run,
          task.task,
          std::string(NameOf(task.state)),
          Number(task.attempt),
          Number(task.failures),
          Number(task.due),
          Number(task.started),
          Number(task.ended),
          Number(task.rows),
          Number(task.bytes),
          fmt::format("{:.6f}", task.seconds),
          task.error_kind,
          task.error,
          task.output};
}

}  // namespace

std::string RunId(const std::string& job, WallTime nominal, const std::string& trigger) {
  return fmt::format("{}@{}/{}", job, FormatRfc3339(nominal), trigger);
}

Result<std::vector<JobRow>> JobStore::Jobs() {
  AFL_ASSIGN(const auto rows,
             file_.Select("SELECT job, paused, high_water_us, schedule, missed FROM jobs"));
  std::vector<JobRow> jobs;
  for (const auto& row : rows) {
    jobs.push_back({row[0], row[1] == "1", Time(row[2]), row[3], std::stoull(row[4])});
  }
  return jobs;
}

Result<std::vector<JobRun>> JobStore::Load(const std::string& where,
                                           const std::vector<std::string>& with) {
  AFL_ASSIGN(const auto runs,
             file_.Select(fmt::format("SELECT {} FROM runs WHERE {} ORDER BY created_us, rowid",
                                      kRunColumns, where),
                          with));
  std::vector<JobRun> found;
  std::map<std::string, std::size_t> places;
  for (const auto& row : runs) {
    places.emplace(row[0], found.size());
    found.push_back(ReadRun(row));
  }
  AFL_ASSIGN(
      const auto tasks,
      file_.Select(
          fmt::format(
              "SELECT {} FROM tasks WHERE run IN (SELECT id FROM runs WHERE {}) ORDER BY run, task",
              kTaskColumns, where),
          with));
  for (const auto& row : tasks) found[places.at(row[0])].tasks.push_back(ReadTask(row));
  return found;
}

Result<std::vector<JobRun>> JobStore::Unfinished() {
  // Runs without tasks are those of commands; they are not the scheduler's.
  return Load("state IN ('queued', 'running') AND EXISTS (SELECT 1 FROM tasks WHERE run = runs.id)",
              {});
}

Result<JobRun> JobStore::Find(const std::string& id) {
  AFL_ASSIGN(auto found, Load("id = ?", {id}));
  if (found.empty()) return Error(ErrorKind::kNotFound, fmt::format("there is no run {}", id));
  return std::move(found.front());
}

bool JobStore::Exists(const std::string& id) {
  const auto found = file_.Select("SELECT 1 FROM runs WHERE id = ?", {id});
  return found.ok() && !found.value().empty();
}

Result<std::vector<JobRun>> JobStore::Recent(const std::string& job, int limit) {
  const std::string of_job = job.empty() ? "" : "WHERE job = ?";
  const std::vector<std::string> with = job.empty() ? std::vector<std::string>() : std::vector{job};
  AFL_ASSIGN(auto found,
             Load(fmt::format("id IN (SELECT id FROM runs {} ORDER BY started_at DESC LIMIT {})",
                              of_job, limit),
                  with));
  // By when they were made; runs of commands have only a start.
  std::stable_sort(found.begin(), found.end(), [](const JobRun& a, const JobRun& b) {
    return std::max(a.created, a.started) > std::max(b.created, b.started);
  });
  return found;
}

Result<std::vector<TaskRow>> JobStore::Attempts(const std::string& run) {
  AFL_ASSIGN(
      const auto rows,
      file_.Select("SELECT task, attempt, state, started_us, ended_us, seconds, rows, bytes, "
                   "error_kind, error FROM attempts WHERE run = ? ORDER BY started_us",
                   {run}));
  std::vector<TaskRow> attempts;
  for (const auto& row : rows) {
    TaskRow& attempt = attempts.emplace_back();
    attempt.task = row[0];
    attempt.attempt = std::stoi(row[1]);
    attempt.state = ParseTaskState(row[2]);
    attempt.started = Time(row[3]);
    attempt.ended = Time(row[4]);
    attempt.seconds = std::stod(row[5]);
    attempt.rows = std::stoull(row[6]);
    attempt.bytes = std::stoull(row[7]);
    attempt.error_kind = row[8];
    attempt.error = row[9];
  }
  return attempts;
}

void JobStore::Add(std::string key, Change change, std::size_t values) {
  const auto [place, is_new] = places_.try_emplace(std::move(key), changes_.size());
  if (is_new) {
    changes_.push_back(std::move(change));
    return;
  }
  std::vector<std::string>& kept = changes_[place->second].parameters;
  std::move(change.parameters.begin(),
            change.parameters.begin() + static_cast<std::ptrdiff_t>(values), kept.begin());
}

void JobStore::Put(const JobRow& job) {
  static constexpr const char* kSql =
      "INSERT OR REPLACE INTO jobs(job, paused, high_water_us, schedule, missed) VALUES (?, CAST(? "
      "AS INTEGER), CAST(? AS INTEGER), ?, CAST(? AS INTEGER))";
  std::vector<std::string> values = {job.job, job.paused ? "1" : "0", Number(job.high_water),
                                     job.schedule, Number(job.missed)};
  const std::size_t count = values.size();
  Add("job " + job.job, {kSql, std::move(values), ""}, count);
}

void JobStore::Create(const JobRun& run) {
  // OR IGNORE: a run that is there already is one that somebody else wrote.
  static constexpr const char* kSql =
      "INSERT OR IGNORE INTO runs(state, started_us, ended_us, started_at, ended_at, rows, bytes, "
      "seconds, error_kind, error, id, job, mode, trigger, nominal_us, interval_start_us, "
      "priority, params, created_us) VALUES (?, CAST(? AS INTEGER), CAST(? AS INTEGER), ?, ?, "
      "CAST(? AS INTEGER), CAST(? AS INTEGER), CAST(? AS REAL), ?, ?, ?, ?, ?, ?, CAST(? AS "
      "INTEGER), CAST(? AS INTEGER), CAST(? AS INTEGER), ?, CAST(? AS INTEGER))";
  std::vector<std::string> values = Parameters(run);
  const std::size_t count = values.size();
  for (std::string& value : std::vector<std::string>{
           run.id, run.job, run.mode, run.trigger, Number(run.nominal), Number(run.interval_start),
           Number(run.priority), run.params, Number(run.created)}) {
    values.push_back(std::move(value));
  }
  Add("run " + run.id, {kSql, std::move(values), run.id}, count);
  for (const TaskRow& task : run.tasks) CreateTask(run.id, task);
}

void JobStore::CreateTask(const std::string& run, const TaskRow& task) {
  static constexpr const char* kSql =
      "INSERT OR REPLACE INTO tasks(run, task, state, attempt, failures, due_us, started_us, "
      "ended_us, rows, bytes, seconds, error_kind, error, output) VALUES (?, ?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?, ?, ?, ?)";
  std::vector<std::string> values = Parameters(run, task);
  const std::size_t count = values.size();
  Add("task " + task.task + " " + run, {kSql, std::move(values), run}, count);
}

void JobStore::Move(const JobRun& run, RunState from) {
  static constexpr const char* kSql =
      "UPDATE runs SET state = ?, started_us = CAST(? AS INTEGER), ended_us = CAST(? AS INTEGER), "
      "started_at = ?, ended_at = ?, rows = CAST(? AS INTEGER), bytes = CAST(? AS INTEGER), "
      "seconds = CAST(? AS REAL), error_kind = ?, error = ? WHERE id = ? AND state = ?";
  std::vector<std::string> values = Parameters(run);
  const std::size_t count = values.size();
  values.push_back(run.id);
  values.emplace_back(NameOf(from));
  Add("run " + run.id, {kSql, std::move(values), run.id}, count);
}

void JobStore::Move(const std::string& run, const TaskRow& before, const TaskRow& after) {
  static constexpr const char* kSql =
      "UPDATE tasks SET (run, task, state, attempt, failures, due_us, started_us, ended_us, rows, "
      "bytes, seconds, error_kind, error, output) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
      "WHERE run = ? AND task = ? AND state = ? AND attempt = CAST(? AS INTEGER)";
  std::vector<std::string> values = Parameters(run, after);
  const std::size_t count = values.size();
  values.push_back(run);
  values.push_back(before.task);
  values.emplace_back(NameOf(before.state));
  values.push_back(Number(before.attempt));
  Add("task " + before.task + " " + run, {kSql, std::move(values), run}, count);
}

void JobStore::Record(const std::string& run, const TaskRow& attempt) {
  static constexpr const char* kSql =
      "INSERT OR REPLACE INTO attempts(run, task, attempt, state, started_us, ended_us, seconds, "
      "rows, bytes, error_kind, error) VALUES (?, ?, CAST(? AS INTEGER), ?, CAST(? AS INTEGER), "
      "CAST(? AS INTEGER), CAST(? AS REAL), CAST(? AS INTEGER), CAST(? AS INTEGER), ?, ?)";
  std::vector<std::string> values = {run,
                                     attempt.task,
                                     Number(attempt.attempt),
                                     std::string(NameOf(attempt.state)),
                                     Number(attempt.started),
                                     Number(attempt.ended),
                                     fmt::format("{:.6f}", attempt.seconds),
                                     Number(attempt.rows),
                                     Number(attempt.bytes),
                                     attempt.error_kind,
                                     attempt.error};
  const std::size_t count = values.size();
  Add(fmt::format("attempt {} {} {}", attempt.attempt, attempt.task, run),
      {kSql, std::move(values), run}, count);
}

Result<std::vector<std::string>> JobStore::Flush() {
  std::vector<std::string> lost;
  while (!changes_.empty()) {
    std::string other;  // A run that somebody else changed.
    const Status done = file_.Transaction([&]() -> Status {
      for (const Change& change : changes_) {
        AFL_ASSIGN(const int changed, file_.Execute(change.sql, change.parameters));
        if (changed == 1) continue;
        other = change.run;
        return Error(ErrorKind::kInternal,
                     "run store: a row of " + other + " is not in the expected state");
      }
      return Done{};
    });
    if (done.ok()) break;
    if (other.empty()) return done.error();
    std::erase_if(changes_, [&](const Change& change) { return change.run == other; });
    places_.clear();
    lost.push_back(std::move(other));
  }
  std::vector<Change>().swap(changes_);  // The first ones are a row of each job.
  places_.clear();
  return lost;
}

}  // namespace afluente::orchestrator

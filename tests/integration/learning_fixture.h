// Tasks that train, predict and split, run by the scheduler with real threads and child processes
// on a warehouse of their own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "connectors/duckdb/test_warehouse.h"
#include "orchestrator/run_store.h"
#include "orchestrator/scheduler/scheduler.h"
#include "orchestrator/scheduler/scheduler_thread.h"
#include "orchestrator/tasks/learning.h"
#include "support/process.h"

namespace afluente::test {

class LearningTest : public testing::Test {
 protected:
  LearningTest() {
    auto opened = orchestrator::RunStore::Open(folder() / "runs.sqlite");
    if (!opened.ok()) throw std::runtime_error(opened.error().message());
    runs_ = std::move(opened).value();
    task_.name = "task";
    task_.policy.retry.delay = std::chrono::milliseconds(1);
  }

  const std::filesystem::path& folder() const { return warehouse_.folder().path(); }
  std::filesystem::path lake() const { return folder() / "lake"; }

  orchestrator::LearningContext Context() {
    orchestrator::LearningContext context;
    context.warehouse = &*warehouse_;
    context.clock = &SystemClock();
    context.lake = lake();
    context.estate_folder = folder();
    context.project = "analytics";
    context.worker = {AfluenteBinary().string(), "worker"};
    context.values = [](const orchestrator::Attempt&) { return estate::TemplateValues(); };
    context.on_updated = [this](const estate::TableAddress& table) {
      updated_.push_back(table.ToString());
    };
    return context;
  }

  void Sql(const std::string& sql) {
    const Status done = warehouse_.Execute(sql);
    ASSERT_TRUE(done.ok()) << done.error().message();
  }

  /// The scheduler's process begins, with one job of these pieces.
  void Open(const std::vector<orchestrator::TaskPiece>& pieces) {
    orchestrator::TaskExecutor::Works works;
    orchestrator::JobSpec job;
    job.name = "job";
    job.mode = "dag";
    for (const orchestrator::TaskPiece& piece : pieces) {
      works[{"job", piece.spec.name}] = piece.work;
      job.tasks.push_back(piece.spec);
    }
    alarm_ = orchestrator::SchedulerAlarm::Open().value();
    executor_ = orchestrator::TaskExecutor::Open(folder() / "attempts", std::move(works)).value();
    orchestrator::SchedulerOptions options;
    options.wake = [alarm = alarm_.get()] { alarm->Wake(); };
    scheduler_ = std::make_unique<orchestrator::Scheduler>(runs_->file(), *executor_, SystemClock(),
                                                           std::move(options));
    ASSERT_TRUE(scheduler_->Start({job}).ok());
    thread_ = std::make_unique<orchestrator::SchedulerThread>(*scheduler_, *alarm_);
  }
  /// It ends; child processes go on.
  void Close() {
    if (scheduler_ != nullptr) scheduler_->BeginShutdown();
    thread_.reset();
    if (executor_ != nullptr) executor_->Stop();
    executor_.reset();
    scheduler_.reset();
  }
  void TearDown() override { Close(); }

  std::string Trigger() {
    auto run = scheduler_->Trigger("job", "manual", std::nullopt, "");
    return run.ok() ? run.value() : run.error().message();
  }
  orchestrator::JobRun Find(const std::string& run) {
    return orchestrator::JobStore(runs_->file()).Find(run).value();
  }
  static const orchestrator::TaskRow& Row(const orchestrator::JobRun& run,
                                          const std::string& task) {
    for (const auto& row : run.tasks) {
      if (row.task == task) return row;
    }
    throw std::runtime_error("no task " + task);
  }

  /// Looks until `holds`, for a minute.
  static bool Soon(const std::function<bool()>& holds) {
    constexpr int kTries = 6'000;
    for (int i = 0; i < kTries; ++i) {
      if (holds()) return true;
      Pause(std::chrono::milliseconds(10));
    }
    return false;
  }
  orchestrator::JobRun Ended(const std::string& run) {
    EXPECT_TRUE(Soon([&] { return Find(run).ended != WallTime(); }));
    return Find(run);
  }
  /// Runs the pieces to their end.
  orchestrator::JobRun RunAll(const std::vector<orchestrator::TaskPiece>& pieces) {
    Close();
    Open(pieces);
    return Ended(Trigger());
  }
  /// "" for a success, else the error.
  static std::string Text(const orchestrator::JobRun& run) {
    return run.state == orchestrator::RunState::kSucceeded ? "" : run.error;
  }

  duck::TestWarehouse warehouse_;
  std::unique_ptr<orchestrator::RunStore> runs_;
  estate::Task task_;
  std::vector<std::string> updated_;
  std::unique_ptr<orchestrator::SchedulerAlarm> alarm_;
  std::unique_ptr<orchestrator::TaskExecutor> executor_;
  std::unique_ptr<orchestrator::Scheduler> scheduler_;
  std::unique_ptr<orchestrator::SchedulerThread> thread_;
};

}  // namespace afluente::test

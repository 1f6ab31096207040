// The long-running process: owns the state folder, follows what is continuous, runs what is due,
// answers questions.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <stop_token>

#include "base/clock.h"
#include "base/result.h"
#include "estate/estate.h"
#include "orchestrator/inbox/subscriptions.h"
#include "orchestrator/job_scheduler.h"
#include "orchestrator/run_integration.h"
#include "orchestrator/supervisor.h"
#include "orchestrator/triggers.h"
#include "orchestrator/verifier.h"
#include "server/inbox_server.h"
#include "server/publish_door.h"

namespace afluente::server {

/// Where a service answers: a Unix socket in the state folder.
std::filesystem::path SocketOf(const std::filesystem::path& state_root);

/// Lives as long as `serve` does. Thread-safe.
class Service {
 public:
  /// Takes the state folder and starts to follow. `estate` is borrowed. `stop`
  /// ends the questions that are being answered.
  /// `listen`: where the inbox does, "" as the estate says.
  static Result<std::unique_ptr<Service>> Open(const estate::Estate& estate,
                                               const std::filesystem::path& state_root,
                                               const std::string& listen, const Clock& clock,
                                               std::stop_token stop);

  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  const estate::Estate& estate() const { return estate_; }
  orchestrator::Owner& owner() { return *owner_; }
  orchestrator::Supervisor& supervisor() { return *supervisor_; }
  orchestrator::Triggers& triggers() { return *triggers_; }
  /// nullptr when nothing in the estate is to arrive there.
  const InboxServer* inbox() const { return inbox_.get(); }
  /// nullptr when the estate has no inbox.pubsub_listen.
  const PublishDoor* publish_door() const { return publish_door_.get(); }
  const orchestrator::Subscriptions& subscriptions() const { return *subscriptions_; }
  orchestrator::Verifier& verifier() { return *verifier_; }
  orchestrator::Scheduler& scheduler() { return jobs_->scheduler(); }
  /// A connection to the warehouse that also sees the lake, as of now, in the
  /// schema `lake`.
  Result<data::DuckConnection> ConnectForReading();
  const std::stop_token& stop() const { return stop_; }

 private:
  Service(const estate::Estate& estate, std::stop_token stop)
      : estate_(estate), stop_(std::move(stop)) {}
  void TellJobs(const estate::TableAddress& table);

  const estate::Estate& estate_;
  const std::stop_token stop_;
  std::unique_ptr<orchestrator::Owner> owner_;
  std::mutex lake_mutex_;  // Views of the lake are made one at a time.
  // Each ends before what it uses.
  std::unique_ptr<orchestrator::Triggers> triggers_;
  std::unique_ptr<orchestrator::Supervisor> supervisor_;
  std::unique_ptr<InboxServer> inbox_;
  std::unique_ptr<PublishDoor> publish_door_;
  std::unique_ptr<orchestrator::Subscriptions> subscriptions_;
  std::unique_ptr<orchestrator::Verifier> verifier_;
  std::unique_ptr<orchestrator::JobScheduler> jobs_;
  std::mutex listening_mutex_;
  orchestrator::Scheduler* listening_ = nullptr;  // To what others write; from when it is there on.
};

}  // namespace afluente::server

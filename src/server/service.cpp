#include "server/service.h"

#include <vector>

#include "connectors/objectstore/lake_views.h"
#include "orchestrator/jobs.h"

namespace afluente::server {

std::filesystem::path SocketOf(const std::filesystem::path& state_root) {
  return state_root / "afluente.sock";
}

Result<std::unique_ptr<Service>> Service::Open(const estate::Estate& estate,
                                               const std::filesystem::path& state_root,
                                               const std::string& listen, const Clock& clock,
                                               std::stop_token stop) {
  std::unique_ptr<Service> service(new Service(estate, std::move(stop)));
  AFL_ASSIGN(
      service->owner_,
      orchestrator::Owner::Open(estate, state_root, orchestrator::AllJobs(estate), "serve", clock));
  AFL_ASSIGN(service->inbox_, InboxServer::Open(estate, listen, service->owner_->inbox(), clock));
  service->triggers_ = std::make_unique<orchestrator::Triggers>(estate, *service->owner_, clock);
  const auto on_updated = [triggers = service->triggers_.get()](const estate::TableAddress& table) {
    triggers->Updated(table);
  };
  service->supervisor_ =
      std::make_unique<orchestrator::Supervisor>(service->owner_->FollowContext(), on_updated);
  service->verifier_ = std::make_unique<orchestrator::Verifier>(estate, *service->owner_,
                                                                *service->supervisor_, clock);
  AFL_ASSIGN(service->jobs_,
             orchestrator::JobScheduler::Open(estate, *service->owner_, clock, on_updated));
  return service;
}

Result<data::DuckConnection> Service::ConnectForReading() {
  AFL_ASSIGN(data::DuckConnection connection, owner_->warehouse().Connect());
  const std::lock_guard lock(lake_mutex_);
  AFL_TRY(lake::CreateLakeViews(connection.get(), estate_, owner_->paths().lake));
  return connection;
}

}  // namespace afluente::server

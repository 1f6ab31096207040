#include "connectors/duckdb/change_sink.h"

#include <fmt/format.h>

#include <map>

#include "connectors/duckdb/checkpoints.h"
#include "connectors/duckdb/form_targets.h"

namespace afluente::duck {
namespace {

// The tables of one project: one file, so one transaction.
struct ProjectFile {
  data::DuckConnection connection;
  std::map<std::string, std::unique_ptr<ChangeTarget>> targets;  // By integration.
  std::vector<const estate::Integration*> integrations;
  bool in_transaction = false;
};

class DuckChangeSink final : public pipeline::ChangeSink {
 public:
  Status Open(Warehouse& warehouse, const std::vector<const estate::Integration*>& integrations) {
    for (const estate::Integration* integration : integrations) {
      ProjectFile& file = files_[integration->destination.table->project];
      if (file.connection.get() == nullptr) {
        AFL_ASSIGN(file.connection, warehouse.Connect());
      }
      file.integrations.push_back(integration);
      file.targets[integration->name] = MakeChangeTarget(warehouse, *integration);
    }
    return Done{};
  }

  Result<std::map<std::string, data::Position>> Stored() override {
    std::map<std::string, data::Position> positions;
    for (auto& [project, file] : files_) {
      for (const estate::Integration* integration : file.integrations) {
        AFL_ASSIGN(const auto stored,
                   ReadCheckpoint(file.connection.get(), *integration->destination.table,
                                  integration->name));
        if (stored) positions[integration->name] = *stored;
      }
    }
    return positions;
  }

  Status Apply(pipeline::ChangeSet& changes) override {
    Status applied = ApplyAll(changes);
    if (applied.ok()) return applied;
    for (auto& [project, file] : files_) {
      if (!file.in_transaction) continue;
      // DuckDB may have rolled back already.
      (void)data::Execute(file.connection.get(), "ROLLBACK");
      file.in_transaction = false;
      for (auto& [name, target] : file.targets) target->Forget();
    }
    return applied;
  }

  std::string culprit() const override { return culprit_; }

 private:
  static Status Begin(ProjectFile& file) {
    if (file.in_transaction) return Done{};
    AFL_TRY(data::Execute(file.connection.get(), "BEGIN"));
    file.in_transaction = true;
    return Done{};
  }

  Status ApplyAll(pipeline::ChangeSet& changes) {
    for (const auto& table : changes.tables) {
      const estate::Integration& integration = table->integration();
      ProjectFile& file = files_.at(integration.destination.table->project);
      AFL_TRY(Begin(file));
      culprit_ = integration.name;
      AFL_TRY(file.targets.at(integration.name)->Apply(file.connection.get(), *table).Within([&] {
        return integration.name;
      }));
      culprit_.clear();
    }
    if (!changes.end) return Done{};
    for (auto& [project, file] : files_) {
      std::vector<const estate::Integration*> moved;
      for (const estate::Integration* integration : file.integrations) {
        if (!changes.ahead.contains(integration->name)) moved.push_back(integration);
      }
      if (moved.empty() && !file.in_transaction) continue;
      AFL_TRY(Begin(file));
      if (!moved.empty()) {
        AFL_TRY(WriteCheckpoints(file.connection.get(), moved, *changes.end));
      }
      AFL_TRY(data::Execute(file.connection.get(), "COMMIT"));
      file.in_transaction = false;
      for (auto& [name, target] : file.targets) target->Keep();
    }
    return Done{};
  }

  std::map<std::string, ProjectFile> files_;
  std::string culprit_;
};

}  // namespace

Result<std::unique_ptr<pipeline::ChangeSink>> OpenChangeSink(
    Warehouse& warehouse, const std::vector<const estate::Integration*>& integrations) {
  auto sink = std::make_unique<DuckChangeSink>();
  AFL_TRY(sink->Open(warehouse, integrations));
  return std::unique_ptr<pipeline::ChangeSink>(std::move(sink));
}

}  // namespace afluente::duck

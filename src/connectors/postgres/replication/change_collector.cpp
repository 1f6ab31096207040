#include "connectors/postgres/replication/change_collector.h"

#include "connectors/postgres/replication/folded_changes.h"
#include "connectors/postgres/replication/history_changes.h"

namespace afluente::postgres {

std::unique_ptr<ChangeCollector> MakeCollector(const estate::Integration& integration,
                                               std::shared_ptr<const TableShape> shape) {
  switch (integration.form) {
    case estate::Form::kMirror:
      return MakeFoldCollector(integration, std::move(shape), ChangeFold::Deleted::kForgotten);
    case estate::Form::kSoftDelete:
      return MakeFoldCollector(integration, std::move(shape), ChangeFold::Deleted::kMarked);
    case estate::Form::kHistory:
      return MakeHistoryCollector(integration, std::move(shape));
  }
  return nullptr;
}

}  // namespace afluente::postgres

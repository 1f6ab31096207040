#include "connectors/postgres/replication/change_collector.h"

#include "connectors/postgres/replication/folded_changes.h"
#include "connectors/postgres/replication/followed_table.h"
#include "connectors/postgres/replication/history_changes.h"
#include "connectors/postgres/replication/whole_row_changes.h"

namespace afluente::postgres {

std::unique_ptr<ChangeCollector> MakeCollector(const estate::Integration& integration,
                                               std::shared_ptr<const TableShape> shape) {
  if (shape->whole_rows) return MakeWholeRowCollector(integration, std::move(shape));
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

// Changes that are folded: what forms mirror and soft_delete take.
#pragma once

#include <memory>

#include "connectors/postgres/replication/change_collector.h"
#include "connectors/postgres/replication/change_fold.h"
#include "connectors/postgres/replication/followed_table.h"

namespace afluente::postgres {

/// Collects in a ChangeFold. The integration is borrowed.
std::unique_ptr<ChangeCollector> MakeFoldCollector(const estate::Integration& integration,
                                                   std::shared_ptr<const TableShape> shape,
                                                   ChangeFold::Deleted deleted);

}  // namespace afluente::postgres

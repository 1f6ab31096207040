// Changes that are kept one by one: what form history takes.
#pragma once

#include <memory>

#include "connectors/postgres/replication/change_collector.h"
#include "connectors/postgres/replication/followed_table.h"

namespace afluente::postgres {

/// Collects in a HistoryLog. The integration is borrowed.
std::unique_ptr<ChangeCollector> MakeHistoryCollector(const estate::Integration& integration,
                                                      std::shared_ptr<const TableShape> shape);

}  // namespace afluente::postgres

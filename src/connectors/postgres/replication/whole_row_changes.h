// Changes of a table without a key: which rows went, which came.
#pragma once

#include <memory>

#include "connectors/postgres/replication/change_collector.h"

namespace afluente::postgres {

/// The integration is borrowed; the shape has whole_rows.
std::unique_ptr<ChangeCollector> MakeWholeRowCollector(const estate::Integration& integration,
                                                       std::shared_ptr<const TableShape> shape);

}  // namespace afluente::postgres

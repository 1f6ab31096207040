// What a group has found and opened before it copies and follows; private to FollowGroup.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "connectors/postgres/catalog.h"
#include "connectors/postgres/replication/lsn.h"
#include "connectors/postgres/replication/table_state.h"
#include "orchestrator/follow_group.h"
#include "pipeline/changes.h"

namespace afluente::orchestrator {

struct FollowGroup::Prepared {
  postgres::Endpoint endpoint;
  postgres::Connection catalog;
  std::unique_ptr<pipeline::ChangeSink> sink;
  std::map<std::string, postgres::RelationName> relations;  // By integration.
  std::map<std::string, postgres::Lsn> positions;           // By integration.
  std::map<std::string, postgres::TableState> states;       // By integration: as it is now.
  /// By integration without a position: why its table, which has rows, is compared
  /// and repaired rather than copied.
  std::map<std::string, std::string> repairs;
  bool written_anew = false;  // While it was followed.
  bool slot_exists = false;
  bool needs_text = false;  // Values must come in their text form.
};

}  // namespace afluente::orchestrator

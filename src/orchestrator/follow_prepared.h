// What a group has found and opened before it copies and follows; private to FollowGroup.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "connectors/duckdb/begun_copy.h"
#include "connectors/postgres/catalog.h"
#include "connectors/postgres/replication/lsn.h"
#include "connectors/postgres/replication/table_state.h"
#include "orchestrator/follow_group.h"
#include "pipeline/changes.h"

namespace afluente::orchestrator {

/// A first copy that was cut off.
struct FollowGroup::Begun {
  std::uint32_t since = 0;  // The oldest transaction that had not ended when it began.
  duck::BegunCopy copy;
};

/// An integration that takes no part, and whose changes are kept.
struct FollowGroup::Aside {
  postgres::RelationName relation;
  postgres::Lsn from;  // Of the first change that has to be kept.
};

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
  std::map<std::string, Begun> begun;  // By integration without a position.
  /// Integrations whose copy another process may go on with, as if they moved their keys alone.
  std::map<std::string, estate::Integration> keys_alone;
  std::set<std::string> stored;  // Integrations that have a table, even if it is to be copied.
  bool written_anew = false;     // While it was followed.
  bool copied_beside = false;    // While the others were followed.
  bool slot_exists = false;
  postgres::Lsn confirmed;                 // What the slot begins with, if it exists.
  std::vector<std::string> kept;           // Integrations whose changes the disk has, not the slot.
  std::map<std::string, Aside> set_aside;  // By integration.
  std::string culprit;                     // Of a copy.
  bool has_inserts_only = false;           // Tables come through the second publication, too.
  bool needs_text = false;                 // Values must come in their text form.
};

}  // namespace afluente::orchestrator

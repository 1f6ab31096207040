// Has a table changed in ways that its changes do not tell?
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "connectors/postgres/catalog.h"
#include "connectors/postgres/libpq.h"

namespace afluente::postgres {

/// What the catalog says of a table and of every partition below it.
struct TableState {
  struct Column {
    std::string written;  // The transaction that wrote its catalog row.
    std::string type;     // Type, length, and whether it was dropped.
    bool has_default_for_old_rows = false;

    bool operator==(const Column&) const = default;
  };
  struct Part {
    std::string storage;                    // Another file after TRUNCATE, VACUUM FULL, a rewrite.
    bool attached = false;                  // It was a table before it became a partition.
    std::map<std::string, Column> columns;  // By number.

    bool operator==(const Part&) const = default;
  };
  std::map<std::string, Part> parts;  // By oid.

  std::string ToJson() const;
  static TableState FromJson(const std::string& text);  // Empty for a text that is none.
  bool operator==(const TableState&) const = default;
};

Result<TableState> ReadTableState(PGconn* connection, const RelationName& name);

/// Whether rows may have come, gone or changed between `before` and `now` that no
/// stream sends: a part has a new file and columns that were altered (VACUUM FULL
/// and TRUNCATE alter none), a table was attached, or a partition is gone.
bool IsWrittenAnew(const TableState& before, const TableState& now);

}  // namespace afluente::postgres

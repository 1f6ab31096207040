// The tables of a stream: what they look like, and their changes, folded.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/libpq.h"
#include "connectors/postgres/replication/change_collector.h"
#include "connectors/postgres/replication/followed_table.h"
#include "connectors/postgres/replication/pgoutput.h"
#include "connectors/postgres/replication/table_state.h"
#include "estate/estate.h"
#include "pipeline/changes.h"

namespace afluente::postgres {

/// As the stream's messages name it.
std::uint32_t OidOf(const RelationName& relation);

/// An integration and where its table's changes begin to count.
struct FollowedIntegration {
  const estate::Integration* integration = nullptr;
  RelationName relation;
  Lsn from;
  TableState state;  // What the table looked like when its rows were last known to be right.
};

struct FollowedTablesOptions {
  Endpoint endpoint;   // Of the catalog that knows the types.
  bool binary = true;  // Values come in their binary form.
  /// A table looks different now, and its rows are right.
  std::function<Status(const std::string& integration, const TableState& now)> on_state;
};

/// Takes the messages of tables in, in their order, and hands out what they come
/// down to. One thread uses it.
class FollowedTables {
 public:
  FollowedTables(FollowedTablesOptions options, std::vector<FollowedIntegration> followed);

  /// Takes a table's description in. False: what is collected of the table must
  /// be taken first, then the description comes again.
  /// Errors: those of ShapeTable; kTransient with needs_text() for a shape that
  /// the binary form does not carry.
  Result<bool> Learn(const RelationMessage& relation);

  /// Takes an insert, update, delete or truncate of `relation` in. Returns how
  /// many places of the transaction's order it takes; 0: nobody follows it.
  /// Errors: of the table's collector.
  Result<int> Fold(std::uint32_t relation, const Message& message, const ChangeMoment& moment);

  /// Asks the catalog for tables that nobody changed since they were altered;
  /// every few seconds, at once otherwise. Errors: with written_anew().
  Status LookAtTables();

  /// Hands out what was collected: `tables`, `changes` and `bytes` of a set.
  pipeline::ChangeSet Take();
  /// Integrations that begin to count after `position`.
  std::set<std::string> AheadOf(Lsn position) const;

  /// Memory of what is collected, about.
  std::size_t bytes() const { return bytes_; }
  bool has_changes() const { return has_changes_; }
  /// After a failure: the integration whose table caused it; "" if none did.
  const std::string& culprit() const { return culprit_; }
  /// Why it failed: a table took a shape that the stream's binary form does not
  /// carry. Open the stream again without.
  bool needs_text() const { return needs_text_; }
  /// Why it failed: the table of the culprit has rows that no stream sends.
  bool written_anew() const { return written_anew_; }

 private:
  struct Table {
    FollowedIntegration followed;
    std::optional<RelationMessage> relation;
    std::shared_ptr<const TableShape> shape;
    std::unique_ptr<ChangeCollector> collected;
  };

  std::vector<Table*>* TablesOf(std::uint32_t relation);
  Status Blame(const Table& table, Status status);
  Status LearnShape(Table& table, const RelationMessage& relation);
  Status OpenCatalog();
  Status LookAt(Table& table);
  Result<int> FoldRow(Table& table, const Message& message, const ChangeMoment& moment);

  const FollowedTablesOptions options_;
  Connection catalog_;  // Opened when a type must be looked up.
  std::vector<std::unique_ptr<Table>> tables_;
  std::unordered_map<std::uint32_t, std::vector<Table*>> by_relation_;
  std::size_t bytes_ = 0;
  bool has_changes_ = false;
  std::uint64_t versions_ = 0;
  std::string culprit_;
  bool needs_text_ = false;
  bool written_anew_ = false;
  std::chrono::nanoseconds looked_at_;  // When the catalog was asked for all tables.
};

}  // namespace afluente::postgres

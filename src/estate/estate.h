// The declared landscape, typed. Load() is the only way to get one.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/rare.h"
#include "base/result.h"
#include "estate/address.h"
#include "estate/dag.h"
#include "estate/model.h"
#include "estate/shadow.h"
#include "estate/trigger.h"

namespace afluente::estate {

enum class Mode : std::uint8_t { kSnapshot, kIncremental, kCdc, kEvent, kStream };
enum class Write : std::uint8_t { kAppend, kReplace, kUpsert };
enum class Mask : std::uint8_t { kHash, kRedact, kLast4, kNull };
enum class OnSchemaChange : std::uint8_t { kEvolve, kFail, kIgnore };
enum class OnBadRow : std::uint8_t { kFail, kDeadLetter };
enum class Form : std::uint8_t { kMirror, kSoftDelete, kHistory };
enum class Origin : std::uint8_t { kAny, kNone };
enum class Deletes : std::uint8_t { kIgnore, kDelete };

/// The word as it stands in YAML, JSON and the run store.
std::string_view NameOf(Mode mode);
std::string_view NameOf(Write write);
std::string_view NameOf(Mask mask);
std::string_view NameOf(OnSchemaChange policy);
std::string_view NameOf(OnBadRow policy);
std::string_view NameOf(Origin origin);
std::string_view NameOf(Form form);
std::string_view NameOf(Deletes deletes);

struct Project {
  std::string name;  // The key: "rapidpro-217518".
  std::string description;
  Mark mark;
};

enum class ConnectionType : std::uint8_t { kPostgres, kPubsub, kHttp, kObjectStore };
std::string_view NameOf(ConnectionType type);

/// libpq's TLS settings; they override what the DSN says. Empty: not set.
struct Tls {
  std::string mode;  // disable | allow | prefer | require | verify-ca | verify-full
  std::string root_cert;
  std::string cert;
  std::string key;
};

/// Where the topics of a connection of type pubsub are.
enum class PubsubEngine : std::uint8_t { kInbox, kPubsub };

struct Connection {
  std::string name;
  ConnectionType type = ConnectionType::kPostgres;
  PubsubEngine engine = PubsubEngine::kInbox;
  std::string project;
  std::string dsn;  // Unresolved: "${env:RAPIDPRO_DSN}". See secrets.h.
  Tls tls;
  // Bytes of log that the slot of mode cdc may make the server keep.
  std::optional<std::int64_t> max_retained_wal;  // Above it: a warning.
  std::optional<std::int64_t> max_spool;         // Bytes of changes kept of a table left out.
  std::optional<std::int64_t> drop_slot_above;   // Above it: the slot goes.
  Mark mark;
};

/// Splits a table name of PostgreSQL at its dots and reads each part as SQL
/// does: public.Msgs is {public, msgs}, public."Msgs" is {public, Msgs}.
/// kInvalidConfig if a part is empty or a quote is not closed.
Result<std::vector<std::string>> ParseTableName(const std::string& text);

/// Exactly one of table, query, topic, webhook, warehouse_table is set.
struct Source {
  std::string connection;  // Empty for warehouse_table and webhook.
  std::string table;       // "public.msgs", quoted parts allowed.
  std::string query;       // A SELECT of the source's dialect.
  std::string topic;
  std::string subscription;  // Engine pubsub; "": one of afluente's own.
  std::string webhook;
  Rare<TableAddress> warehouse_table;
  Origin origin = Origin::kAny;  // mode cdc: whose changes count.
  Mark mark;
};

/// Exactly one of table, lake, or (connection and connection_table) is set.
struct Destination {
  std::optional<TableAddress> table;  // In the warehouse.
  Rare<LakeAddress> lake;             // Parquet files.
  std::string connection;             // Reverse ETL: a PostgreSQL connection ...
  std::string connection_table;       // ... and "schema.table" in it.
  std::vector<std::string> key;
  Mark mark;
};

/// What an integration says about one column of its source.
struct ColumnRule {
  bool include = false;  // If any rule includes, columns without a rule that includes are left out.
  bool exclude = false;
  std::string rename;  // Empty: keeps its name.
  std::optional<Mask> mask;
  std::string pii;  // phone | name | email | document | address | birth_date | text | other
  std::string
      type;  // A DuckDB type, or "text" for PostgreSQL's text form. Empty: by the types table.
  Mark mark;
};

struct Verify {
  std::chrono::milliseconds every{0};
  bool repair = false;
};

struct Integration {
  std::string name;
  std::string description;
  Source source;
  Destination destination;
  Mode mode = Mode::kSnapshot;
  Trigger trigger;
  RunPolicy runs;
  TaskPolicy policy = AgainWhenTransient();
  std::map<std::string, ColumnRule> columns;  // By source column name.
  std::string where;                          // A condition in the source's dialect.
  std::vector<std::string> cursor;            // mode: incremental.
  std::chrono::milliseconds lookback{0};
  std::optional<Write> write;  // Unset: see EffectiveWrite.
  Form form = Form::kMirror;
  std::optional<Verify> verify;  // mode: cdc.
  Rare<Shadow> shadow;           // Beside what fills the table today.
  std::string transform;         // SELECT ... FROM batch, in DuckDB's dialect.
  Deletes deletes = Deletes::kIgnore;
  int parallel = 0;  // Lanes; 0: chosen by size and cores.
  OnSchemaChange on_schema_change = OnSchemaChange::kEvolve;
  OnBadRow on_bad_row = OnBadRow::kFail;
  std::string service_account;
  std::optional<Sla> sla;
  std::string owner;
  std::vector<std::string> tags;
  Mark mark;            // Of the name.
  Mark transform_mark;  // Of the transform's text.

  /// What `write` says; unset: replace for snapshot, but upsert into a PostgreSQL table with a
  /// key; otherwise append into the lake, upsert for
  /// cdc, and for incremental, event and stream upsert when there is a key, else append.
  Write EffectiveWrite() const;

  /// Of mode cdc: whether only what is inserted (and TRUNCATE) is followed, because
  /// the table has no key. Its changes come through a publication of their own.
  bool FollowsInsertsOnly() const { return mode == Mode::kCdc && write == Write::kAppend; }

  /// The source columns that a mask hides.
  std::set<std::string> MaskedColumns() const;
};

enum class WarehouseEngine : std::uint8_t { kDuckdb, kBigquery };
std::string_view NameOf(WarehouseEngine engine);

struct Warehouse {
  WarehouseEngine engine = WarehouseEngine::kDuckdb;
  std::string path = "warehouse";  // Relative to the state folder.
  std::string location;            // BigQuery.
};

/// Where a server listens.
struct ListenAddress {
  std::string host;  // Without brackets.
  int port = 0;      // 0: any that is free.
};

/// Parses `HOST:PORT` and `[IPv6]:PORT`; kInvalidConfig otherwise.
Result<ListenAddress> ParseListen(const std::string& text);

/// The HTTP server of `serve` that webhooks and topics arrive at.
struct Inbox {
  std::string listen = "127.0.0.1:8090";              // HOST:PORT; port 0: any that is free.
  std::string pubsub_listen;                          // HOST:PORT, as above; "": nowhere.
  std::string secret;                                 // Unresolved.
  std::int64_t max_pending = std::int64_t{1} << 30U;  // Bytes that may wait.
};

struct Estate {
  std::string name;
  std::string folder;   // As it was given to Load.
  std::string profile;  // The chosen one; "": none.
  std::string time_zone = "UTC";
  std::string currency = "BRL";
  Warehouse warehouse;
  std::string lake_url = "file://lake";  // A relative file:// path starts at the state folder.
  std::string mask_salt;                 // Unresolved secret; needed by `mask: hash`.
  Inbox inbox;
  std::map<std::string, Project> projects;
  std::map<std::string, Connection> connections;
  std::map<std::string, Calendar> calendars;  // Without the built-in ones (calendar.h).
  std::map<std::string, Integration> integrations;
  std::map<std::string, Model> models;  // By table: "project.dataset.table".
  std::map<std::string, Dag> dags;
  std::map<std::string, int> pools;  // Slots, by name.

  /// kNotFound, with the nearest valid name.
  Result<const Integration*> FindIntegration(const std::string& integration) const;

  /// What `name` names among the jobs; exactly one of the three is set.
  struct Job {
    const Integration* integration = nullptr;
    const Model* model = nullptr;
    const Dag* dag = nullptr;
  };
  /// The integration, the DAG or the model with that name; a model also by its table's address, or
  /// by the table's name alone if no other model has it. Errors: kNotFound with the nearest valid
  /// name, kInvalidConfig when several models are meant.
  Result<Job> FindJob(const std::string& name) const;
};

/// The connection with engine pubsub whose topic `integration` reads; nullptr if there is
/// none. Borrows from the estate.
const Connection* PubsubOf(const Estate& estate, const Integration& integration);

}  // namespace afluente::estate

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

#include "base/clock.h"
#include "base/result.h"

namespace afluente::estate {

/// Where a key or value stands. Line and column count from 1; 0: the whole file.
struct Mark {
  std::string file;  // Relative to the estate's folder, as people type it.
  int line = 0;
  int column = 0;

  /// "integrations/contacts.yaml:14:3"; the file alone when line is 0.
  std::string ToString() const;
};

/// One thing that is wrong, with its cure in the text.
struct Finding {
  Mark mark;
  std::string message;

  /// "integrations/contacts.yaml:14:3: unknown key ...".
  std::string ToString() const { return mark.ToString() + ": " + message; }
};

enum class Mode : std::uint8_t { kSnapshot, kIncremental, kCdc, kEvent, kStream };
enum class Write : std::uint8_t { kAppend, kReplace, kUpsert };
enum class Mask : std::uint8_t { kHash, kRedact, kLast4, kNull };
enum class OnSchemaChange : std::uint8_t { kEvolve, kFail, kIgnore };
enum class OnBadRow : std::uint8_t { kFail, kDeadLetter };
enum class Form : std::uint8_t { kMirror, kSoftDelete, kHistory };
enum class Origin : std::uint8_t { kAny, kNone };
enum class Deletes : std::uint8_t { kIgnore, kDelete };
enum class Gap : std::uint8_t { kShift, kSkip };
enum class Overlap : std::uint8_t { kFirst, kLast, kBoth };
enum class AlertLevel : std::uint8_t { kInfo, kWarning, kCritical };

/// The word as it stands in YAML, JSON and the run store.
std::string_view NameOf(Mode mode);
std::string_view NameOf(Write write);
std::string_view NameOf(Mask mask);
std::string_view NameOf(OnSchemaChange policy);
std::string_view NameOf(OnBadRow policy);
std::string_view NameOf(Origin origin);
std::string_view NameOf(Form form);
std::string_view NameOf(Deletes deletes);
std::string_view NameOf(AlertLevel level);

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

struct Connection {
  std::string name;
  ConnectionType type = ConnectionType::kPostgres;
  std::string project;
  std::string dsn;  // Unresolved: "${env:RAPIDPRO_DSN}". See secrets.h.
  Tls tls;
  // Bytes of log that the slot of mode cdc may make the server keep.
  std::optional<std::int64_t> max_retained_wal;  // Above it: a warning.
  std::optional<std::int64_t> max_spool;         // Bytes of changes kept of a table left out.
  std::optional<std::int64_t> drop_slot_above;   // Above it: the slot goes.
  Mark mark;
};

/// `project.dataset.table` of the warehouse.
struct TableAddress {
  std::string project;
  std::string dataset;
  std::string table;

  std::string ToString() const { return project + "." + dataset + "." + table; }
  auto operator<=>(const TableAddress&) const = default;
};

/// Parses `project.dataset.table`; kInvalidConfig if it has not three parts.
Result<TableAddress> ParseTableAddress(const std::string& text);

/// `project/bucket/prefix` of the lake; the prefix may have several parts.
struct LakeAddress {
  std::string project;
  std::string bucket;
  std::string prefix;

  std::string ToString() const { return project + "/" + bucket + "/" + prefix; }
  auto operator<=>(const LakeAddress&) const = default;
};

/// Parses `project/bucket/prefix`; a slash at the end is dropped. kInvalidConfig
/// if a part is missing, empty, "." or "..".
Result<LakeAddress> ParseLakeAddress(const std::string& text);

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
  std::string webhook;
  std::optional<TableAddress> warehouse_table;
  Origin origin = Origin::kAny;  // mode cdc: whose changes count.
  Mark mark;
};

/// Exactly one of table, lake, or (connection and connection_table) is set.
struct Destination {
  std::optional<TableAddress> table;  // In the warehouse.
  std::optional<LakeAddress> lake;    // Parquet files.
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

/// Days of the civil calendar, both ends included.
struct DayRange {
  std::chrono::local_days first;
  std::chrono::local_days last;
};

/// Named days that schedules may leave out.
struct Calendar {
  std::vector<DayRange> days;
  Mark mark;
};

/// One schedule of a job. Exactly one of cron and every is set.
struct ScheduleSpec {
  std::string cron;
  std::chrono::milliseconds every{0};
  WallTime anchor{};                // every: the fires are whole multiples of it away from here.
  std::string zone;                 // IANA. Defaults to the estate's time zone.
  std::optional<Gap> gap;           // cron; unset: as the hour field says (docs/schedules.md).
  std::optional<Overlap> overlap;   // The same.
  std::vector<std::string> except;  // Dates, ranges of dates, names of calendars.
  std::chrono::milliseconds jitter{0};
  std::optional<std::chrono::local_days> from;   // In the zone, included.
  std::optional<std::chrono::local_days> until;  // The same.
  Mark mark;

  /// The cron text or "every 15m", as people wrote it.
  std::string ToString() const;
};

struct Trigger {
  enum class Kind : std::uint8_t {
    kNone,
    kSchedule,
    kContinuous,
    kChange,
    kAsset,
    kWebhook,
    kTopic
  };
  Kind kind = Kind::kNone;
  std::vector<ScheduleSpec> schedules;  // kSchedule: at least one.
  std::string subject;           // kChange: connection:schema.table; kAsset: project.dataset.table;
                                 // kWebhook: a path; kTopic: a topic. Defaults to the source's.
  std::vector<std::string> key;  // kWebhook, kTopic: where in the body destination.key stands.
  std::string secret;            // kWebhook, kTopic: unresolved; empty: the inbox's.
  Mark mark;
};

struct Sla {
  std::optional<std::chrono::milliseconds> max_staleness;
  std::optional<std::chrono::milliseconds> max_duration;
  std::string deadline;  // "06:00", local to the first schedule's zone; without one, the estate's.
  AlertLevel alert = AlertLevel::kWarning;
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
  std::map<std::string, ColumnRule> columns;  // By source column name.
  std::string where;                          // A condition in the source's dialect.
  std::vector<std::string> cursor;            // mode: incremental.
  std::chrono::milliseconds lookback{0};
  std::optional<Write> write;  // Unset: see EffectiveWrite.
  Form form = Form::kMirror;
  std::optional<Verify> verify;  // mode: cdc.
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

/// How a model's result stands in the warehouse.
enum class Materialize : std::uint8_t { kTable, kView, kIncremental };
std::string_view NameOf(Materialize materialize);
enum class Severity : std::uint8_t { kError, kWarn };
std::string_view NameOf(Severity severity);

/// What must hold for the rows of a table.
struct DataTest {
  enum class Kind : std::uint8_t {
    kUnique,
    kNotNull,
    kAcceptedValues,
    kRelationships,
    kFreshness,
    kRowCount,
    kSql,
  };
  Kind kind = Kind::kUnique;
  std::vector<std::string> columns;      // All kinds but kRowCount and kSql; mostly one.
  std::vector<std::string> values;       // kAcceptedValues: compared as text.
  std::optional<TableAddress> to;        // kRelationships
  std::string field;                     // kRelationships: a column of `to`.
  std::chrono::milliseconds max_age{0};  // kFreshness
  std::optional<std::int64_t> min, max;  // kRowCount
  std::string sql;                       // kSql: rows that should not be.
  std::string where;                     // Only rows that meet it are tested.
  Severity severity = Severity::kError;
  Mark mark;
};

/// One SELECT that the warehouse materialises: models/PROJECT/DATASET/TABLE.sql, and what stands
/// in the YAML file beside it.
struct Model {
  std::string name;    // As a job.
  TableAddress table;  // What it makes.
  std::string sql;     // As the file has it, templates unresolved.
  std::string description;
  Materialize materialize = Materialize::kTable;
  std::vector<std::string> key;  // kIncremental: either this ...
  std::string partition;         // ... or a column of the result.
  std::string where_new;         // kIncremental: which rows of the result are new.
  Trigger trigger;
  std::vector<std::string> after;  // Jobs that run before it, beside those whose tables it reads.
  std::vector<DataTest> tests;
  std::string service_account;
  std::optional<Sla> sla;
  std::string owner;
  std::vector<std::string> tags;
  Mark sql_mark;  // The SQL file.
  Mark mark;      // Of the YAML file's beginning; without one, the SQL file.
  Mark where_new_mark;
  Mark after_mark;
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

  /// kNotFound, with the nearest valid name.
  Result<const Integration*> FindIntegration(const std::string& integration) const;

  /// What `name` names among the jobs; exactly one of the two is set.
  struct Job {
    const Integration* integration = nullptr;
    const Model* model = nullptr;
  };
  /// The integration or the model with that name; a model also by its table's address, or by the
  /// table's name alone if no other model has it.
  /// Errors: kNotFound with the nearest valid name, kInvalidConfig when several models are meant.
  Result<Job> FindJob(const std::string& name) const;
};

}  // namespace afluente::estate

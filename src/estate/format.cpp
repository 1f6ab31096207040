#include "estate/format.h"

#include <utility>

#include "estate/scalars.h"

namespace afluente::estate {
namespace {

Field Required(std::string key, Shape shape, std::string doc) {
  return {.key = std::move(key),
          .shape = std::move(shape),
          .doc = std::move(doc),
          .required = true,
          .fallback = ""};
}

Field Optional(std::string key, Shape shape, std::string doc, std::string fallback = "") {
  return {.key = std::move(key),
          .shape = std::move(shape),
          .doc = std::move(doc),
          .required = false,
          .fallback = std::move(fallback)};
}

Shape OneOrList(const ScalarKind& kind) { return OneOf("", {Scalar(kind), ListOf(Scalar(kind))}); }

Shape WarehouseShape() {
  return Object(
      "warehouse",
      {Optional("engine", WordsOf<WarehouseEngine>("engine"), "What the warehouse runs on.",
                "duckdb"),
       Optional("path", Scalar(kPath),
                "engine duckdb: the folder of its database files, relative to the state folder.",
                "warehouse"),
       Optional("location", Scalar(kText),
                "engine bigquery: the location of the datasets, such as southamerica-east1.")});
}

Shape LakeShape() {
  return Object("lake", {Optional("url", Scalar(kLakeUrl),
                                  "Where the raw zone lies. A relative `file://` path starts at "
                                  "the state folder.",
                                  "file://lake")});
}

Shape TlsShape() {
  return Object(
      "tls",
      {Optional("mode",
                Words("tls_mode", {{"disable", "never encrypted"},
                                   {"allow", "encrypted only if the server insists"},
                                   {"prefer", "encrypted if the server can"},
                                   {"require", "always encrypted, the server unchecked"},
                                   {"verify-ca", "encrypted, the certificate's issuer checked"},
                                   {"verify-full", "encrypted, issuer and host name checked"}}),
                "How far the connection is protected (libpq's sslmode)."),
       Optional("root_cert", Scalar(kPath), "The certificates of trusted issuers, a PEM file."),
       Optional("cert", Scalar(kPath), "The client's certificate, a PEM file."),
       Optional("key", Scalar(kPath), "The client's private key, a PEM file.")});
}

Shape ConnectionShape() {
  return Object(
      "connection",
      {Required("type", WordsOf<ConnectionType>("connection_type"), "The kind of system."),
       Optional("project", Scalar(kProjectName),
                "The project that owns the system. Required except for type http."),
       Optional("dsn", Scalar(kDsn),
                "How to reach the system; resolved when it is opened. Required except for type "
                "pubsub."),
       Optional("tls", TlsShape(), "type postgres: TLS settings; they override the DSN's."),
       Optional("max_retained_wal", Scalar(kSize),
                "type postgres, mode cdc: how much log the slot may make the server keep before "
                "`serve` warns."),
       Optional("drop_slot_above", Scalar(kSize),
                "type postgres, mode cdc: above it `serve` drops the slot, so that the server's "
                "disk does not fill, and repairs the tables afterwards. More than "
                "max_retained_wal."),
       Optional("max_spool", Scalar(kSize),
                "type postgres, mode cdc: how much of a table's changes is kept on this machine's "
                "disk while the table is paused, has failed or is copied; above it the table is "
                "compared with its source and repaired afterwards.",
                "1GB")});
}

Shape ProjectShape() {
  return Object("project", {Optional("description", Scalar(kText), "What the project is for.")});
}

Shape SourceShape() {
  return Object(
      "source",
      {Optional("connection", Scalar(kConnectionName),
                "The connection to read from: type postgres for table and query, pubsub for "
                "topic; none for webhook and warehouse_table."),
       Optional("table", Scalar(kSourceTable), "A table of the connection."),
       Optional("query", Scalar(kSelect), "A query, run on the connection."),
       Optional("topic", Scalar(kTopic),
                "A topic of the connection; its messages arrive in the inbox, at /topics/NAME."),
       Optional("webhook", Scalar(kWebhookPath), "A path of the inbox."),
       Optional("warehouse_table", Scalar(kWarehouseTable),
                "A table of the warehouse (reverse ETL, or warehouse to warehouse)."),
       Optional("origin", WordsOf<Origin>("origin"),
                "mode cdc: whose changes of the table count. none ends the circle in which two "
                "integrations feed each other.",
                "any")},
      {"table", "query", "topic", "webhook", "warehouse_table"});
}

Shape DestinationShape() {
  return Object(
      "destination",
      {Optional("table", Scalar(kAnyTable),
                "A table of the warehouse; with `connection`, a table of that connection."),
       Optional("lake", Scalar(kLakeAddress), "A folder of Parquet files in the lake."),
       Optional("connection", Scalar(kConnectionName),
                "The PostgreSQL connection to write to (reverse ETL)."),
       Optional("key", OneOrList(kColumnName),
                "Columns of the destination that identify a row. `write: upsert` needs them.")},
      {"table", "lake"});
}

Shape ColumnShape() {
  return Object(
      "column",
      {Optional("include", Scalar(kFlag),
                "true: take this column. If any column says so, the others are left out.", "false"),
       Optional("exclude", Scalar(kFlag), "true: leave this column out.", "false"),
       Optional("rename", Scalar(kColumnName), "The column's name in the destination."),
       Optional("mask", WordsOf<Mask>("mask"), "How its values are made unreadable on the way."),
       Optional("pii",
                Words("pii", {{"phone", "telephone numbers, URNs"},
                              {"name", "names of people"},
                              {"email", "e-mail addresses"},
                              {"document", "numbers of documents, such as the CPF"},
                              {"address", "postal addresses and positions"},
                              {"birth_date", "dates of birth"},
                              {"text", "free text that may hold anything"},
                              {"other", "other personal data"}}),
                "What personal data the column holds."),
       Optional("type", Scalar(kColumnType),
                "The destination's type, where the types table would choose another.")});
}

std::vector<Field> WithInboxKeys(std::vector<Field> fields) {
  fields.push_back(Optional("key", OneOrList(kBodyPath),
                            "mode event: where in the body the values of destination.key stand, in "
                            "its order; only those rows are fetched. Without it everything is."));
  fields.push_back(
      Optional("secret", Scalar(kSecret), "What its senders sign with.", "the inbox's secret"));
  return fields;
}

// What both kinds of schedule say of their days.
std::vector<Field> WithDays(std::vector<Field> fields) {
  fields.push_back(
      Optional("except", OneOrList(kExcept), "Days of the zone on which it does not fire."));
  fields.push_back(Optional("from", Scalar(kDay), "The first day on which it fires."));
  fields.push_back(Optional("until", Scalar(kDay), "The last day on which it fires."));
  fields.push_back(
      Optional("jitter", Scalar(kDuration),
               "Each fire comes later by a part of it, the same part whenever it is computed. "
               "Shorter than the time between two fires.",
               "0s"));
  return fields;
}

Shape CronShape() {
  return Object(
      "trigger_cron",
      WithDays({Required("cron", Scalar(kCron), "When to run."),
                Optional("zone", Scalar(kZone), "The zone of the cron's times.",
                         "the estate's time_zone"),
                Optional("gap", WordsOf<Gap>("gap"),
                         "When it fires if its time does not exist, because clocks go forward.",
                         "shift; skip where the hour field is a wildcard"),
                Optional("overlap", WordsOf<Overlap>("overlap"),
                         "When it fires if its time comes twice, because clocks go back.",
                         "first; both where the hour field is a wildcard")}));
}

Shape EveryShape() {
  return Object(
      "trigger_every",
      WithDays({Required("every", Scalar(kDuration),
                         "How much time lies between two fires; at least 1s."),
                Optional("anchor", Scalar(kMoment),
                         "A moment that the fires are whole multiples of `every` away from.",
                         "1970-01-01T00:00:00Z"),
                Optional("zone", Scalar(kZone), "The zone of `except`, `from` and `until`.",
                         "the estate's time_zone")}));
}

Shape TriggerShape() {
  // The first field of an object picks the alternative (see check.cpp).
  const auto on = [](std::string word, std::string doc) {
    return Required("on", Words("", {{std::move(word), std::move(doc)}}), "The kind of event.");
  };
  return OneOf(
      "trigger",
      {Words("", {{"continuous", "runs all the time"}}), CronShape(), EveryShape(),
       ListOf(OneOf("", {CronShape(), EveryShape()})),
       Object("trigger_change", {on("change", "rows of a source table changed"),
                                 Optional("table", Scalar(kChangeTable), "The table to watch.",
                                          "the source's table")}),
       Object("trigger_asset", {on("asset", "a table of the warehouse was updated"),
                                Optional("table", Scalar(kWarehouseTable), "The table to watch.",
                                         "the source's warehouse_table")}),
       Object("trigger_webhook",
              WithInboxKeys(
                  {on("webhook", "somebody called a path of the inbox"),
                   Optional("path", Scalar(kWebhookPath), "The path.", "the source's webhook")})),
       Object("trigger_topic", WithInboxKeys({on("topic", "a message arrived in the inbox"),
                                              Optional("topic", Scalar(kTopic), "The topic.",
                                                       "the source's topic")}))});
}

Shape InboxShape() {
  return Object(
      "inbox",
      {Optional("listen", Scalar(kListen),
                "Where `serve` takes webhooks and messages of topics. Behind a proxy that speaks "
                "TLS, this machine alone is enough.",
                "127.0.0.1:8090"),
       Optional("secret", Scalar(kSecret),
                "What senders sign with; several of them, one a line, while it is changed. "
                "`whsec_...` is a key in base64, anything else is the key itself."),
       Optional("max_pending", Scalar(kSize),
                "How much may wait to be worked off; above it senders are told to come again.",
                "1GB")});
}

Shape SlaShape() {
  return Object(
      "sla",
      {Optional("max_staleness", Scalar(kDuration),
                "How old the destination's data may be at any time."),
       Optional("max_duration", Scalar(kDuration), "How long a run may take."),
       Optional("deadline", Scalar(kClockTime),
                "The time of day by which the day's run must be done, in the trigger's zone."),
       Optional("alert", WordsOf<AlertLevel>("alert"), "How loud a breach is.", "warning")});
}

Shape VerifyShape() {
  return OneOf("verify",
               {Scalar(kDuration),
                Object("verify_and_repair",
                       {Required("every", Scalar(kDuration), "How often."),
                        Optional("repair", Scalar(kFlag),
                                 "true: rows that differ are brought level with the source; "
                                 "otherwise they are told only.",
                                 "false")})});
}

Shape ShadowShape() {
  return Object(
      "shadow",
      {Optional("compare_with", Scalar(kText),
                "The table that today's pipeline fills: `project.dataset.table` or "
                "`connection:schema.table`.",
                "destination.table"),
       Optional("days", Scalar(kCount),
                "On how many days in a row they must be equal before `afluente cutover`.", "7"),
       Optional("at", Scalar(kClockTime),
                "When `afluente serve` compares them, every day, in the estate's time zone.",
                "06:00")});
}

Shape MakeEstateShape() {
  Shape connections = MapOf(kConnectionName, ConnectionShape());
  Shape profile = Object(
      "profile",
      {Optional("warehouse", Partial(WarehouseShape(), "warehouse_override"), "Overrides keys."),
       Optional("lake", Partial(LakeShape(), "lake_override"), "Overrides keys."),
       Optional("mask_salt", Scalar(kSecret), "Overrides the salt."),
       Optional("inbox", Partial(InboxShape(), "inbox_override"), "Overrides keys."),
       Optional("connections",
                MapOf(kConnectionName, Partial(ConnectionShape(), "connection_override")),
                "Overrides keys of connections that the estate declares.")});
  return Object(
      "estate",
      {Required("estate", Scalar(kName), "The estate's name."),
       Optional("time_zone", Scalar(kZone), "The zone of schedules that name none.", "UTC"),
       Optional("currency", Scalar(kCurrency), "The currency of all costs.", "BRL"),
       Optional("warehouse", WarehouseShape(), "The warehouse's engine and place."),
       Optional("lake", LakeShape(), "The raw zone: Parquet files in object storage."),
       Optional("mask_salt", Scalar(kSecret), "The secret key of `mask: hash`."),
       Optional("inbox", InboxShape(), "Where webhooks and messages of topics arrive."),
       Optional("profiles", MapOf(kName, std::move(profile)),
                "Named sets of overriding keys; `--profile NAME` chooses one."),
       Optional("calendars", MapOf(kCalendarName, OneOrList(kDays)),
                "Named days that schedules may leave out (`except`)."),
       Optional("projects", MapOf(kProjectName, ProjectShape()),
                "The projects, by name. What an address names must stand here."),
       Optional("connections", std::move(connections), "How to reach each system, by name.")});
}

Shape MakeIntegrationShape() {
  return Object(
      "integration",
      {Required("integration", Scalar(kName), "The integration's name, unique in the estate."),
       Optional("description", Scalar(kText), "What it is for, in a sentence."),
       Required("source", SourceShape(), "Where the data comes from."),
       Required("destination", DestinationShape(), "Where it goes."),
       Required("mode", WordsOf<Mode>("mode"), "How it reads."),
       Optional("trigger", TriggerShape(),
                "When it runs. Without one it runs by hand or as a task of a DAG."),
       Optional("columns", MapOf(kColumnName, ColumnShape()),
                "What happens to single columns, by the name of the source column."),
       Optional("where", Scalar(kCondition), "Only rows that meet this condition are read."),
       Optional("cursor", OneOrList(kColumnName),
                "mode incremental: source columns that only grow, such as [updated_at, id]."),
       Optional("lookback", Scalar(kDuration),
                "mode incremental: how far behind the cursor each run reads again, for rows that "
                "were committed late. Needs an upsert.",
                "0s"),
       Optional("write", WordsOf<Write>("write"), "How rows meet what is already there.",
                "replace for snapshot, but upsert into a table of PostgreSQL with a key; upsert "
                "for cdc; otherwise upsert with a key, append "
                "without one; append into the lake"),
       Optional("form", WordsOf<Form>("form"), "mode cdc: what the destination shows.", "mirror"),
       Optional("verify", VerifyShape(),
                "mode cdc: how often `afluente serve` compares the table with its source, which "
                "reads both as a whole. Without it: never."),
       Optional("shadow", ShadowShape(),
                "The integration runs beside the pipeline that fills destination.table today: it "
                "writes to that name with `__shadow` behind it until `afluente cutover` puts its "
                "table in the other's place."),
       Optional("transform", Scalar(kTransform), "SQL over each batch on its way."),
       Optional("deletes", WordsOf<Deletes>("deletes"),
                "source warehouse_table: what becomes of rows that left it.", "ignore"),
       Optional("parallel", Scalar(kLanes), "Lanes that read at once; 0: chosen by size and cores.",
                "0"),
       Optional("on_schema_change", WordsOf<OnSchemaChange>("on_schema_change"),
                "What happens when the source's columns change.", "evolve"),
       Optional("on_bad_row", WordsOf<OnBadRow>("on_bad_row"),
                "What happens to a row that the destination cannot hold.", "fail"),
       Optional("service_account", Scalar(kServiceAccount), "As whom it runs."),
       Optional("sla", SlaShape(), "What it promises; checked on a timer."),
       Optional("owner", Scalar(kText), "Who answers for it, such as an e-mail address."),
       Optional("tags", ListOf(Scalar(kTag)), "Words to group and find it by.")});
}

Shape DataTestShape() {
  const auto column = [](std::string doc) {
    return Required("column", Scalar(kColumnName), std::move(doc));
  };
  return Object(
      "data_test",
      {Optional("unique", OneOrList(kColumnName),
                "No two rows have the same values in these columns, taken together. Rows with NULL "
                "in one of them are not compared."),
       Optional("not_null", OneOrList(kColumnName), "None of these columns holds NULL."),
       Optional("accepted_values",
                Object("accepted_values",
                       {column("The column."),
                        Required("values", ListOf(Scalar(kText)),
                                 "What it may hold, compared as text; NULL may always be.")}),
                "A column holds nothing but these values."),
       Optional("relationships",
                Object("relationships",
                       {column("The column; NULL may always be."),
                        Required("to", Scalar(kWarehouseTable), "The table that it points to."),
                        Required("field", Scalar(kColumnName), "The column there.")}),
                "Every value stands in a column of another table."),
       Optional("freshness",
                Object("freshness",
                       {column("A column with times or dates."),
                        Required("max_age", Scalar(kDuration), "How old the newest may be.")}),
                "The newest row is not too old; an empty table is."),
       Optional("row_count",
                Object("row_count", {Optional("min", Scalar(kCount), "At least so many rows."),
                                     Optional("max", Scalar(kCount), "At most so many rows.")}),
                "The table has neither too few rows nor too many."),
       Optional("sql", Scalar(kSelect),
                "A SELECT of rows that should not be, in the warehouse's dialect. It may read any "
                "table, and this one by its name, as it would be published."),
       Optional("where", Scalar(kCondition), "Only rows that meet this condition are tested."),
       Optional("severity", WordsOf<Severity>("severity"), "What a failure means.", "error")},
      {"unique", "not_null", "accepted_values", "relationships", "freshness", "row_count", "sql"});
}

Shape MakeModelShape() {
  return Object(
      "model",
      {Optional("model", Scalar(kName), "The model's name as a job, unique in the estate.",
                "the table's name, with - for _"),
       Optional("description", Scalar(kText),
                "What the table is for, in a sentence; it becomes the table's comment."),
       Optional("materialize", WordsOf<Materialize>("materialize"),
                "How the result stands in the warehouse.", "table"),
       Optional("key", OneOrList(kColumnName),
                "materialize: incremental: columns that identify a row. What the result has "
                "replaces the rows with the same key."),
       Optional("partition", Scalar(kColumnName),
                "materialize: incremental: a column of the result. Partitions that the result has "
                "are replaced as a whole."),
       Optional("where_new", Scalar(kCondition),
                "materialize: incremental: a condition on columns of the result that a run after "
                "the first adds, such as `sent_on >= {{ interval.start }}`."),
       Optional("trigger", TriggerShape(), "When it runs."),
       Optional("after", ListOf(Scalar(kName)),
                "Jobs that run before it, beside those that make the tables its SQL reads."),
       Optional("tests", ListOf(DataTestShape()), "What must hold before the result is published."),
       Optional("service_account", Scalar(kServiceAccount), "As whom it runs."),
       Optional("sla", SlaShape(), "What it promises; checked on a timer."),
       Optional("owner", Scalar(kText), "Who answers for it, such as an e-mail address."),
       Optional("tags", ListOf(Scalar(kTag)), "Words to group and find it by.")});
}

}  // namespace

const Shape& EstateShape() {
  static const Shape kShape = MakeEstateShape();
  return kShape;
}

const Shape& IntegrationShape() {
  static const Shape kShape = MakeIntegrationShape();
  return kShape;
}

const Shape& ModelShape() {
  static const Shape kShape = MakeModelShape();
  return kShape;
}

const Shape& IntegrationFileShape() {
  static const Shape kShape =
      OneOf("integrations", {MakeIntegrationShape(), ListOf(MakeIntegrationShape())});
  return kShape;
}

}  // namespace afluente::estate

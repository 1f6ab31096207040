#include "estate/format.h"

#include <utility>

#include "estate/format_fields.h"

namespace afluente::estate {
namespace {

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
       Optional("engine", WordsOf<PubsubEngine>("pubsub_engine"),
                "type pubsub: where its topics are.", "inbox"),
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
                "A topic of the connection; with engine inbox its messages arrive in the inbox, at "
                "/topics/NAME."),
       Optional("subscription", Scalar(kTopic),
                "engine pubsub: the subscription to read; nobody else may. It is made if there is "
                "none.",
                "afluente.ESTATE.TOPIC"),
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

Shape InboxShape() {
  return Object(
      "inbox",
      {Optional("listen", Scalar(kListen),
                "Where `serve` takes webhooks and messages of topics. Behind a proxy that speaks "
                "TLS, this machine alone is enough.",
                "127.0.0.1:8090"),
       Optional("pubsub_listen", Scalar(kListen),
                "Where `serve` answers clients of Pub/Sub that publish (gRPC, nothing is signed): "
                "PUBSUB_EMULATOR_HOST for them. An address of this machine alone, such as "
                "127.0.0.1:8085."),
       Optional("secret", Scalar(kSecret),
                "What senders sign with; several of them, one a line, while it is changed. "
                "`whsec_...` is a key in base64, anything else is the key itself."),
       Optional("max_pending", Scalar(kSize),
                "How much may wait to be worked off; above it senders are told to come again.",
                "1GB")});
}

Shape ShadowShape() {
  return Object(
      "shadow",
      {Optional("compare_with", Scalar(kText),
                "The table that today's pipeline fills: `project.dataset.table` or "
                "`connection:schema.table`.",
                "what destination.table names"),
       Optional("days", Scalar(kCount),
                "On how many days in a row they must be equal before `afluente cutover`.", "7"),
       Optional("at", Scalar(kClockTime),
                "When `afluente serve` compares them, every day, in the estate's time zone.",
                "06:00")});
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
       Optional("pools", MapOf(kPoolName, Scalar(kCount)),
                "How many slots tasks share that name the pool, so that a system is not asked too "
                "much at once."),
       Optional("projects", MapOf(kProjectName, ProjectShape()),
                "The projects, by name. What an address names must stand here."),
       Optional("connections", std::move(connections), "How to reach each system, by name.")});
}

Shape MakeIntegrationShape() {
  return Object(
      "integration",
      WithJobKeys(
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
           Optional(
               "lookback", Scalar(kDuration),
               "mode incremental: how far behind the cursor each run reads again, for rows that "
               "were committed late. Needs an upsert.",
               "0s"),
           Optional(
               "write", WordsOf<Write>("write"), "How rows meet what is already there.",
               "replace for snapshot, but upsert into a table of PostgreSQL with a key; upsert "
               "for cdc; otherwise upsert with a key, append "
               "without one; append into the lake"),
           Optional("form", WordsOf<Form>("form"), "mode cdc: what the destination shows.",
                    "mirror"),
           Optional(
               "shadow", ShadowShape(),
               "The integration runs beside the pipeline that fills destination.table today: it "
               "writes to that name with `__shadow` behind it until `afluente cutover` puts its "
               "table in the other's place."),
           Optional(
               "verify", VerifyShape(),
               "mode cdc: how often `afluente serve` compares the table with its source, which "
               "reads both as a whole. Without it: never."),
           Optional("transform", Scalar(kTransform), "SQL over each batch on its way."),
           Optional("deletes", WordsOf<Deletes>("deletes"),
                    "source warehouse_table: what becomes of rows that left it.", "ignore"),
           Optional("parallel", Scalar(kLanes),
                    "Lanes that read at once; 0: chosen by size and cores.", "0"),
           Optional("on_schema_change", WordsOf<OnSchemaChange>("on_schema_change"),
                    "What happens when the source's columns change.", "evolve"),
           Optional("on_bad_row", WordsOf<OnBadRow>("on_bad_row"),
                    "What happens to a row that the destination cannot hold.", "fail")},
          true));
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

const Shape& IntegrationFileShape() {
  static const Shape kShape =
      OneOf("integrations", {MakeIntegrationShape(), ListOf(MakeIntegrationShape())});
  return kShape;
}

}  // namespace afluente::estate

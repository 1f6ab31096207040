#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "estate/test_estate.h"

namespace afluente::estate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Keys = std::vector<std::pair<std::string, std::string>>;

// A sound integration with some keys changed; a key without a value is left out.
std::string Integration(const Keys& changes) {
  Keys keys = {{"integration", "x"},
               {"source", "{ connection: rapidpro, table: public.t }"},
               {"destination", "{ table: coltrane.d.t, key: [id] }"},
               {"mode", "snapshot"}};
  for (const auto& [key, value] : changes) {
    const auto old = std::find_if(keys.begin(), keys.end(), [&, name = key](const auto& entry) {
      return entry.first == name;
    });
    if (old == keys.end()) {
      keys.emplace_back(key, value);
    } else {
      old->second = value;
    }
  }
  std::string text;
  for (const auto& [key, value] : keys) {
    if (!value.empty()) text += key + ": " + value + "\n";
  }
  return text;
}

struct RuleCase {
  std::string name;
  Keys changes;
  std::string want;  // The only finding holds it; "": there is none.
};

std::ostream& operator<<(std::ostream& out, const RuleCase& row) { return out << row.name; }

class RuleTest : public testing::TestWithParam<RuleCase> {};

TEST_P(RuleTest, FindsExactlyThis) {
  TestEstate files;
  files.Write("integrations/x.yaml", Integration(GetParam().changes));
  if (GetParam().want.empty()) {
    EXPECT_THAT(files.Findings(), IsEmpty());
  } else {
    EXPECT_THAT(files.Findings(), ElementsAre(HasSubstr(GetParam().want)));
  }
}

const auto kName = [](const auto& row) { return row.param.name; };

constexpr const char* kTopicSource = "{ connection: events, topic: msgs }";
constexpr const char* kWarehouseSource = "{ warehouse_table: coltrane.d.s }";

INSTANTIATE_TEST_SUITE_P(
    References, RuleTest,
    testing::Values(
        RuleCase{"Sound", {}, ""},
        RuleCase{"UnknownConnection",
                 {{"source", "{ connection: rapidpo, table: public.t }"}},
                 "x.yaml:2:23: source.connection: no connection \"rapidpo\" is declared under "
                 "connections of estate.yaml (did you mean \"rapidpro\"?)"},
        RuleCase{"UnknownDestinationProject",
                 {{"destination", "{ table: coltrain.d.t }"}},
                 "destination.table: no project \"coltrain\" is declared under projects of "
                 "estate.yaml (did you mean \"coltrane\"?)"},
        RuleCase{"UnknownLakeProject",
                 {{"destination", "{ lake: nowhere/raw/t }"}},
                 "destination.lake: no project \"nowhere\""},
        RuleCase{"UnknownSourceProject",
                 {{"source", "{ warehouse_table: nowhere.d.t }"}},
                 "source.warehouse_table: no project \"nowhere\""},
        RuleCase{"UnknownDestinationConnection",
                 {{"destination", "{ connection: ap, table: app.t }"}},
                 "destination.connection: no connection \"ap\" is declared under connections of "
                 "estate.yaml (did you mean \"app\"?)"},
        RuleCase{"TableOfPubsub",
                 {{"source", "{ connection: events, table: public.t }"}},
                 "source.connection: connection \"events\" is of type pubsub, and type postgres "
                 "is needed here"},
        RuleCase{"TopicOfPostgres",
                 {{"source", "{ connection: app, topic: t }"}, {"mode", "stream"}},
                 "type pubsub is needed here"},
        RuleCase{"TableWithoutConnection",
                 {{"source", "{ table: public.t }"}},
                 "source.table needs a connection: add \"connection: NAME\""},
        RuleCase{"ConnectionForWarehouseTable",
                 {{"source", "{ connection: app, warehouse_table: coltrane.d.s }"}},
                 "source.connection has no meaning with warehouse_table: remove it"},
        RuleCase{"ConnectionForWebhook",
                 {{"source", "{ connection: app, webhook: /hooks/a }"}, {"mode", "event"}},
                 "source.connection has no meaning with webhook: remove it"},
        RuleCase{"ConnectionForLake",
                 {{"destination", "{ connection: app, lake: coltrane/raw/t }"}},
                 "destination.connection has no meaning with lake: remove it"},
        RuleCase{"ThreePartsInConnection",
                 {{"destination", "{ connection: app, table: a.b.c }"}},
                 "destination.table: expected schema.table of connection \"app\", not \"a.b.c\""},
        RuleCase{"TwoPartsInWarehouse",
                 {{"destination", "{ table: public.t }"}},
                 "destination.table: expected project.dataset.table of the warehouse, not "
                 "\"public.t\"; for a table of PostgreSQL add \"connection: NAME\""},
        RuleCase{"ReverseEtl",
                 {{"source", kWarehouseSource},
                  {"destination", "{ connection: app, table: app.t, key: [id] }"},
                  {"deletes", "delete"}},
                 ""},
        RuleCase{"WritesWhatItReads",
                 {{"source", "{ warehouse_table: coltrane.d.t }"}},
                 "destination.table is what the source reads"},
        RuleCase{"WritesTheSourceTable",
                 {{"destination", "{ connection: rapidpro, table: '\"public\".t' }"}},
                 "destination.table is what the source reads"}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Kinds, RuleTest,
    testing::Values(
        RuleCase{"TwoSources",
                 {{"source", "{ connection: app, table: a.b, query: select 1 }"}},
                 "x.yaml:2:40: source has both \"table\" and \"query\": keep exactly one of table, "
                 "query, topic, webhook, warehouse_table"},
        RuleCase{"NoSource",
                 {{"source", "{ connection: app }"}},
                 "source needs exactly one of table, query"},
        RuleCase{"TwoDestinations",
                 {{"destination", "{ table: coltrane.d.t, lake: coltrane/a/b }"}},
                 "destination has both \"table\" and \"lake\""},
        RuleCase{"NoDestination",
                 {{"destination", "{ key: [id] }"}},
                 "destination needs exactly one of table, lake"},
        RuleCase{"MissingSource", {{"source", ""}}, "missing key \"source\" in integration"},
        RuleCase{"MissingMode", {{"mode", ""}}, "missing key \"mode\" in integration"},
        RuleCase{"MissingName", {{"integration", ""}}, "missing key \"integration\""},
        RuleCase{"MisspeltTable",
                 {{"source", "{ connection: app, tabel: a.b }"}},
                 "x.yaml:2:28: unknown key \"tabel\" in source; expected one of connection, table, "
                 "query, topic, webhook, warehouse_table (did you mean \"table\"?)"}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Modes, RuleTest,
    testing::Values(
        RuleCase{"IncrementalWithoutCursor",
                 {{"mode", "incremental"}},
                 "x.yaml:4:7: mode: incremental needs a cursor"},
        RuleCase{"MisspeltCursorIsOneMistake",
                 {{"mode", "incremental"}, {"cursr", "[id]"}},
                 "unknown key \"cursr\" in integration (did you mean \"cursor\"?)"},
        RuleCase{"Incremental", {{"mode", "incremental"}, {"cursor", "updated_at"}}, ""},
        RuleCase{"EmptyCursor", {{"mode", "incremental"}, {"cursor", "[]"}}, "cursor is empty"},
        RuleCase{"EmptyKey",
                 {{"destination", "{ table: coltrane.d.t, key: [] }"}},
                 "destination.key is empty"},
        RuleCase{"CursorWithSnapshot",
                 {{"cursor", "[id]"}},
                 "cursor is for mode incremental, not snapshot: remove it"},
        RuleCase{"LookbackWithCdc",
                 {{"mode", "cdc"}, {"lookback", "10m"}},
                 "lookback is for mode incremental, not cdc: remove it"},
        RuleCase{"MisspeltModeIsOneMistake",
                 {{"mode", "incremntal"}, {"cursor", "[id]"}},
                 "mode: expected one of snapshot, incremental, cdc, event, stream, not "
                 "\"incremntal\" (did you mean \"incremental\"?)"},
        RuleCase{
            "Lookback", {{"mode", "incremental"}, {"cursor", "[id]"}, {"lookback", "10m"}}, ""},
        RuleCase{"LookbackWithoutKey",
                 {{"mode", "incremental"},
                  {"cursor", "[id]"},
                  {"lookback", "10m"},
                  {"destination", "{ table: coltrane.d.t }"}},
                 "lookback reads rows a second time"},
        RuleCase{
            "LookbackWithAppend",
            {{"mode", "incremental"}, {"cursor", "[id]"}, {"lookback", "10m"}, {"write", "append"}},
            "lookback reads rows a second time"},
        RuleCase{"UpsertWithoutKey",
                 {{"write", "upsert"}, {"destination", "{ table: coltrane.d.t }"}},
                 "write: upsert needs destination.key"},
        RuleCase{"UpsertIntoLake",
                 {{"write", "upsert"}, {"destination", "{ lake: coltrane/raw/t }"}},
                 "write: upsert is not possible into a lake: choose append or replace"},
        RuleCase{"ReplaceWithIncremental",
                 {{"mode", "incremental"}, {"cursor", "[id]"}, {"write", "replace"}},
                 "write: replace with mode incremental would keep only the rows of the last run"},
        RuleCase{"AppendWithCdc",
                 {{"mode", "cdc"}, {"write", "append"}},
                 "write: append does not fit mode cdc"},
        RuleCase{"CdcOfQuery",
                 {{"mode", "cdc"}, {"source", "{ connection: app, query: select 1 }"}},
                 "mode: cdc follows a table of PostgreSQL; the source has \"query\""},
        RuleCase{"StreamOfTable",
                 {{"mode", "stream"}},
                 "mode: stream follows a topic; the source has \"table\""},
        RuleCase{"Stream", {{"mode", "stream"}, {"source", kTopicSource}}, ""},
        RuleCase{"SnapshotOfTopic",
                 {{"source", kTopicSource}},
                 "mode: a topic is read with mode stream or event, not snapshot"},
        RuleCase{"SnapshotOfWebhook",
                 {{"source", "{ webhook: /hooks/a }"}},
                 "mode: a webhook is read with mode event, not snapshot"},
        RuleCase{"WhereWithQuery",
                 {{"source", "{ connection: app, query: select 1 }"}, {"where", "a = 1"}},
                 "where does not go with source.query"},
        RuleCase{"WhereWithTopic",
                 {{"mode", "stream"}, {"source", kTopicSource}, {"where", "a = 1"}},
                 "where needs a source that speaks SQL, not a topic"},
        RuleCase{"FormWithSnapshot",
                 {{"form", "history"}},
                 "form is for mode cdc, not snapshot: remove it"},
        RuleCase{"DeletesOfTable",
                 {{"deletes", "delete"}},
                 "deletes is for source.warehouse_table (reverse ETL): remove it"},
        RuleCase{"DeletesWithoutKey",
                 {{"deletes", "delete"},
                  {"source", kWarehouseSource},
                  {"destination", "{ table: coltrane.d.t }"}},
                 "deletes needs destination.key"}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Columns, RuleTest,
    testing::Values(
        RuleCase{"IncludeAndExclude",
                 {{"columns", "{ a: { include: true, exclude: true }, id: { include: true } }"}},
                 "columns.a is both included and excluded"},
        RuleCase{"MaskOfExcluded",
                 {{"columns", "{ a: { exclude: true, mask: redact } }"}},
                 "columns.a.mask has no effect, because the column is excluded"},
        RuleCase{"RenameOfNotIncluded",
                 {{"columns", "{ id: { include: true }, a: { rename: b } }"}},
                 "columns.a.rename has no effect, because other columns say include: add "
                 "\"include: true\""},
        RuleCase{"TwoRenames",
                 {{"columns", "{ a: { rename: c }, b: { rename: C } }"}},
                 "columns.b.rename: column \"a\" already becomes \"C\""},
        RuleCase{"RenameOntoAnother",
                 {{"columns", "{ a: { rename: b }, b: { pii: name } }"}},
                 "columns.a.rename: column \"b\" already becomes \"b\""},
        RuleCase{
            "RenameOntoExcluded", {{"columns", "{ a: { rename: b }, b: { exclude: true } }"}}, ""},
        RuleCase{
            "ExcludedCursor",
            {{"mode", "incremental"}, {"cursor", "[at]"}, {"columns", "{ at: { exclude: true } }"}},
            "cursor: column \"at\" is excluded"},
        RuleCase{
            "NotIncludedCursor",
            {{"mode", "incremental"}, {"cursor", "[at]"}, {"columns", "{ id: { include: true } }"}},
            "cursor: column \"at\" is not included"},
        RuleCase{
            "MaskedCursor",
            {{"mode", "incremental"}, {"cursor", "[at]"}, {"columns", "{ at: { mask: hash } }"}},
            "cursor: column \"at\" is masked"},
        RuleCase{
            "CursorByNewName",
            {{"mode", "incremental"}, {"cursor", "[at]"}, {"columns", "{ t: { rename: at } }"}},
            "cursor: \"at\" is the new name of column \"t\": write \"t\""},
        RuleCase{"RedactedKey",
                 {{"columns", "{ id: { mask: redact } }"}},
                 "columns.id.mask: redact makes different rows equal, but the column is a key"},
        RuleCase{"LastFourOfRenamedKey",
                 {{"columns", "{ phone: { mask: last4, rename: id } }"}},
                 "columns.phone.mask: last4 makes different rows equal"},
        RuleCase{"HashedKey", {{"columns", "{ id: { mask: hash } }"}}, ""},
        RuleCase{"ExcludedKey",
                 {{"columns", "{ id: { exclude: true } }"}},
                 "destination.key: column \"id\" is excluded"},
        RuleCase{"NotIncludedKey",
                 {{"columns", "{ a: { include: true } }"}},
                 "destination.key: column \"id\" is not included: add \"include: true\" to "
                 "columns.id"},
        RuleCase{"KeyByOldName",
                 {{"columns", "{ id: { rename: uid } }"}},
                 "destination.key: column \"id\" is named \"uid\" in the destination: write that"},
        RuleCase{
            "TransformMakesTheKey",
            {{"columns", "{ id: { rename: uid } }"}, {"transform", "select uid as id from batch"}},
            ""},
        RuleCase{"UnknownPii",
                 {{"columns", "{ a: { pii: fone } }"}},
                 "columns.a.pii: expected one of phone, name"},
        RuleCase{"UnknownMask",
                 {{"columns", "{ a: { mask: hsh } }"}},
                 "columns.a.mask: expected one of hash, redact, last4, null, not \"hsh\" (did you "
                 "mean \"hash\"?)"},
        RuleCase{"MaskNull", {{"columns", "{ a: { mask: null } }"}}, ""},
        RuleCase{"UnknownType",
                 {{"columns", "{ a: { type: bigin } }"}},
                 "no such type (did you mean \"bigint\"?)"},
        RuleCase{"NestedType", {{"columns", "{ a: { type: 'struct(a int, b text[])' } }"}}, ""}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Triggers, RuleTest,
    testing::Values(
        RuleCase{"Cron", {{"trigger", "{ cron: '0 22 * * *', zone: America/Sao_Paulo }"}}, ""},
        RuleCase{"CronField",
                 {{"trigger", "{ cron: '0 25 * * *' }"}},
                 "x.yaml:5:18: trigger.cron: expected a cron of five fields such as \"0 22 * * "
                 "*\", not \"0 25 * * *\": hour: 25 is outside 0-23"},
        RuleCase{"Zone",
                 {{"trigger", "{ cron: '@daily', zone: America/Sao_Paolo }"}},
                 "trigger.zone: expected an IANA time zone such as America/Sao_Paulo, not "
                 "\"America/Sao_Paolo\": no such zone in the time zone database (did you mean "
                 "\"America/Sao_Paulo\"?)"},
        RuleCase{"ZoneWithoutCron",
                 {{"trigger", "{ zone: UTC }"}},
                 "trigger needs one of the keys cron, on"},
        RuleCase{"UnknownEvent",
                 {{"trigger", "{ on: chnage }"}},
                 "trigger.on: expected one of change, asset, webhook, topic, not \"chnage\" (did "
                 "you mean \"change\"?)"},
        RuleCase{"Misspelt",
                 {{"trigger", "continous"}},
                 "trigger: expected continuous, not \"continous\" (did you mean \"continuous\"?)"},
        RuleCase{"BareWord",
                 {{"trigger", "sometimes"}},
                 "trigger: expected continuous, or keys (cron, zone), or keys (on, table)"},
        RuleCase{"List",
                 {{"trigger", "[continuous]"}},
                 "trigger: expected continuous, or keys (cron, zone)"},
        RuleCase{"CronAndOn",
                 {{"trigger", "{ cron: '@daily', on: change }"}},
                 "unknown key \"on\" in trigger; expected one of cron, zone"},
        RuleCase{"ChangeOfSource", {{"trigger", "{ on: change }"}}, ""},
        RuleCase{"ChangeOfOther", {{"trigger", "{ on: change, table: app:app.users }"}}, ""},
        RuleCase{"ChangeOfUnknown",
                 {{"trigger", "{ on: change, table: ap:app.users }"}},
                 "trigger.table: no connection \"ap\" is declared under connections of estate.yaml "
                 "(did you mean \"app\"?)"},
        RuleCase{"ChangeOfNothing",
                 {{"trigger", "{ on: change }"}, {"source", kWarehouseSource}},
                 "trigger needs the key \"table\": the source names no table"},
        RuleCase{"ChangeWithoutConnection",
                 {{"trigger", "{ on: change, table: app.users }"}, {"source", kWarehouseSource}},
                 "trigger.table: the source has no connection, so write connection:app.users"},
        RuleCase{"AssetOfSource", {{"trigger", "{ on: asset }"}, {"source", kWarehouseSource}}, ""},
        RuleCase{"AssetOfUnknownProject",
                 {{"trigger", "{ on: asset, table: coltrain.d.t }"}},
                 "trigger.table: no project \"coltrain\""},
        RuleCase{"AssetOfNothing",
                 {{"trigger", "{ on: asset }"}},
                 "trigger needs the key \"table\": the source names no warehouse_table"},
        RuleCase{"WebhookOfNothing",
                 {{"trigger", "{ on: webhook }"}},
                 "trigger needs the key \"path\": the source names no webhook"},
        RuleCase{"TopicOfNothing",
                 {{"trigger", "{ on: topic }"}},
                 "trigger needs the key \"topic\": the source names no topic"},
        RuleCase{"WebhookPath",
                 {{"trigger", "{ on: webhook, path: hooks }"}},
                 "trigger.path: expected a path such as /hooks/flows, not \"hooks\""}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Values, RuleTest,
    testing::Values(
        RuleCase{"Sla", {{"sla", "{ deadline: 06:00, max_duration: 2h, alert: info }"}}, ""},
        RuleCase{"EmptySla", {{"sla", "{ alert: info }"}}, "sla promises nothing"},
        RuleCase{"ZeroSla",
                 {{"sla", "{ max_staleness: 0s }"}},
                 "sla.max_staleness must be more than nothing"},
        RuleCase{"DurationWithoutUnit",
                 {{"sla", "{ max_staleness: 60 }"}},
                 "sla.max_staleness: expected a duration such as 500ms, 60s, 10m, 2h or 1d, not "
                 "\"60\": the unit is missing: 60s, 60m?"},
        RuleCase{"Deadline", {{"sla", "{ deadline: '24:00' }"}}, "hours 00-23 and minutes 00-59"},
        RuleCase{"Alert",
                 {{"sla", "{ max_duration: 1h, alert: loud }"}},
                 "sla.alert: expected one of info, warning, critical, not \"loud\""},
        RuleCase{"EmptyOwner", {{"owner", "''"}}, "owner: expected a text, not \"\": it is empty"},
        RuleCase{"NoOwner", {{"owner", "~"}}, "x.yaml:5:1: owner has no value"},
        RuleCase{
            "Tag",
            {{"tags", "[Big]"}},
            "tags: expected a tag of small letters, digits, - and _, not \"Big\": \"B\" is not "
            "allowed in it"},
        RuleCase{"TagTwice", {{"tags", "[a, b, a]"}}, "tags names \"a\" twice: remove one"},
        RuleCase{"TagsAsText", {{"tags", "a"}}, "tags: expected a list"},
        RuleCase{"ServiceAccount", {{"service_account", "API sa"}}, "service_account: expected"},
        RuleCase{"Name", {{"integration", "My_Flow"}}, "integration: expected a name of small"},
        RuleCase{"Lanes", {{"parallel", "65"}}, "parallel: expected a whole number from 0 to 64"},
        RuleCase{"QuotedNumber", {{"parallel", "'4'"}}, "not \"4\": remove the quotes"},
        RuleCase{"Flag",
                 {{"columns", "{ id: { include: yes } }"}},
                 "columns.id.include: expected true or false, not \"yes\""},
        RuleCase{"SourceAsText",
                 {{"source", "public.t"}},
                 "source: expected keys (connection, table, query, topic, webhook, "
                 "warehouse_table), not the text \"public.t\""},
        RuleCase{"TableAsList",
                 {{"source", "{ connection: app, table: [a] }"}},
                 "source.table: expected a PostgreSQL table as schema.table, not a list"},
        RuleCase{"TableWithoutSchema",
                 {{"source", "{ connection: app, table: users }"}},
                 "its schema is missing: write public.users"},
        RuleCase{
            "TableInQuotes", {{"source", "{ connection: app, table: 'app.\"My.Users\"' }"}}, ""},
        RuleCase{"WarehouseTableParts",
                 {{"source", "{ warehouse_table: a.b }"}},
                 "is not a table address (project.dataset.table): it has 2 parts"},
        RuleCase{"LakeUrl",
                 {{"destination", "{ lake: 'gs://raw/t' }"}},
                 "where the lake lies stands in lake.url of estate.yaml"},
        RuleCase{"LakeLeadsOut",
                 {{"destination", "{ lake: coltrane/raw/../.. }"}},
                 "\".\" and \"..\" lead out"},
        RuleCase{"QueryNotSelect",
                 {{"source", "{ connection: app, query: delete from a }"}},
                 "it does not start with SELECT or WITH"},
        RuleCase{
            "QueryWithComment",
            {{"source", "{ connection: app, query: '/* a */ (with a as (select 1) table a)' }"}},
            ""},
        RuleCase{"QueryEnd",
                 {{"source", "{ connection: app, query: 'select 1;' }"}},
                 "remove the semicolon at its end"},
        RuleCase{"WhereWord", {{"where", "where a = 1"}}, "remove the word WHERE"},
        RuleCase{
            "TransformWithoutBatch", {{"transform", "select 1"}}, "it does not read from batch"},
        RuleCase{"ReferenceInTheWrongPlace",
                 {{"where", "\"a = '${env:A}'\""}},
                 "${env:...} and ${file:...} are not resolved here"},
        RuleCase{"ColumnTwice",
                 {{"columns", "{ a: { pii: name }, a: { pii: text } }"}},
                 "x.yaml:5:30: key \"a\" stands twice in columns, first in line 5: remove one"}),
    kName);

struct EstateCase {
  std::string name;
  std::string line;  // Stands at the end of the sample estate.
  std::string want;
};

std::ostream& operator<<(std::ostream& out, const EstateCase& row) { return out << row.name; }

class EstateRuleTest : public testing::TestWithParam<EstateCase> {};

TEST_P(EstateRuleTest, FindsExactlyThis) {
  TestEstate files;
  files.Write("estate.yaml", kSampleEstate + GetParam().line + "\n");
  if (GetParam().want.empty()) {
    EXPECT_THAT(files.Findings(), IsEmpty());
  } else {
    EXPECT_THAT(files.Findings(), ElementsAre(HasSubstr(GetParam().want)));
  }
}

// The sample ends inside `connections`.
INSTANTIATE_TEST_SUITE_P(
    Connections, EstateRuleTest,
    testing::Values(
        EstateCase{"Sound", "  x: { type: http, dsn: 'https://api.example.com' }", ""},
        EstateCase{"Type", "  x: { type: postgers, project: coltrane, dsn: h }",
                   "connections.x.type: expected one of postgres, pubsub, http, object_store, not "
                   "\"postgers\" (did you mean \"postgres\"?)"},
        EstateCase{"NoType", "  x: { project: coltrane, dsn: host=h }",
                   "missing key \"type\" in connections.x"},
        EstateCase{"Project", "  x: { type: postgres, project: coltrain, dsn: host=h }",
                   "connections.x.project: no project \"coltrain\" is declared under projects (did "
                   "you mean \"coltrane\"?)"},
        EstateCase{"NoProject", "  x: { type: postgres, dsn: host=h }",
                   "connections.x: type postgres needs the project that owns it"},
        EstateCase{"NoDsn", "  x: { type: postgres, project: coltrane }",
                   "connections.x: type postgres needs a dsn"},
        EstateCase{"TlsOfPubsub", "  x: { type: pubsub, project: coltrane, tls: { cert: a } }",
                   "connections.x.tls is for type postgres: remove it"},
        EstateCase{"TlsMode",
                   "  x: { type: postgres, project: coltrane, dsn: host=h, tls: { mode: on } }",
                   "connections.x.tls.mode: expected one of disable, allow"},
        EstateCase{"PasswordInKeywords",
                   "  x: { type: postgres, project: coltrane, dsn: 'host=h password=hunter2' }",
                   "connections.x.dsn: expected a DSN without a literal password: it spells a "
                   "password out"},
        EstateCase{"PasswordInUrl",
                   "  x: { type: postgres, project: coltrane, dsn: 'postgres://u:hunter2@h/d' }",
                   "it spells a password out"},
        EstateCase{"PasswordByReference",
                   "  x: { type: postgres, project: coltrane, dsn: 'postgres://u:${env:P}@h/d' }",
                   ""},
        EstateCase{"MalformedReference",
                   "  x: { type: postgres, project: coltrane, dsn: '${ENV}' }",
                   "a reference does not say where its secret lies; write ${env:NAME} or "
                   "${file:path}"},
        EstateCase{"NullProjects", "  x:", "connections.x has no value"},
        EstateCase{"Twice", "  app: { type: pubsub, project: coltrane }",
                   "key \"app\" stands twice in connections, first in line 16: remove one"},
        EstateCase{"UnknownKey", "estat: x", "unknown key \"estat\" in estate; expected one of "}),
    kName);

struct SecretCase {
  std::string name;
  std::string salt;
  bool sound;
};

TEST(RulesTest, MaskSaltIsAReference) {
  for (const auto& [name, salt, sound] :
       {SecretCase{"Env", "${env:A}", true}, SecretCase{"File", "${file:a/b}", true},
        SecretCase{"Literal", "hunter2", false}, SecretCase{"Mixed", "hunter2${env:A}", false},
        SecretCase{"Malformed", "${env:A", false}, SecretCase{"Unknown", "${vault:A}", false},
        SecretCase{"Empty", "${env:}", false}}) {
    TestEstate files;
    files.Write("estate.yaml", "estate: a\nmask_salt: \"" + salt + "\"\n");
    const std::vector<std::string> findings = files.Findings();
    if (sound) {
      EXPECT_THAT(findings, IsEmpty()) << name;
    } else {
      ASSERT_THAT(findings, ElementsAre(HasSubstr("estate.yaml:2:12: mask_salt: expected")))
          << name;
      EXPECT_THAT(findings[0], testing::Not(HasSubstr("hunter2")));
    }
  }
}

TEST(RulesTest, HashNeedsASalt) {
  TestEstate files;
  files.Write("estate.yaml",
              "estate: a\nprojects: { p: {} }\n"
              "connections: { c: { type: postgres, project: p, dsn: host=h } }\n");
  files.Write("integrations/a.yaml",
              "integration: a\nmode: snapshot\nsource: { connection: c, table: a.b }\n"
              "destination: { table: p.d.t }\ncolumns: { u: { mask: hash }, v: { mask: hash } }\n");
  EXPECT_THAT(files.Findings(),
              ElementsAre(HasSubstr("integrations/a.yaml:5:23: columns.u.mask: hash needs a secret "
                                    "key: add \"mask_salt: ${env:MASK_SALT}\"")));
}

TEST(RulesTest, NamesAndDestinationsAreUniqueAcrossFiles) {
  TestEstate files;
  files.Write("integrations/a.yaml", Integration({}));
  files.Write("integrations/b.yaml", "- " + std::string("integration: x\n") +
                                         "  source: { connection: app, table: app.t }\n"
                                         "  destination: { lake: coltrane/raw/t }\n"
                                         "  mode: snapshot\n"
                                         "- integration: z\n"
                                         "  source: { connection: app, table: app.t }\n"
                                         "  destination: { table: coltrane.d.t }\n"
                                         "  mode: snapshot\n");
  EXPECT_THAT(
      files.Findings(),
      ElementsAre("integrations/b.yaml:1:16: integration \"x\" already stands at "
                  "integrations/a.yaml:1:14: rename one of them",
                  "integrations/b.yaml:7:16: coltrane.d.t is already written by integration \"x\" "
                  "(integrations/a.yaml:3:14): give each its own destination"));
}

TEST(RulesTest, BigqueryNeedsALocation) {
  TestEstate files;
  files.Write("estate.yaml", "estate: a\nwarehouse: { engine: bigquery }\n");
  EXPECT_THAT(files.Findings(),
              ElementsAre(HasSubstr("estate.yaml:2:22: warehouse: engine bigquery needs a "
                                    "location")));
}

TEST(RulesTest, ProfilesOverrideOnlyWhatIsDeclared) {
  TestEstate files;
  files.Write("estate.yaml",
              std::string(kSampleEstate) + "  x: { type: http, dsn: 'https://a' }\n");
  EXPECT_THAT(files.Findings("gcp"), IsEmpty());
  std::string text = kSampleEstate;
  const std::string old = "  gcp: {";
  text.replace(text.find(old), old.size(), "  gcp: { connections: { ap: { dsn: host=h } },");
  files.Write("estate.yaml", text);
  for (const std::string profile : {"", "gcp"}) {
    EXPECT_THAT(files.Findings(profile),
                ElementsAre(HasSubstr("profiles.gcp: no connection \"ap\" is declared under "
                                      "connections (did you mean \"app\"?)")));
  }
}

}  // namespace
}  // namespace afluente::estate

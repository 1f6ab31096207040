#include "estate/test_rule_case.h"

namespace afluente::estate {
namespace {

class ModeRuleTest : public testing::TestWithParam<RuleCase> {};

TEST_P(ModeRuleTest, FindsExactlyThis) { ExpectExactly(GetParam()); }

const auto kName = [](const auto& row) { return row.param.name; };

INSTANTIATE_TEST_SUITE_P(
    References, ModeRuleTest,
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
    Kinds, ModeRuleTest,
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
    Modes, ModeRuleTest,
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

}  // namespace
}  // namespace afluente::estate

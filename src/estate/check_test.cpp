#include "estate/test_rule_case.h"

namespace afluente::estate {
namespace {

class CheckTest : public testing::TestWithParam<RuleCase> {};

TEST_P(CheckTest, FindsExactlyThis) { ExpectExactly(GetParam()); }

const auto kName = [](const auto& row) { return row.param.name; };

INSTANTIATE_TEST_SUITE_P(
    Triggers, CheckTest,
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
                 "trigger needs one of the keys cron, every, on"},
        RuleCase{"UnknownEvent",
                 {{"trigger", "{ on: chnage }"}},
                 "trigger.on: expected one of change, asset, webhook, topic, not \"chnage\" (did "
                 "you mean \"change\"?)"},
        RuleCase{"Misspelt",
                 {{"trigger", "continous"}},
                 "trigger: expected continuous, not \"continous\" (did you mean \"continuous\"?)"},
        RuleCase{
            "BareWord",
            {{"trigger", "sometimes"}},
            "trigger: expected continuous, or keys (cron, zone, gap, overlap, except, from, until, "
            "jitter), or keys (every, anchor"},
        RuleCase{"List", {{"trigger", "[continuous]"}}, "trigger: expected keys (cron, zone, gap"},
        RuleCase{"CronAndOn",
                 {{"trigger", "{ cron: '@daily', on: change }"}},
                 "unknown key \"on\" in trigger; expected one of cron, zone, gap"},
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
    Values, CheckTest,
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
                 "source: expected keys (connection, table, query, topic, subscription, webhook, "
                 "warehouse_table, origin), not the text \"public.t\""},
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

}  // namespace
}  // namespace afluente::estate

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "estate/test_estate.h"

namespace afluente::estate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr const char* kFile = "models/coltrane/ml/features.yaml";
constexpr const char* kSqlFile = "models/coltrane/ml/features.sql";

struct ModelCase {
  std::string name;
  std::string yaml;
  std::string sql;
  std::string want;  // Begins with the place; "": nothing to complain about.
};

std::ostream& operator<<(std::ostream& out, const ModelCase& row) { return out << row.yaml; }

class ModelRulesTest : public testing::TestWithParam<ModelCase> {
 protected:
  TestEstate estate_;
};

TEST_P(ModelRulesTest, FitsOrSaysWhere) {
  estate_.Write("models/coltrane/ml/other.sql", "SELECT 1");
  estate_.Write(kSqlFile, GetParam().sql.empty() ? "SELECT 1 AS id" : GetParam().sql);
  if (!GetParam().yaml.empty()) estate_.Write(kFile, GetParam().yaml);
  const auto findings = estate_.Findings();
  if (GetParam().want.empty()) {
    EXPECT_THAT(findings, IsEmpty());
    return;
  }
  const std::size_t text = GetParam().want.find(' ');
  ASSERT_EQ(findings.size(), 1U) << testing::PrintToString(findings);
  EXPECT_THAT(findings.front(), StartsWith(GetParam().want.substr(0, text)));
  EXPECT_THAT(findings.front(), HasSubstr(GetParam().want.substr(text + 1)));
}

INSTANTIATE_TEST_SUITE_P(
    Rules, ModelRulesTest,
    testing::Values(
        ModelCase{"NoYaml", "", "SELECT 1", ""},
        ModelCase{"All",
                  "model: my-features\ndescription: d\nmaterialize: incremental\nkey: [id]\n"
                  "where_new: at >= {{ interval.start }}\ntrigger: { cron: \"0 1 * * *\" }\n"
                  "after: [other]\nservice_account: ml-sa\nowner: o\ntags: [t]\n"
                  "sla: { max_staleness: 26h }\ntests:\n  - unique: id\n  - not_null: [id, n]\n"
                  "    severity: warn\n  - accepted_values: { column: n, values: [1, two] }\n"
                  "    where: id > 3\n  - relationships: { column: id, to: coltrane.ml.other, "
                  "field: id }\n  - freshness: { column: at, max_age: 2h }\n"
                  "  - row_count: { min: 1, max: 10 }\n  - sql: SELECT 1 WHERE false\n",
                  "SELECT {{ interval.end }}, {{ env }} FROM {{ ref('coltrane.ml.other') }}", ""},
        ModelCase{"UnknownKey", "materialise: table\n", "",
                  "models/coltrane/ml/features.yaml:1:1: did you mean \"materialize\"?"},
        ModelCase{"UnknownWord", "materialize: tabel\n", "",
                  "models/coltrane/ml/features.yaml:1:14: did you mean \"table\"?"},
        ModelCase{"IncrementalByNothing", "materialize: incremental\n", "",
                  "models/coltrane/ml/features.yaml:1:14: add \"key: [COLUMN]\""},
        ModelCase{"IncrementalByBoth", "materialize: incremental\nkey: [id]\npartition: day\n", "",
                  "models/coltrane/ml/features.yaml:3:12: both a key and a partition"},
        ModelCase{"KeyOfATable", "key: [id]\n", "",
                  "models/coltrane/ml/features.yaml:1:6: is for materialize: incremental"},
        ModelCase{"Continuous", "trigger: continuous\n", "",
                  "models/coltrane/ml/features.yaml:1:10: expected a schedule"},
        ModelCase{"AssetOfNothing", "trigger: { on: asset }\n", "",
                  "models/coltrane/ml/features.yaml:1:10: needs the key \"table\""},
        ModelCase{"AfterNobody", "after: [othr]\n", "",
                  "models/coltrane/ml/features.yaml:1:8: did you mean \"other\"?"},
        ModelCase{"AfterItself", "after: [features]\n", "",
                  "models/coltrane/ml/features.yaml:1:8: names the model itself"},
        ModelCase{
            "NameTaken", "model: other\n", "",
            "models/coltrane/ml/other.sql:1:1: is taken by the model of coltrane.ml.features"},
        ModelCase{"NoTest", "tests:\n  - severity: warn\n", "",
                  "models/coltrane/ml/features.yaml:2:5: exactly one of unique"},
        ModelCase{"TwoTests", "tests:\n  - unique: a\n    not_null: a\n", "",
                  "models/coltrane/ml/features.yaml:3:5: keep exactly one"},
        ModelCase{"RelationshipsElsewhere",
                  "tests:\n  - relationships: { column: a, to: coltran.ml.x, field: id }\n", "",
                  "models/coltrane/ml/features.yaml:2:5: did you mean \"coltrane\"?"},
        ModelCase{"NoRowCount", "tests:\n  - row_count: {}\n", "",
                  "models/coltrane/ml/features.yaml:2:5: needs min or max"},
        ModelCase{"NegativeRowCount", "tests:\n  - row_count: { min: -1 }\n", "",
                  "models/coltrane/ml/features.yaml:2:23: expected a whole number"},
        ModelCase{"SqlWithWhere", "tests:\n  - sql: SELECT 1\n    where: a > 1\n", "",
                  "models/coltrane/ml/features.yaml:2:10: put \"where\" there"},
        ModelCase{"UnknownValue", "", "SELECT 1,\n  {{ interval.begin }}",
                  "models/coltrane/ml/features.sql:2:3: expected one of env, interval.end"},
        ModelCase{"NoParameters", "", "SELECT {{ params.x }}",
                  "models/coltrane/ml/features.sql:1:8: \"params.x\""},
        ModelCase{"QuotedTemplate", "", "SELECT '{{ env }}'",
                  "models/coltrane/ml/features.sql:1:9: remove the quotes"},
        ModelCase{"IntervalOfAView", "materialize: view\n", "SELECT {{ interval.start }}",
                  "models/coltrane/ml/features.sql:1:8: materialize a table"},
        ModelCase{"NotUtf8", "", "SELECT '\xff'", "models/coltrane/ml/features.sql:1:9: UTF-8"}),
    [](const auto& row) { return row.param.name; });

class ModelFilesTest : public testing::Test {
 protected:
  TestEstate estate_;
};

TEST_F(ModelFilesTest, StrayFilesAreNamed) {
  estate_.Write("models/a.sql", "SELECT 1");
  estate_.Write("models/coltrane/b.yaml", "{}");
  estate_.Write("models/coltrane/ml/c.yaml", "materialize: view");
  estate_.Write("models/coltrane/ml/d.yml", "materialize: view");
  estate_.Write("models/coltrane/ml/deep/e.sql", "SELECT 1");
  estate_.Write("models/coltrane/ml/f.g.sql", "SELECT 1");
  estate_.Write("models/coltrane/ml/.hidden.sql", "SELECT 1");
  estate_.Write("models/coltrane/ml/README.md", "text");
  estate_.Write("models/nobody/ml/h.sql", "SELECT 1");
  EXPECT_THAT(
      estate_.Findings(),
      ElementsAre(
          HasSubstr("models/a.sql: this file is not read here"),
          HasSubstr("models/coltrane/b.yaml: this file is not read here"),
          HasSubstr("models/coltrane/ml/c.yaml: it describes no model: c.sql is missing"),
          HasSubstr("models/coltrane/ml/d.yml: this file is not read: rename it to d.yaml"),
          HasSubstr("models/coltrane/ml/deep: this folder is one level too deep"),
          HasSubstr("models/coltrane/ml/f.g.sql: \"coltrane.ml.f.g\" is not a table address"),
          HasSubstr("models/nobody/ml/h.sql:1:1: models/nobody: no project \"nobody\"")));
}

TEST_F(ModelFilesTest, AModelIsFoundByEachOfItsNames) {
  estate_.Write("models/coltrane/ml/user_metrics.sql", "SELECT 1");
  estate_.Write("models/coltrane/ml/user_metrics.yaml", "model: metrics");
  estate_.Write("models/coltrane/other/t.sql", "SELECT 1");
  estate_.Write("models/coltrane/other/t.yaml", "model: first-t");
  estate_.Write("models/movva-datalake/other/t.sql", "SELECT 1");
  const auto loaded = Load(estate_.folder());
  ASSERT_TRUE(loaded.ok());
  ASSERT_THAT(loaded.value().findings, IsEmpty());
  const Estate& estate = loaded.value().estate;
  for (const std::string name : {"metrics", "user_metrics", "coltrane.ml.user_metrics"}) {
    const auto found = estate.FindJob(name);
    ASSERT_TRUE(found.ok()) << name;
    EXPECT_EQ(found.value().model->table.ToString(), "coltrane.ml.user_metrics");
  }
  EXPECT_EQ(estate.FindJob("t").value().model->table.project, "movva-datalake");
  EXPECT_THAT(estate.FindJob("metric").error().message(), HasSubstr("did you mean \"metrics\"?"));
}

TEST_F(ModelFilesTest, OneTableHasOneWriter) {
  estate_.Write("integrations/contacts.yaml", kSampleIntegration);
  estate_.Write("models/operations-dashboards/analytics/dim_contacts.sql", "SELECT 1");
  EXPECT_THAT(estate_.Findings(),
              ElementsAre(HasSubstr("models/operations-dashboards/analytics/dim_contacts.sql:1:1: "
                                    "operations-dashboards.analytics.dim_contacts is already "
                                    "written by integration \"contacts\" "
                                    "(integrations/contacts.yaml:4:14)")));
}

}  // namespace
}  // namespace afluente::estate

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "estate/test_estate.h"

namespace afluente::estate {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct DagCase {
  std::string name;
  std::string tasks;  // Lines below "tasks:".
  std::string want;   // The only finding holds it; "": nothing to complain about.
  std::string keys = "";
};

std::ostream& operator<<(std::ostream& out, const DagCase& row) { return out << row.name; }

class DagRulesTest : public testing::TestWithParam<DagCase> {
 protected:
  DagRulesTest() {
    estate_.Write("estate.yaml", std::string(kSampleEstate) + "pools: { slow: 2 }\n");
    estate_.Write("integrations/a.yaml",
                  "- integration: users\n  source: { connection: app, table: public.users }\n"
                  "  destination: { table: coltrane.d.users, key: [id] }\n  mode: snapshot\n"
                  "- integration: follow\n  source: { connection: app, table: public.f }\n"
                  "  destination: { table: coltrane.d.f, key: [id] }\n  mode: cdc\n"
                  "  trigger: continuous\n");
    estate_.Write("models/coltrane/d/made.sql", "SELECT 1 AS id");
    estate_.Write("models/coltrane/d/made.yaml", "tests: [{ unique: id }]\n");
    estate_.Write("dags/other.yaml",
                  "dag: other\nparams: { day: { type: date } }\n"
                  "tasks: { one: { command: [\"true\"] } }\n");
  }
  TestEstate estate_;
};

TEST_P(DagRulesTest, FitsOrSaysWhere) {
  estate_.Write("dags/x.yaml",
                "dag: x\nproject: coltrane\n" + GetParam().keys + "tasks:\n" + GetParam().tasks);
  if (GetParam().want.empty()) {
    EXPECT_THAT(estate_.Findings(), IsEmpty());
  } else {
    EXPECT_THAT(estate_.Findings(), ElementsAre(HasSubstr(GetParam().want)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Tasks, DagRulesTest,
    testing::Values(
        DagCase{
            "AllKinds",
            "  a: { integration: users, retries: 5, retry_on: [transient, internal] }\n"
            "  b: { model: coltrane.d.made, after: [a], timeout: 1h }\n"
            "  c: { sql: \"DELETE FROM coltrane.d.old WHERE d < {{ params.day }}\", after: b }\n"
            "  d: { check: coltrane.d.made, after: [b] }\n"
            "  e: { check: { table: coltrane.d.users, tests: [{ not_null: id }] } }\n"
            "  f: { train: { model: risk, table: coltrane.d.made, label: y, key: [id] } }\n"
            "  g: { predict: { model: risk, table: coltrane.d.made, into: coltrane.d.out, "
            "key: id }, after: [f] }\n"
            "  h: { split: { table: coltrane.d.made, key: [id], shards: 8, command: [cut, cut], "
            "into: movva-datalake/raw/cut } }\n"
            "  i: { split: { table: coltrane.d.made, key: [id], assign: { experiment: e1, "
            "arms: { control: 1, text: 2 }, strata: [uf] }, into: movva-datalake/raw/arms } }\n"
            "  j: { http: \"https://x.example/{{ run.id }}\" }\n"
            "  k: { http: { url: \"${env:URL}\", method: POST, headers: { A: \"${env:T}\" }, "
            "body: \"{{ interval.start }}\", expect: [200, 202] } }\n"
            "  l: { command: [echo, \"{{ params.day }}\", \"{{ params.day }}\"], pool: slow }\n"
            "  m: { command: { arguments: [x], environment: { DAY: \"{{ env }}\" }, folder: bin }"
            ", pool: { name: slow, slots: 2 } }\n"
            "  n: { sensor: { table: coltrane.d.f, max_age: 2h, every: 5s } }\n"
            "  o: { sensor: { file: \"in/{{ interval.end }}\", soft: true }, timeout: 5m }\n"
            "  p: { branch: \"SELECT 'q'\", after: [a, b], rule: all_done }\n"
            "  q: { dag: { dag: other, params: { day: 2026-01-01 } }, after: [p] }\n",
            "",
            "params: { day: 2026-03-01 }\ntrigger: { cron: \"0 1 * * *\" }\n"
            "catch_up: all\non_overlap: skip\npriority: 3\ndefaults: { retries: 1 }\n"},
        DagCase{"TwoActions", "  a: { model: coltrane.d.made, integration: users }\n",
                "keep exactly one of integration, model, sql"},
        DagCase{"NoAction", "  a: { retries: 1 }\n", "needs exactly one of integration, model"},
        DagCase{"UnknownKind", "  a: { comand: [x] }\n", "did you mean \"command\""},
        DagCase{"UnknownAfter", "  one: { command: [x] }\n  b: { command: [x], after: [onw] }\n",
                "dags/x.yaml:5:29: task b: no task \"onw\" (did you mean \"one\"?)"},
        DagCase{"Itself", "  a: { command: [x], after: [a] }\n", "names the task itself"},
        DagCase{"Circle",
                "  a: { command: [x], after: [c] }\n  b: { command: [x], after: [a] }\n"
                "  c: { command: [x], after: [b] }\n",
                "in a circle: a -> b -> c -> a"},
        DagCase{"UnknownIntegration", "  a: { integration: user }\n",
                "no integration \"user\" (did you mean \"users\"?)"},
        DagCase{"Followed", "  a: { integration: follow }\n", "wait for its table with a sensor"},
        DagCase{"UnknownModel", "  a: { model: coltrane.d.mode }\n",
                "no model \"coltrane.d.mode\" (did you mean \"coltrane.d.made\"?)"},
        DagCase{"UnknownProject",
                "  a: { train: { model: m, table: coltran.d.t, label: y, key: [id] } }\n",
                "no project \"coltran\""},
        DagCase{"NoTests", "  a: { check: coltrane.d.users }\n", "coltrane.d.users has no tests"},
        DagCase{"LabelInKey",
                "  a: { train: { model: m, table: coltrane.d.made, label: y, key: [y] } }\n",
                "the label is part of the key"},
        DagCase{"NobodyTrains",
                "  a: { predict: { model: m, table: coltrane.d.made, into: coltrane.d.o, key: [id] "
                "} }\n",
                "no train task makes a model \"m\""},
        DagCase{"SplitOfNothing",
                "  a: { split: { table: coltrane.d.made, key: [id], into: coltrane/b/p } }\n",
                "expected exactly one of command, assign"},
        DagCase{"OneArm",
                "  a: { split: { table: coltrane.d.made, key: [id], into: coltrane/b/p, assign: { "
                "experiment: e, arms: { a: 1 } } } }\n",
                "expected at least two arms"},
        DagCase{"Template", "  a: { command: [x, \"{{ params.daz }}\"] }\n",
                "nothing here has the name \"params.daz\"", "params: { day: 2026-03-01 }\n"},
        DagCase{"BadDefault", "  a: { command: [x] }\n",
                "the default \"soon\" does not fit its type, date",
                "params: { day: { type: date, default: soon } }\n"},
        DagCase{"NobodyToAsk", "  a: { command: [x] }\n", "its trigger has nobody to ask",
                "params: { day: { type: date } }\ntrigger: { cron: \"0 1 * * *\" }\n"},
        DagCase{"UnknownPool", "  a: { command: [x], pool: slaw }\n",
                "no pool \"slaw\" is declared under pools of estate.yaml (did you mean \"slow\"?)"},
        DagCase{"TooManySlots", "  a: { command: [x], pool: { name: slow, slots: 3 } }\n",
                "pool slow has 2 slots"},
        DagCase{"Secret", "  a: { command: [x, \"${env:T}\"] }\n", "are not resolved here"},
        DagCase{"FastSensor", "  a: { sensor: { file: x, every: 10ms } }\n", "at least 1s"},
        DagCase{"SoftForever", "  a: { sensor: { file: x, soft: true } }\n", "add \"timeout\""},
        DagCase{"NothingToChoose", "  a: { branch: SELECT 1 }\n", "no task comes after it"},
        DagCase{"UnknownDag", "  a: { dag: othr }\n", "did you mean \"other\""},
        DagCase{"MissingParameter", "  a: { dag: other }\n", "needs the parameter day"},
        DagCase{"CallsItself", "  a: { dag: x }\n", "DAGs run each other in a circle: x -> x"},
        DagCase{"NeverFires", "  a: { command: [x] }\n", "31 2",
                "trigger: { cron: \"0 0 31 2 *\" }\n"},
        DagCase{"Continuous", "  a: { command: [x] }\n", "expected a schedule",
                "trigger: continuous\n"},
        DagCase{"WritesOfAnother", "  a: { command: [x], writes: coltrane.d.t }\n",
                "writes goes with sql"},
        DagCase{"WritesElsewhere", "  a: { sql: SELECT 1, writes: movva-datalake.d.t }\n",
                "statements write project coltrane, the DAG's"},
        DagCase{"WritesWhatAnIntegrationDoes",
                "  a: { sql: SELECT 1, writes: [coltrane.d.t, coltrane.d.users] }\n",
                "coltrane.d.users is already written by"},
        DagCase{"Empty", "  {}\n", "tasks is empty"}),
    [](const auto& row) { return row.param.name; });

TEST_F(DagRulesTest, OneTableHasOneWriter) {
  estate_.Write("dags/x.yaml",
                "- dag: made\n  tasks:\n    t: { train: { model: m, table: coltrane.d.made, "
                "label: y, key: id } }\n"
                "    a: { predict: { model: m, table: coltrane.d.made, into: coltrane.d.users, "
                "key: id } }\n"
                "- dag: again\n  tasks:\n    t: { train: { model: m, table: coltrane.d.made, "
                "label: y, key: id } }\n");
  EXPECT_THAT(estate_.Findings(),
              ElementsAre(HasSubstr("the name \"made\" is taken by the model of coltrane.d.made"),
                          HasSubstr("coltrane.d.users is already written by integration \"users\""),
                          HasSubstr("the trained model m is already written by DAG \"made\"")));
}

TEST_F(DagRulesTest, IsReadWhole) {
  estate_.Write("dags/x.yaml",
                "dag: x\nproject: coltrane\ntrigger: { cron: \"0 1 * * *\" }\n"
                "params: { n: 7, on: true, share: 0.5, day: 2026-03-01, text: \"7\" }\n"
                "defaults: { timeout: 5m }\ncatch_up: none\non_overlap: allow\n"
                "max_active_runs: 4\ntasks:\n  a: { integration: users }\n"
                "  b: { command: [x], after: [a], rule: none_failed, retries: 2, "
                "pool: { name: slow, slots: 2 } }\n");
  const auto loaded = Load(estate_.folder(), "");
  ASSERT_TRUE(loaded.ok());
  EXPECT_THAT(loaded.value().findings, IsEmpty());
  const Dag& dag = loaded.value().estate.dags.at("x");
  EXPECT_EQ(dag.runs.catch_up, CatchUp::kNone);
  EXPECT_EQ(dag.runs.max_active_runs, 4);
  EXPECT_EQ(dag.params.at("n").type, ParameterType::kInteger);
  EXPECT_EQ(dag.params.at("on").type, ParameterType::kFlag);
  EXPECT_EQ(dag.params.at("share").type, ParameterType::kNumber);
  EXPECT_EQ(dag.params.at("day").type, ParameterType::kDate);
  EXPECT_EQ(dag.params.at("text").type, ParameterType::kText);
  ASSERT_EQ(dag.tasks.size(), 2U);
  EXPECT_EQ(dag.tasks[0].policy.retry.retries, 3);
  EXPECT_EQ(dag.tasks[0].policy.timeout, 5min);
  EXPECT_EQ(dag.tasks[1].policy.retry.retries, 2);
  EXPECT_EQ(dag.tasks[1].policy.slots, 2);
  EXPECT_EQ(dag.tasks[1].rule, TriggerRule::kNoneFailed);
  EXPECT_EQ(NameOf(dag.tasks[1].action), "command");
}

}  // namespace
}  // namespace afluente::estate

// DAGs from YAML to the record, with and without a service.
#include <fmt/format.h>

#include <fstream>

#include "support/serving.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class DagsTest : public ServingTest {
 protected:
  DagsTest() {
    Source(
        "create table users(id int primary key, uf text); insert into users select i, case when i "
        "% 3 = 0 then 'SP' else 'RJ' end from generate_series(1, 300) i");
    Declare("users", "public.users", "dw.d.users, key: [id]", "mode: snapshot");
    estate_.Write("models/dw/d/by_state.sql",
                  "SELECT uf, count(*) AS users FROM dw.d.users GROUP BY uf");
    estate_.Write("models/dw/d/by_state.yaml", "tests: [{ unique: uf }]\n");
  }

  void Dag(const std::string& name, const std::string& text) {
    estate_.Write("dags/" + name + ".yaml", "dag: " + name + "\n" + text);
  }

  Outcome RunDag(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "run");
    return estate_.Run(arguments);
  }

  nlohmann::json RunAsJson(const std::string& dag) {
    const Outcome outcome = estate_.Run({"run", dag, "--json"});
    return nlohmann::json::parse(outcome.out).at("runs").at(0);
  }

  std::map<std::string, std::string> States(const nlohmann::json& run) {
    std::map<std::string, std::string> states;
    for (const auto& task : run.at("tasks")) states[task.at("task")] = task.at("state");
    return states;
  }

  void Serve() {
    service_.emplace(estate_.Afluente({"serve"}));
    ASSERT_TRUE(Soon([&] {
      return estate_.Run({"status"}).exit_code == 0 && estate_.Run({"why", "load"}).exit_code == 0;
    })) << service_->err();
  }
};

constexpr const char* kLoad = R"(project: dw
params: { state: { type: text, default: SP } }
tasks:
  stats:   { model: dw.d.by_state }
  users:   { integration: users }
  check:   { check: dw.d.by_state }
  note:    { sql: "CREATE OR REPLACE TABLE dw.d.note AS SELECT {{ params.state }} AS uf, users FROM dw.d.by_state WHERE uf = {{ params.state }}", after: [check] }
  print:   { command: [sh, -c, "echo state $1 of $AFLUENTE_JOB; echo '{\"seen\": 1}' >$AFLUENTE_ATTEMPT/result.json", sh, "{{ params.state }}"], after: [note] }
)";

TEST_F(DagsTest, RunsInTheOrderOfWhatIsReadAndWritten) {
  Dag("load", kLoad);
  const Outcome checked = estate_.Run({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked.ToString();
  const Outcome outcome = RunDag({"load", "--param", "state=RJ"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.ToString();
  EXPECT_THAT(outcome.err, HasSubstr("✓ users"));
  EXPECT_LT(outcome.err.find("✓ users"), outcome.err.find("✓ stats"));
  EXPECT_EQ(WarehouseLines("select uf, users from dw.d.note"), std::vector<std::string>{"RJ|200"});
  const std::string run = outcome.err.substr(0, outcome.err.find('\n'));
  EXPECT_THAT(estate_.Run({"logs", run}).out, HasSubstr("state RJ of load"));
}

TEST_F(DagsTest, AModelMayReadWhatStatementsMake) {
  estate_.Write("models/dw/d/top.sql", "SELECT uf FROM dw.d.note");
  Dag("load",
      "project: dw\ntasks:\n  top: { model: dw.d.top }\n"
      "  note: { sql: \"CREATE OR REPLACE TABLE dw.d.note AS SELECT 'SP' AS uf\" }\n");
  EXPECT_THAT(estate_.Run({"check"}).out,
              HasSubstr("no integration, model or task of a DAG makes dw.d.note"));
  Dag("load",
      "project: dw\ntasks:\n  top: { model: dw.d.top }\n"
      "  note: { sql: \"CREATE OR REPLACE TABLE dw.d.note AS SELECT 'SP' AS uf\", "
      "writes: dw.d.note }\n");
  const Outcome checked = estate_.Run({"check"});
  EXPECT_EQ(checked.exit_code, 0) << checked.ToString();
  const Outcome outcome = RunDag({"load"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  EXPECT_EQ(WarehouseLines("select uf from dw.d.top"), std::vector<std::string>{"SP"});
}

TEST_F(DagsTest, ShellsCompleteTheNamesOfJobs) {
  Dag("load", kLoad);
  EXPECT_EQ(estate_.Run({"completion", "--jobs"}).out, "users\nby-state\nload\n");
  EXPECT_EQ(estate_.Run({"completion", "--integrations"}).out, "users\n");
  for (const char* shell : {"bash", "fish"}) {
    const std::string script = estate_.Run({"completion", shell}).out;
    EXPECT_THAT(script, testing::ContainsRegex("backfill[^\n]*completion --jobs"));
    EXPECT_THAT(script, testing::ContainsRegex("cutover[^\n]*completion --integrations"));
  }
}

TEST_F(DagsTest, TheServiceRunsThemToo) {
  Dag("load", kLoad);
  Dag("outer", "tasks:\n  inner: { dag: { dag: load, params: { state: RJ } } }\n");
  Serve();
  const Outcome outcome = RunDag({"outer"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.ToString() << service_->err();
  EXPECT_EQ(WarehouseLines("select uf, users from dw.d.note"), std::vector<std::string>{"RJ|200"});
  const Outcome runs = estate_.Run({"runs"});
  EXPECT_THAT(runs.out, HasSubstr("/dag:outer.inner"));
  Fails({"trigger", "load", "--param", "stat=x"}, 2, {"no parameter \"stat\"", "state"});
  Fails({"trigger", "users", "--param", "a=b"}, 2, {"users is no DAG"});
}

TEST_F(DagsTest, AFailedTestKeepsTheRestFromRunning) {
  Dag("load",
      "tasks:\n  users: { integration: users }\n"
      "  check: { check: { table: dw.d.users, tests: [{ accepted_values: { column: uf, "
      "values: [SP] } }] } }\n"
      "  after: { command: [\"true\"], after: [check] }\n"
      "  always: { command: [\"true\"], after: [check], rule: all_done }\n");
  const Outcome outcome = RunDag({"load"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.ToString();
  EXPECT_THAT(outcome.err, HasSubstr("200 rows"));
  EXPECT_THAT(outcome.err, HasSubstr("dags/load.yaml:4"));
  const auto states = States(RunAsJson("load"));
  EXPECT_EQ(states.at("check"), "failed");
  EXPECT_EQ(states.at("after"), "upstream_failed");
  EXPECT_EQ(states.at("always"), "succeeded");
}

TEST_F(DagsTest, ABranchChooses) {
  Dag("load",
      "tasks:\n  users: { integration: users }\n"
      "  which: { branch: \"SELECT CASE WHEN count(*) > 100 THEN 'many' ELSE 'few' END "
      "FROM dw.d.users\", after: users }\n"
      "  many: { command: [\"true\"], after: which }\n"
      "  few: { command: [\"false\"], after: which }\n"
      "  join: { command: [\"true\"], after: [many, few], rule: none_failed }\n");
  const auto run = RunAsJson("load");
  EXPECT_EQ(run.at("state"), "succeeded") << run.dump(2);
  const auto states = States(run);
  EXPECT_EQ(states.at("many"), "succeeded");
  EXPECT_EQ(states.at("few"), "skipped");
  EXPECT_EQ(states.at("join"), "succeeded");
}

TEST_F(DagsTest, ASensorWaitsForWhatItNames) {
  Dag("load",
      "tasks:\n  file: { sensor: { file: \"in/{{ env }}.csv\", every: 1s } }\n"
      "  late: { sensor: { file: never, every: 1s, soft: true }, timeout: 1s }\n"
      "  fresh: { sensor: { table: dw.d.users, max_age: 1h, every: 1s } }\n"
      "  then: { command: [\"true\"], after: [file, late, fresh], rule: none_failed }\n");
  Serve();
  const Outcome triggered = estate_.Run({"trigger", "load"});
  ASSERT_EQ(triggered.exit_code, 0) << triggered.ToString();
  const std::string run = triggered.out.substr(0, triggered.out.find('\n'));
  ASSERT_TRUE(Soon([&] {
    return estate_.Run({"why", "load"}).out.find("task file of run " + run + " looks again at") !=
           std::string::npos;
  })) << service_->err();
  estate_.Write("in/default.csv", "a\n");
  ASSERT_EQ(estate_.Run({"run", "users"}).exit_code, 0);
  const auto shown = [&] {
    return nlohmann::json::parse(estate_.Run({"runs", run, "--json"}).out).at("runs").at(0);
  };
  ASSERT_TRUE(Soon([&] { return shown().at("state") == "succeeded"; })) << shown().dump(2);
  EXPECT_EQ(States(shown()).at("late"), "skipped");
}

TEST_F(DagsTest, ABackfillMakesUpForIntervals) {
  estate_.Write("models/dw/d/days.sql",
                "SELECT CAST(day AS DATE) AS day, {{ interval.end }} AS built FROM "
                "generate_series(DATE '2026-01-01', DATE '2026-01-09', INTERVAL 1 DAY) AS s(day)");
  estate_.Write(
      "models/dw/d/days.yaml",
      "materialize: incremental\nkey: [day]\nwhere_new: \"day >= {{ interval.start }} AND "
      "day < {{ interval.end }}\"\n");
  Dag("load",
      "project: dw\ntrigger: { cron: \"0 0 * * *\", zone: UTC }\n"
      "tasks:\n  days: { model: dw.d.days }\n");
  const std::vector<std::string> asked = {"backfill",   "load", "--from",
                                          "2026-01-03", "--to", "2026-01-06"};
  auto with = [&](const std::string& flag) {
    auto arguments = asked;
    arguments.push_back(flag);
    return arguments;
  };
  EXPECT_THAT(estate_.Run(with("--dry-run")).out, HasSubstr("load: 3 runs"));
  Fails(asked, 3, {"no service runs", "--dry-run"});
  Serve();
  ASSERT_EQ(RunDag({"load"}).exit_code, 0);
  const Outcome made = estate_.Run(asked);
  EXPECT_THAT(made.out, HasSubstr("3 of them are new"));
  ASSERT_TRUE(Soon([&] {
    const std::string runs = estate_.Run({"runs", "load"}).out;
    return runs.find("running") == std::string::npos && runs.find("queued") == std::string::npos;
  }));
  // The days of the three intervals were built of them alone, the others stay as they were.
  EXPECT_EQ(WarehouseLines("select count(*) from dw.d.days where built = day + interval 1 day"),
            std::vector<std::string>{"3"});
  EXPECT_EQ(WarehouseLines("select count(*) from dw.d.days"), std::vector<std::string>{"9"});
  EXPECT_THAT(estate_.Run(with("--missing-only")).out, HasSubstr("0 runs, 3 more have succeeded"));
  Fails({"backfill", "users", "--from", "2026-01-03", "--to", "2026-01-06"}, 2, {"--full-refresh"});
  Fails({"backfill", "load", "--from", "soon", "--to", "2026-01-06"}, 2, {"2026-03-01"});
  Fails({"backfill", "load", "--from", "2026-01-06", "--to", "2026-01-03"}, 2, {"not before"});
}

TEST_F(DagsTest, ErrorsNameThePlaceAndTheCure) {
  Dag("load",
      "tasks:\n  gone: { command: [no-such-program] }\n"
      "  http: { http: \"http://127.0.0.1:9/x?token=SECRET\" }\n"
      "  which: { branch: \"SELECT 'nobody'\" }\n"
      "  never: { command: [\"true\"], after: which }\n");
  const Outcome outcome = RunDag({"load"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.ToString();
  EXPECT_THAT(outcome.err, HasSubstr("no-such-program"));
  EXPECT_THAT(outcome.err, HasSubstr("http://127.0.0.1:9: it could not be reached"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("SECRET")));
  EXPECT_THAT(outcome.err, HasSubstr("the branch chose \"nobody\""));
  Fails({"run", "laod"}, 2, {"no integration, model or DAG \"laod\"", "load"});
  Fails({"run", "users", "--param", "a=b"}, 2, {"--param is for DAGs"});
}

}  // namespace
}  // namespace afluente::test

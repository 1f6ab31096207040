// Models through the program: built, tested before they are published, run in order.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <functional>

#include "support/estate_folder.h"

namespace afluente::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class ModelsTest : public testing::Test {
 protected:
  void Model(const std::string& table, const std::string& sql, const std::string& yaml = "") const {
    estate_.Write("models/dw/d/" + table + ".sql", sql);
    if (!yaml.empty()) estate_.Write("models/dw/d/" + table + ".yaml", yaml);
  }
  /// Three orders, as an integration would have brought them.
  void Orders(const std::string& rows = "(1, 'SP', 10), (2, 'RJ', 20), (3, 'SP', 30)") const {
    Model("orders", "SELECT * FROM (VALUES " + rows + ") AS o(id, uf, total);\n");
  }
  nlohmann::json RunOk(std::vector<std::string> args) const {
    args.insert(args.begin(), "run");
    args.emplace_back("--json");
    const Outcome outcome = estate_.Run(args);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
    return nlohmann::json::parse(outcome.out);
  }
  std::vector<std::string> Lines(const std::string& sql) const {
    std::vector<std::string> lines;
    for (const Row& row : estate_.Query(sql)) {
      std::string line;
      for (const Cell& cell : row) line += (line.empty() ? "" : "|") + cell.value_or("NULL");
      lines.push_back(line);
    }
    return lines;
  }
  std::vector<std::string> Sums() const {
    return Lines("SELECT uf, total::varchar FROM dw.d.sums ORDER BY uf");
  }
  void SumsOfOrders(const std::string& yaml = "") const {
    Model("sums", "SELECT `uf`, sum(total) AS total FROM {{ ref('dw.d.orders') }} GROUP BY uf",
          yaml);
  }
  /// Asks again until `holds` or a minute has passed.
  static bool Soon(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (std::chrono::steady_clock::now() < end) {
      if (holds()) return true;
    }
    return false;
  }

  EstateFolder estate_;
};

TEST_F(ModelsTest, RunBuildsInOrderAndTheRecordSaysOnWhat) {
  Orders();
  SumsOfOrders();
  Model("a_first", "SELECT count(*) AS n FROM dw.d.sums");
  const auto document = RunOk({"--all"});
  std::vector<std::string> order;
  for (const auto& run : document.at("runs")) {
    order.push_back(run.at("integration"));
    EXPECT_EQ(run.at("mode"), "model");
    EXPECT_EQ(run.at("engine"), "duckdb");
    EXPECT_EQ(run.at("state"), "succeeded");
  }
  EXPECT_THAT(order, ElementsAre("orders", "sums", "a-first"));
  EXPECT_THAT(Sums(), ElementsAre("RJ|20", "SP|40"));
  const Outcome status = estate_.Run({"status", "a_first", "--json"});
  EXPECT_EQ(nlohmann::json::parse(status.out).at("runs").at(0).at("engine"), "duckdb");
  EXPECT_THAT(estate_.Run({"tables"}).out, HasSubstr("dw.d.sums"));
}

TEST_F(ModelsTest, AModelIsNamedInThreeWays) {
  Orders();
  Model("big_orders", "SELECT * FROM dw.d.orders WHERE total > 15", "model: large\n");
  RunOk({"orders"});
  for (const std::string name : {"large", "big_orders", "dw.d.big_orders"}) {
    EXPECT_EQ(RunOk({name}).at("runs").at(0).at("rows"), 2) << name;
  }
  const Outcome unknown = estate_.Run({"run", "big_order"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("no integration or model \"big_order\""));
}

TEST_F(ModelsTest, AFailedTestLeavesTheTableAsItWas) {
  Orders();
  SumsOfOrders(
      "tests:\n  - unique: uf\n  - accepted_values: { column: uf, values: [SP, RJ] }\n"
      "  - sql: SELECT * FROM dw.d.sums WHERE total > 1000\n    severity: warn\n");
  RunOk({"orders", "sums"});
  Orders("(1, 'SP', 2000), (2, 'XX', 20)");
  RunOk({"orders"});
  const Outcome failed = estate_.Run({"run", "sums"});
  EXPECT_EQ(failed.exit_code, 1) << failed.ToString();
  EXPECT_THAT(failed.err, AllOf(HasSubstr("dw.d.sums is not published and stays as it was"),
                                HasSubstr("accepted_values (uf) failed: 1 row, such as (uf: XX)"),
                                HasSubstr("models/dw/d/sums.yaml:3:5")));
  EXPECT_THAT(Sums(), ElementsAre("RJ|20", "SP|40"));
  Orders("(1, 'SP', 2000)");
  const auto warned = RunOk({"orders", "sums"}).at("runs").at(1);
  EXPECT_THAT(warned.at("warnings").at(0).get<std::string>(), HasSubstr("sql failed: 1 row"));
  EXPECT_THAT(Sums(), ElementsAre("SP|2000"));
}

TEST_F(ModelsTest, IncrementalByKeyAndByPartition) {
  Orders();
  Model("by_key", "SELECT id, uf, total FROM dw.d.orders",
        "materialize: incremental\nkey: [id]\nwhere_new: total > 15\n");
  Model("by_state", "SELECT id, uf, total FROM dw.d.orders",
        "materialize: incremental\npartition: uf\n");
  RunOk({"--all"});
  Orders("(1, 'SP', 11), (2, 'RJ', 21)");
  RunOk({"--all"});
  const auto rows = [&](const std::string& table) {
    return Lines("SELECT id::varchar, total::varchar FROM dw.d." + table + " ORDER BY id");
  };
  EXPECT_THAT(rows("by_key"), ElementsAre("1|10", "2|21", "3|30"));
  EXPECT_THAT(rows("by_state"), ElementsAre("1|11", "2|21"));
  RunOk({"by-key", "--full-refresh"});
  EXPECT_THAT(rows("by_key"), ElementsAre("1|11", "2|21"));
}

TEST_F(ModelsTest, AViewIsReadThrough) {
  Orders();
  SumsOfOrders("materialize: view\n");
  RunOk({"--all"});
  Orders("(1, 'SP', 1)");
  RunOk({"orders"});
  EXPECT_THAT(Sums(), ElementsAre("SP|1"));
  EXPECT_THAT(estate_.Run({"tables"}).out, HasSubstr("dw.d.sums"));
  const Outcome compacted = estate_.Run({"compact"});
  EXPECT_EQ(compacted.exit_code, 0) << compacted.ToString();
  EXPECT_THAT(Sums(), ElementsAre("SP|1"));
}

TEST_F(ModelsTest, CheckNamesEveryMistakeAndRunRefuses) {
  Model("a", "SELECT * FROM dw.d.b");
  Model("b", "SELECT *\nFROM dw.d.c");
  Model("c", "SELECT * FROM {{ ref('dw.d.a') }}");
  Model("unknown", "SELECT * FROM dw.d.aa");
  Model("writes", "DELETE FROM dw.d.a");
  Model("broken", "SELECT *\nFRM dw.d.a");
  Model("itself", "SELECT * FROM dw.d.itself");
  const Outcome check = estate_.Run({"check"});
  EXPECT_EQ(check.exit_code, 1);
  EXPECT_THAT(
      check.out,
      AllOf(HasSubstr("models/dw/d/a.sql:1:15: each of these needs the one behind it first, "
                      "in a circle: a -> b -> c -> a"),
            HasSubstr("models/dw/d/unknown.sql:1:15: no integration, model or "
                      "task of a DAG makes "
                      "dw.d.aa (did you mean \"dw.d.a\"?)"),
            HasSubstr("models/dw/d/writes.sql:1:1: this is no SELECT"),
            HasSubstr("models/dw/d/broken.sql:2:"),
            HasSubstr("models/dw/d/itself.sql:1:15: the model reads the table that it"),
            HasSubstr("5 findings")));
  const Outcome run = estate_.Run({"run", "writes"});
  EXPECT_EQ(run.exit_code, 2) << run.ToString();
}

TEST_F(ModelsTest, AnIntegrationCanBePartOfACircle) {
  Model("a", "SELECT * FROM dw.d.copy");
  estate_.Integration("copy",
                      "source: { warehouse_table: dw.d.a }\n"
                      "destination: { table: dw.d.copy }\nmode: snapshot\n");
  EXPECT_THAT(estate_.Run({"check"}).out,
              HasSubstr("models/dw/d/a.sql:1:15: each of these needs the one behind it first, in a "
                        "circle: a -> copy -> a"));
}

TEST_F(ModelsTest, WhatIsMissingSaysWhatToRun) {
  Orders();
  SumsOfOrders();
  const Outcome outcome = estate_.Run({"run", "sums"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("`afluente run orders` makes it"));
}

TEST_F(ModelsTest, AKilledRunLeavesTheOldTable) {
  Orders();
  SumsOfOrders();
  RunOk({"--all"});
  Model("sums",
        "SELECT 'XX' AS uf, count(*) AS total FROM range(100000000) AS a(i), range(100000) AS b(i) "
        "WHERE a.i % 7 = b.i % 5");
  Process running(estate_.Afluente({"run", "sums"}));
  ASSERT_TRUE(Soon([&] {
    return !running.EndsWithin(std::chrono::milliseconds(0)) &&
           estate_.Run({"status", "--json"}).out.find("\"running\"") != std::string::npos;
  })) << running.err();
  running.Signal(SIGKILL);
  running.Wait();
  EXPECT_THAT(Sums(), ElementsAre("RJ|20", "SP|40"));
  SumsOfOrders();
  RunOk({"sums"});
  EXPECT_THAT(Sums(), ElementsAre("RJ|20", "SP|40"));
}

TEST_F(ModelsTest, AnInterruptedRunLeavesTheOldTable) {
  Orders();
  SumsOfOrders();
  RunOk({"--all"});
  Model("sums",
        "SELECT 'XX' AS uf, count(*) AS total FROM range(100000000) AS a(i), range(100000) AS b(i) "
        "WHERE a.i % 7 = b.i % 5");
  Process running(estate_.Afluente({"run", "sums"}));
  ASSERT_TRUE(Soon([&] {
    return estate_.Run({"status", "--json"}).out.find("\"running\"") != std::string::npos;
  })) << running.err();
  running.Signal(SIGINT);
  EXPECT_EQ(running.Wait().exit_code, 130);
  EXPECT_THAT(Sums(), ElementsAre("RJ|20", "SP|40"));
}

TEST_F(ModelsTest, AServiceBuildsAndTellsWhoWaitsForTheTable) {
  Orders();
  SumsOfOrders();
  estate_.Integration("copy",
                      "source: { warehouse_table: dw.d.sums }\n"
                      "destination: { table: dw.d.copied }\nmode: snapshot\n"
                      "trigger: { on: asset }\n");
  Process service(estate_.Afluente({"serve"}));
  ASSERT_TRUE(Soon([&] { return estate_.Run({"lag", "--json"}).exit_code == 0; })) << service.err();
  RunOk({"orders", "sums"});
  EXPECT_THAT(Sums(), ElementsAre("RJ|20", "SP|40"));
  EXPECT_TRUE(Soon([&] {
    return estate_.Run({"tables"}).out.find("dw.d.copied") != std::string::npos;
  })) << service.err();
}

}  // namespace
}  // namespace afluente::test

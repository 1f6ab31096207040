// Integrations that others' changes trigger: a source table's, a warehouse table's.
#include <fmt/format.h>

#include <csignal>

#include "support/serving.h"

namespace afluente::test {
namespace {

class EventsTest : public ServingTest {
 protected:
  EventsTest() {
    Source(
        "create table flows(id int primary key, name text);"
        "create table revisions(flow int, n int, definition jsonb, primary key (flow, n));"
        "insert into flows select i, 'flow ' || i from generate_series(1, 5) i;"
        "insert into revisions select i, 1, jsonb_build_object('nodes', jsonb_build_array(i)) "
        "from generate_series(1, 5) i");
  }

  /// Flows with their newest revision, fetched by key when a flow changes.
  void DeclareFlows() {
    estate_.Integration("flow-definitions",
                        "source:\n"
                        "  connection: src\n"
                        "  query: |\n"
                        "    select f.id, f.name as title, (select r.definition from revisions r "
                        "where r.flow = f.id\n"
                        "      order by r.n desc limit 1) as definition from flows f\n"
                        "destination: { table: dw.d.flow_definitions, key: [flow_id] }\n"
                        "mode: event\n"
                        "trigger: { on: change, table: src:public.flows }\n"
                        "columns: { id: { rename: flow_id } }\n");
  }
  std::vector<std::string> Flows() {
    const Outcome asked = estate_.Run({"tables", "--json"});
    if (asked.out.find("flow_definitions") == std::string::npos) return {};
    return WarehouseLines(
        "select flow_id::varchar, title, definition::varchar from dw.d.flow_definitions order by "
        "flow_id");
  }
  std::uint64_t Runs(const std::string& integration) {
    const auto row = Lag(integration, "triggered");
    return row.is_null() ? 0 : row.at("runs").get<std::uint64_t>();
  }
};

TEST_F(EventsTest, AFlowThatChangesIsFetched) {
  DeclareFlows();
  ServeUntilFollowing({"flow-definitions"});
  ASSERT_TRUE(Soon([&] { return Flows().size() == 5; })) << service_->err();
  Source(
      "insert into revisions values (2, 2, '{\"nodes\": []}'); update flows set name = 'second' "
      "where "
      "id = 2; delete from flows where id = 3; update flows set id = 50 where id = 5");
  const std::vector<std::string> wanted = {"1|flow 1|{\"nodes\": [1]}", "2|second|{\"nodes\": []}",
                                           "4|flow 4|{\"nodes\": [4]}", "50|flow 5|NULL"};
  EXPECT_TRUE(Soon([&] { return Flows() == wanted; })) << service_->err();
  // Only what changed was read.
  EXPECT_TRUE(Soon([&] { return Lag("flow-definitions", "triggered").at("pending") == 0; }));
  EXPECT_LT(Lag("flow-definitions", "triggered").at("rows").get<int>(), 5 + 5);
}

TEST_F(EventsTest, ManyEventsMakeFewRuns) {
  DeclareFlows();
  ServeUntilFollowing({"flow-definitions"});
  ASSERT_TRUE(Soon([&] { return Flows().size() == 5; })) << service_->err();
  for (int i = 0; i < 300; ++i) {
    Source(fmt::format("insert into flows values ({}, 'many')", 100 + i));
  }
  EXPECT_TRUE(Soon([&] { return Flows().size() == 305; })) << service_->err();
  EXPECT_LT(Runs("flow-definitions"), 100U);
}

TEST_F(EventsTest, WhatHappensWhileNobodyServesComesLater) {
  DeclareFlows();
  ServeUntilFollowing({"flow-definitions"});
  ASSERT_TRUE(Soon([&] { return Flows().size() == 5; })) << service_->err();
  service_->Signal(SIGKILL);
  service_->Wait();
  Source("update flows set name = 'meanwhile' where id = 1; delete from flows where id = 2");
  ServeUntilFollowing({"flow-definitions"});
  EXPECT_TRUE(Soon([&] {
    const auto flows = Flows();
    return flows.size() == 4 && flows[0] == "1|meanwhile|{\"nodes\": [1]}";
  })) << service_->err();
  // By its key: the first event of a watch is everything, and this was not its first.
  EXPECT_LE(Lag("flow-definitions", "triggered").at("rows").get<int>(), 2);
}

TEST_F(EventsTest, ATruncateIsEverything) {
  DeclareFlows();
  ServeUntilFollowing({"flow-definitions"});
  ASSERT_TRUE(Soon([&] { return Flows().size() == 5; })) << service_->err();
  Source("truncate flows; insert into flows values (9, 'only')");
  EXPECT_TRUE(Soon([&] { return Flows() == std::vector<std::string>{"9|only|NULL"}; }))
      << service_->err();
}

TEST_F(EventsTest, AFailureIsTriedAgainAndLosesNothing) {
  DeclareFlows();
  ServeUntilFollowing({"flow-definitions"});
  ASSERT_TRUE(Soon([&] { return Flows().size() == 5; })) << service_->err();
  Source("alter table revisions rename to away; update flows set name = 'late' where id = 1");
  EXPECT_TRUE(Soon([&] { return Lag("flow-definitions", "triggered").at("state") == "retrying"; }))
      << service_->err();
  EXPECT_THAT(Lag("flow-definitions", "triggered").at("error").get<std::string>(),
              testing::HasSubstr("revisions"));
  Source("alter table away rename to revisions");
  EXPECT_TRUE(Soon([&] { return Flows().at(0) == "1|late|{\"nodes\": [1]}"; })) << service_->err();
}

TEST_F(EventsTest, ASnapshotRunsAsAWholeWhenItsTableChanges) {
  estate_.Integration("flows",
                      "source: { connection: src, table: public.flows }\n"
                      "destination: { table: dw.d.flows }\nmode: snapshot\n"
                      "trigger: { on: change }\n");
  ServeUntilFollowing({"flows"});
  const auto count = [&] {
    const Outcome asked = estate_.Run({"tables", "--json"});
    if (asked.out.find("flows") == std::string::npos) return std::string();
    return WarehouseLines("select count(*)::varchar from dw.d.flows").front();
  };
  ASSERT_TRUE(Soon([&] { return count() == "5"; })) << service_->err();
  Source("insert into flows values (6, 'six')");
  EXPECT_TRUE(Soon([&] { return count() == "6"; })) << service_->err();
}

// From PostgreSQL into the warehouse and, for that it was updated there, back into PostgreSQL.
TEST_F(EventsTest, AnAssetThatIsUpdatedTriggers) {
  Source(
      "create table activity(user_id int primary key, replies int);"
      "insert into activity values (1, 3), (2, 0);"
      "create table predictions(user_id int primary key, score double precision)");
  estate_.Integration("scores",
                      "source: { connection: src, table: public.activity }\n"
                      "destination: { table: dw.d.scores, key: [user_id] }\nmode: cdc\n"
                      "transform: select user_id, replies / 10.0::double as score from batch\n");
  estate_.Integration(
      "predictions",
      "source: { warehouse_table: dw.d.scores }\n"
      "destination: { connection: src, table: public.predictions, key: [user_id] }\n"
      "mode: event\ndeletes: delete\ntrigger: { on: asset }\n");
  ServeUntilFollowing({"scores"});
  const auto predictions = [&] {
    return SourceLines("select user_id, score from predictions order by 1");
  };
  EXPECT_TRUE(Soon([&] { return predictions() == std::vector<std::string>{"1|0.3", "2|0"}; }))
      << service_->err() << testing::PrintToString(predictions());
  Source(
      "update activity set replies = 5 where user_id = 2; delete from activity where user_id = 1");
  EXPECT_TRUE(Soon([&] { return predictions() == std::vector<std::string>{"2|0.5"}; }))
      << service_->err() << testing::PrintToString(predictions());
}

TEST_F(EventsTest, RunTakesEverythingWithoutAService) {
  DeclareFlows();
  EXPECT_EQ(RunOk("flow-definitions").rows, 5);
  Source("delete from flows where id = 1");
  EXPECT_EQ(RunOk("flow-definitions").rows, 4);
  EXPECT_EQ(Flows().size(), 4U);
}

}  // namespace
}  // namespace afluente::test

// `afluente check` asks source databases whether they can be followed, and says the cure.
#include <fmt/format.h>

#include <csignal>

#include "support/following.h"

namespace afluente::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CdcCheckTest : public FollowingTest {
 protected:
  CdcCheckTest() { Source("create table a(id int primary key, v text)"); }

  /// The findings of `check --json` as "file:line:column: message".
  std::vector<std::string> Findings(const std::vector<std::string>& flags = {}) {
    std::vector<std::string> args = {"check", "--json"};
    args.insert(args.end(), flags.begin(), flags.end());
    last_ = estate_.Run(args);
    std::vector<std::string> findings;
    const auto document = nlohmann::json::parse(last_.out);
    for (const auto& row : document.at("findings")) {
      findings.push_back(fmt::format("{}:{}:{}: {}", row.at("file").get<std::string>(),
                                     row.at("line").get<int>(), row.at("column").get<int>(),
                                     row.at("message").get<std::string>()));
    }
    EXPECT_EQ(last_.exit_code, findings.empty() ? 0 : 1) << last_.ToString();
    return findings;
  }

  /// Asks as a role of this test's own, which goes with it.
  void AskAs(const std::string& role, const std::string& attributes) {
    PgCluster::Shared().Exec(
        fmt::format("create role {0} login {1} password 'secret-of-{0}'", role, attributes));
    role_ = role;
    estate_.SetEnv("SRC_DSN", database_->dsn(role, "secret-of-" + role));
  }
  void TearDown() override {
    if (!role_.empty()) Source(fmt::format("drop owned by {0}; drop role {0}", role_));
  }

  Outcome last_;
  std::string role_;
};

TEST_F(CdcCheckTest, ReadyIsCleanAndChangesNothing) {
  Follow("a");
  EXPECT_THAT(Findings(), IsEmpty());
  EXPECT_THAT(SourceLines("select count(*) from pg_publication"), ElementsAre("0"));
  EXPECT_FALSE(std::filesystem::exists(estate_.state()));
}

TEST_F(CdcCheckTest, EveryTableIsToldOfAtItsPlace) {
  Source(
      "create table nokey(v text); create table nothing(id int primary key);"
      "alter table nothing replica identity nothing; create table whole(id int primary key);"
      "alter table whole replica identity full; create view seen as select 1 as id;"
      "create table late(id int primary key deferrable);"
      "create table g(id int primary key, twice int generated always as (id * 2) stored)");
  Follow("a", "columns: { w: { mask: redact } }");
  for (const char* name : {"nokey", "nothing", "whole", "seen", "late", "g", "gone"}) Follow(name);
  estate_.Integration("other-key",
                      "source: { connection: src, table: public.a }\n"
                      "destination: { table: dw.d.other, key: [v] }\nmode: cdc\n");
  const auto findings = Findings();
  EXPECT_THAT(
      findings,
      testing::UnorderedElementsAre(
          AllOf(HasSubstr("integrations/a.yaml:5:"),
                HasSubstr("column \"w\" is not in the source")),
          AllOf(HasSubstr("integrations/nokey.yaml:2:"), HasSubstr("nokey has no primary key")),
          AllOf(HasSubstr("integrations/nothing.yaml:2:"), HasSubstr("REPLICA IDENTITY DEFAULT")),
          AllOf(HasSubstr("integrations/whole.yaml:3:"), HasSubstr("key: [id]")),
          AllOf(HasSubstr("integrations/seen.yaml:2:"), HasSubstr("public.seen is not a table")),
          AllOf(HasSubstr("integrations/late.yaml:2:"), HasSubstr("late has no primary key")),
          AllOf(HasSubstr("integrations/g.yaml:1:"), HasSubstr("twice: { exclude: true }")),
          AllOf(HasSubstr("integrations/gone.yaml:2:"), HasSubstr("public.gone: does not exist")),
          AllOf(HasSubstr("integrations/other-key.yaml:3:"), HasSubstr("key [v] is not what"))));
  for (const std::string& finding : findings) EXPECT_THAT(finding, HasSubstr("connection src: "));
}

TEST_F(CdcCheckTest, AllThatAnIntegrationSaysOfColumnsIsLookedAt) {
  Source("create table whole(id int, v text); alter table whole replica identity full");
  estate_.Integration("whole",
                      "source: { connection: src, table: public.whole }\n"
                      "destination: { table: dw.d.whole, key: [idd] }\nmode: cdc\n");
  Follow("a", "columns: { id: { exclude: true } }");
  EXPECT_THAT(Findings(), ElementsAre(HasSubstr("column \"id\" identifies the rows of public.a"),
                                      HasSubstr("no column of public.whole arrives as \"idd\"")));
  Follow("a", "columns: { vv: { mask: redact }, idd: { mask: hash } }");
  estate_.Integration("whole",
                      "source: { connection: src, table: public.whole }\n"
                      "destination: { table: dw.d.whole, key: [id] }\nmode: cdc\n");
  EXPECT_THAT(Findings(), ElementsAre(HasSubstr("column \"idd\" is not in the source"),
                                      HasSubstr("column \"vv\" is not in the source")));
}

TEST_F(CdcCheckTest, WhatARoleMayNotDo) {
  Source("create schema hidden; create table hidden.b(id int primary key)");
  AskAs("checker", "");
  Follow("a");
  Declare("b", "hidden.b", "dw.d.b", "mode: cdc");
  EXPECT_THAT(
      Findings(),
      ElementsAre(
          AllOf(HasSubstr("estate.yaml:7:"), HasSubstr("ALTER ROLE \"checker\" REPLICATION")),
          AllOf(HasSubstr("integrations/a.yaml:2:"),
                HasSubstr("GRANT SELECT ON public.a TO \"checker\"")),
          AllOf(HasSubstr("integrations/b.yaml:2:"),
                HasSubstr("GRANT USAGE ON SCHEMA \"hidden\" TO \"checker\"")),
          AllOf(HasSubstr("estate.yaml:7:"), HasSubstr("may not CREATE in database"),
                HasSubstr("does not own public.a"),
                HasSubstr("must run: CREATE PUBLICATION \"afluente_trial_src\" FOR TABLE public.a "
                          "WITH (publish_via_partition_root = true)"))));
}

TEST_F(CdcCheckTest, TheStatementsThatItNamesAreTheCure) {
  Source("create table b(id int primary key)");
  AskAs("cured", "replication");
  Source("grant select (id, v) on a to cured; grant select on b to cured");
  Follow("a");
  const auto first = Findings();
  ASSERT_EQ(first.size(), 1U);
  const auto sql_of = [](const std::string& finding) {
    return finding.substr(finding.find("must run: ") + std::string("must run: ").size());
  };
  Source(sql_of(first[0]));
  EXPECT_THAT(Findings(), IsEmpty());
  Follow("b");
  const auto second = Findings();
  ASSERT_EQ(second.size(), 1U) << last_.out;
  EXPECT_THAT(second[0],
              AllOf(HasSubstr("integrations/b.yaml:2:"),
                    HasSubstr("ALTER PUBLICATION \"afluente_trial_src\" ADD TABLE public.b")));
  Source(sql_of(second[0]));
  EXPECT_THAT(Findings(), IsEmpty());
  RunOk("b");
}

TEST_F(CdcCheckTest, APublicationOfAllTablesHoldsThem) {
  AskAs("allowed", "replication");
  Source(
      "grant select on a to allowed; create table p(id int primary key) partition by list (id);"
      "grant select on p to allowed");
  Follow("a");
  Follow("p");
  Source("create publication afluente_trial_src for all tables");
  EXPECT_THAT(Findings(), ElementsAre(HasSubstr("ALTER PUBLICATION \"afluente_trial_src\" SET "
                                                "(publish_via_partition_root = true)")));
  Source("alter publication afluente_trial_src set (publish_via_partition_root = true)");
  EXPECT_THAT(Findings(), IsEmpty());
  RunOk("a");
}

TEST_F(CdcCheckTest, ASlotOfAnotherDatabaseIsInTheWay) {
  const auto other = PgCluster::Shared().CreateDatabase();
  other->Exec("select pg_create_logical_replication_slot('afluente_trial_src', 'pgoutput')");
  Follow("a");
  EXPECT_THAT(Findings(), ElementsAre(HasSubstr("belongs to database " + other->name())));
}

TEST_F(CdcCheckTest, AConnectionWithoutItsVariableIsNotAsked) {
  Source("create table nokey(v text)");
  Follow("nokey");
  EXPECT_THAT(Findings(), ElementsAre(HasSubstr("no primary key")));
  EXPECT_THAT(Findings({"--offline"}), IsEmpty());
  Command command = estate_.Afluente({"check"});
  command.env.erase("SRC_DSN");
  const Outcome outcome = RunCommand(command);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  EXPECT_THAT(outcome.err,
              HasSubstr("not asked: connection src: the environment variable SRC_DSN"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("warning")));
}

TEST_F(CdcCheckTest, AServerThatRefusesIsAFinding) {
  Follow("a");
  estate_.SetEnv("SRC_DSN", database_->dsn("reader", "a-wrong-secret"));
  const auto findings = Findings();
  EXPECT_THAT(findings,
              ElementsAre(AllOf(HasSubstr("estate.yaml:7:"), HasSubstr("authentication failed"))));
  EXPECT_THAT(last_.out + last_.err, Not(HasSubstr("a-wrong-secret")));
}

TEST_F(CdcCheckTest, AServerThatDoesNotAnswerKeepsNobodyWaiting) {
  Follow("a");
  estate_.SetEnv("SRC_DSN", "host=/nowhere dbname=x user=x");
  EXPECT_THAT(Findings(), IsEmpty());
  EXPECT_THAT(last_.err, HasSubstr("warning: not asked: connection src: "));
}

TEST(CdcCheckServerTest, AServerThatStandsStillKeepsNobodyWaiting) {
  PgCluster cluster;
  const EstateFolder estate({{"src", cluster.Dsn("postgres")}});
  estate.Integration("a",
                     "source: { connection: src, table: public.a }\n"
                     "destination: { table: dw.d.a }\nmode: cdc\n");
  cluster.Signal(SIGSTOP);
  const Outcome outcome = estate.Run({"check"});
  cluster.Signal(SIGCONT);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  EXPECT_THAT(outcome.err, HasSubstr("not asked: connection src: no answer from the server"));
  EXPECT_LT(outcome.wall, std::chrono::seconds(20));
}

TEST(CdcCheckServerTest, NothingIsFree) {
  PgCluster cluster("wal_level = replica\nmax_replication_slots = 0\nmax_wal_senders = 0\n");
  const auto database = cluster.CreateDatabase();
  database->Exec("create table a(id int primary key)");
  const EstateFolder estate({{"src", database->dsn()}});
  estate.Integration("a",
                     "source: { connection: src, table: public.a }\n"
                     "destination: { table: dw.d.a }\nmode: cdc\n");
  const Outcome outcome = estate.Run({"check"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome.ToString();
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("ALTER SYSTEM SET wal_level = logical"),
                                 HasSubstr("raise max_replication_slots"),
                                 HasSubstr("raise max_wal_senders"), HasSubstr("3 findings")));
}

}  // namespace
}  // namespace afluente::test

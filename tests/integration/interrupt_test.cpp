// A run that is stopped, and two commands that want one state folder.
#include <fmt/format.h>

#include <chrono>
#include <csignal>

#include "support/movement.h"

namespace afluente::test {
namespace {

using std::chrono::steady_clock;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

/// `t` and `slow` stand moved, one row each; by now the view behind `slow`
/// takes minutes to read.
class InterruptTest : public MovementTest {
 protected:
  InterruptTest() {
    Source(
        "create table t(id int); insert into t values (1);"
        "create view slow as select 1 as id, false as x");
    Declare("");
    Declare("slow", "public.slow", "dw.d.slow", "");
    RunOk("t");
    RunOk("slow");
    Source(
        "create or replace view slow as select i as id, pg_sleep(0.01) is null as x "
        "from generate_series(1, 100000) i");
  }

  int Readers() {
    return std::stoi(
        database_->Value("select count(*) from pg_stat_activity where datname = current_database() "
                         "and pid <> pg_backend_pid()"));
  }
  bool IsReading() {
    return database_->Value(
               "select count(*) from pg_stat_activity where datname = current_database() "
               "and pid <> pg_backend_pid() and state = 'active' and query ilike '%copy%'") != "0";
  }
  void WaitUntilReading(const Process& process) {
    const auto deadline = steady_clock::now() + std::chrono::seconds(30);
    while (!IsReading()) {
      ASSERT_FALSE(process.EndsWithin(std::chrono::milliseconds(5))) << process.err();
      ASSERT_LT(steady_clock::now(), deadline);
    }
  }
  void ExpectServerIsFreeSoon() {
    const auto deadline = steady_clock::now() + std::chrono::seconds(20);
    while (Readers() > 0 && steady_clock::now() < deadline) {
      database_->Query("select pg_sleep(0.01)");
    }
    EXPECT_EQ(Readers(), 0) << "a session still works for a run that is gone";
  }
};

class StopSignalTest : public InterruptTest, public testing::WithParamInterface<int> {};

TEST_P(StopSignalTest, StopsCleanly) {
  Process process(estate_.Afluente({"run", "slow"}));
  WaitUntilReading(process);
  const auto asked = steady_clock::now();
  process.Signal(GetParam());
  const Outcome outcome = process.Wait(std::chrono::seconds(30));
  EXPECT_EQ(outcome.exit_code, 130) << outcome.ToString();
  EXPECT_LT(steady_clock::now() - asked, std::chrono::seconds(5));
  EXPECT_THAT(WarehouseLines("select count(*) from dw.d.slow"), ElementsAre("1"));
  EXPECT_THAT(WarehouseLines("select table_name from information_schema.tables "
                             "where table_catalog = 'dw' and table_schema = 'd'"),
              UnorderedElementsAre("t", "slow"));
  ExpectServerIsFreeSoon();
  RunOk("t");
}

INSTANTIATE_TEST_SUITE_P(By, StopSignalTest, testing::Values(SIGINT, SIGTERM),
                         [](const auto& row) { return row.param == SIGINT ? "Int" : "Term"; });

TEST_F(InterruptTest, JsonSaysCancelled) {
  Process process(estate_.Afluente({"run", "slow", "--json"}));
  WaitUntilReading(process);
  process.Signal(SIGINT);
  const Outcome outcome = process.Wait(std::chrono::seconds(30));
  EXPECT_EQ(outcome.exit_code, 130);
  const auto document = nlohmann::json::parse(outcome.out, nullptr, false);
  ASSERT_FALSE(document.is_discarded()) << outcome.ToString();
  EXPECT_THAT(document.dump(), HasSubstr("cancelled"));
}

TEST_F(InterruptTest, ASecondRunIsToldWhoHoldsTheState) {
  Process first(estate_.Afluente({"run", "slow"}));
  WaitUntilReading(first);
  const Outcome second = estate_.Run({"run", "t"});
  EXPECT_THAT(second.exit_code, AnyOf(1, 2, 3)) << second.ToString();
  EXPECT_THAT(second.err, HasSubstr(std::to_string(first.pid())));
  // Reading is either served or refused with the same words.
  const Outcome query =
      estate_.Run({"query", "select count(*) as n from dw.d.t", "--format", "csv"});
  if (query.exit_code == 0) {
    EXPECT_EQ(query.out, "n\r\n1\r\n");
  } else {
    EXPECT_THAT(query.err, HasSubstr(std::to_string(first.pid())));
  }
  first.Signal(SIGKILL);
  EXPECT_EQ(first.Wait().exit_code, 128 + SIGKILL);
  // The lock of a dead process holds nobody up.
  RunOk("t");
}

TEST_F(InterruptTest, AnotherStateFolderIsNotHeld) {
  Process first(estate_.Afluente({"run", "slow"}));
  WaitUntilReading(first);
  const Outcome second = estate_.Run({"run", "t", "--state", estate_.path() / "second"});
  EXPECT_EQ(second.exit_code, 0) << second.ToString();
}

}  // namespace
}  // namespace afluente::test

// A followed database's disk: what its slot keeps is watched, told, and in the end let go of.
#include <fmt/format.h>

#include <csignal>
#include <memory>

#include "base/c_handle.h"
#include "support/serving.h"

namespace afluente::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SlotGuardTest : public ServingTest {
 protected:
  SlotGuardTest() {
    Source(
        "create table t(id int primary key, name text); insert into t values (1, 'one');"
        "create table filler(v text); create table held(v text)");
    Follow("t");
  }

  void Limits(const std::string& yaml) {
    estate_.Write("estate.yaml",
                  "estate: trial\nprojects:\n  dw: {}\nconnections:\n"
                  "  src: { type: postgres, project: dw, dsn: \"${env:SRC_DSN}\", " +
                      yaml + " }\n");
  }

  /// About `megabytes` of log that no integration reads.
  void WriteLog(int megabytes) {
    Source(
        fmt::format("insert into filler select repeat('x', 1000) from generate_series(1, {}); "
                    "truncate filler",
                    megabytes * 1000));
  }

  nlohmann::json Slot() const {
    const Outcome outcome = estate_.Run({"lag", "--json"});
    if (outcome.exit_code != 0) return nlohmann::json::object();
    const auto lag = nlohmann::json::parse(outcome.out);
    return lag.at("slots").empty() ? nlohmann::json::object() : lag.at("slots").at(0);
  }
  std::string Health() const { return Slot().value("health", ""); }
  bool Says(const std::string& words) const {
    return service_->err().find(words) != std::string::npos;
  }

  /// A transaction that keeps the log from where it began, however far the stream is.
  PgSession HoldTheLog() {
    PgSession open(database_->dsn());
    open.Exec("begin; insert into held values ('open')");
    return open;
  }

  using Session = std::unique_ptr<PGconn, FreeWith<PQfinish>>;
  /// Somebody else who has begun to read the slot and does not read on.
  Session ReadSlotAndStandStill() {
    Session session(PQconnectdb((database_->dsn() + " replication=database").c_str()));
    EXPECT_TRUE(Soon([&] {
      Source(
          "select pg_terminate_backend(active_pid, 5000) from pg_replication_slots where active");
      const std::unique_ptr<PGresult, FreeWith<PQclear>> started(
          PQexec(session.get(),
                 "START_REPLICATION SLOT afluente_trial_src LOGICAL 0/0 (proto_version '1', "
                 "publication_names 'afluente_trial_src')"));
      return PQresultStatus(started.get()) == PGRES_COPY_BOTH;
    })) << PQerrorMessage(session.get());
    return session;
  }

  /// Ends the service, which holds the warehouse.
  void NothingDiffers() {
    service_->Signal(SIGTERM);
    EXPECT_EQ(service_->Wait().exit_code, 0);
    EXPECT_EQ(Differences("t"), 0);
  }

  static constexpr const char* kRows = "select id, name from {}t order by id";
  bool IsSame() {
    return WarehouseLines(With(kRows, "dw.d.")) == SourceLines(With(kRows, "public."));
  }
};

TEST_F(SlotGuardTest, LogThatATransactionKeepsIsToldAndGoesWithIt) {
  Limits("max_retained_wal: 8MB");
  ServeUntilFollowing({"t"});
  EXPECT_EQ(Health(), "ok");
  EXPECT_EQ(Slot().at("max_retained_bytes"), 8 << 20);
  EXPECT_EQ(Slot().at("drop_above_bytes"), nullptr);
  auto open = HoldTheLog();
  WriteLog(20);
  EXPECT_TRUE(Soon([&] { return Says("more than max_retained_wal (8 MB)"); })) << service_->err();
  EXPECT_EQ(Health(), "above_max_retained_wal");
  EXPECT_GT(Slot().at("retained_bytes"), 8 << 20);
  EXPECT_EQ(Slot().at("wal_status"), "reserved");
  EXPECT_THAT(estate_.Run({"lag"}).out,
              AllOf(HasSubstr(" MB of log ("), HasSubstr("more than max_retained_wal, 8 MB")));
  open.Exec("commit");
  EXPECT_TRUE(Soon([&] {
    Source("checkpoint");  // It notes from where on the log is needed.
    return Says("within its limits again");
  })) << service_->err();
  EXPECT_EQ(Health(), "ok");
  EXPECT_THAT(service_->err(), Not(HasSubstr("dropped")));
}

TEST_F(SlotGuardTest, APausedTableIsCopiedAgainWhenItsSlotWasDropped) {
  Limits("max_retained_wal: 4MB, drop_slot_above: 16MB");
  ServeUntilFollowing({"t"});
  ASSERT_EQ(estate_.Run({"pause", "t"}).exit_code, 0);
  auto open = HoldTheLog();
  Source("insert into t values (2, 'two'); delete from t where id = 1");
  WriteLog(8);
  EXPECT_TRUE(Soon([&] { return Says("more than max_retained_wal (4 MB)"); })) << service_->err();
  WriteLog(20);
  EXPECT_TRUE(Soon([&] { return Says("slot afluente_trial_src was dropped"); })) << service_->err();
  EXPECT_TRUE(Says("more than drop_slot_above (16 MB)")) << service_->err();
  EXPECT_EQ(database_->Value("select count(*) from pg_replication_slots where slot_name = "
                             "'afluente_trial_src'"),
            "0");
  EXPECT_EQ(StateOf("t"), "paused");
  open.Exec("commit");
  ASSERT_EQ(estate_.Run({"resume", "t"}).exit_code, 0);
  EXPECT_TRUE(Soon([&] { return IsSame(); })) << service_->err();
  Source("insert into t values (3, 'three')");
  EXPECT_TRUE(Soon([&] { return IsSame(); })) << service_->err();
  NothingDiffers();
}

TEST_F(SlotGuardTest, ASlotThatIsReadIsDroppedTooAndTheTableCopiedAgain) {
  Limits("max_retained_wal: 4MB, drop_slot_above: 16MB");
  ServeUntilFollowing({"t"});
  auto open = HoldTheLog();
  Source("insert into t values (2, 'two')");
  EXPECT_TRUE(Soon([&] {
    WriteLog(4);
    Source("checkpoint");
    return Says("slot afluente_trial_src was dropped");
  })) << service_->err();
  open.Exec("commit");
  Source("delete from t where id = 1; insert into t values (3, 'three')");
  EXPECT_TRUE(Soon([&] { return IsSame() && StateOf("t") == "following"; })) << service_->err();
  NothingDiffers();
}

TEST_F(SlotGuardTest, WhoReadsTheSlotAndStandsStillIsEnded) {
  Limits("max_retained_wal: 4MB, drop_slot_above: 16MB");
  ServeUntilFollowing({"t"});
  const auto other = ReadSlotAndStandStill();
  WriteLog(40);
  EXPECT_TRUE(Soon([&] { return Says("slot afluente_trial_src was dropped"); })) << service_->err();
  EXPECT_TRUE(Says("does not let go of it and is ended"));
  Source("insert into t values (2, 'two')");
  EXPECT_TRUE(Soon([&] { return IsSame(); })) << service_->err();
}

// What another database writes is no change of ours, but log that the slot would keep.
TEST_F(SlotGuardTest, AnIdleDatabaseLetsGoOfWhatAnotherOneWrites) {
  ServeUntilFollowing({"t"});
  const auto other = PgCluster::Shared().CreateDatabase();
  other->Exec("create table busy(v text)");
  const auto confirmed = [&] {
    return database_->Value(
        "select confirmed_flush_lsn from pg_replication_slots where slot_name = "
        "'afluente_trial_src'");
  };
  other->Exec(
      "set synchronous_commit = on; insert into busy select repeat('x', 1000) from "
      "generate_series(1, 5000)");
  const std::string written = other->Value("select pg_current_wal_lsn()");
  EXPECT_TRUE(Soon([&] {
    return database_->Value(
               fmt::format("select '{}'::pg_lsn >= '{}'::pg_lsn", confirmed(), written)) == "t";
  })) << "the slot stands at "
      << confirmed() << ", the log ends at " << written;
}

/// A server that keeps hardly any log for slots.
class StrictServerTest : public SlotGuardTest {
 protected:
  StrictServerTest() : server_("max_slot_wal_keep_size = 1MB\nmax_wal_size = 64MB\n") {
    database_ = server_.CreateDatabase();
    estate_.SetEnv("SRC_DSN", database_->dsn());
    Source(
        "create table t(id int primary key, name text); insert into t values (1, 'one');"
        "create table filler(v text); create table held(v text)");
  }
  // Both stand on the server, which goes first.
  void TearDown() override {
    service_.reset();
    database_.reset();
  }

  PgCluster server_;
};

TEST_F(StrictServerTest, ASlotThatTheServerTookIsToldAndTheTableCopiedAgain) {
  ServeUntilFollowing({"t"});
  EXPECT_EQ(Slot().at("max_retained_bytes"), nullptr);
  ASSERT_EQ(estate_.Run({"pause", "t"}).exit_code, 0);
  auto open = HoldTheLog();
  Source("insert into t values (2, 'two')");
  EXPECT_TRUE(Soon([&] {
    WriteLog(40);
    Source("checkpoint");
    return Health() == "lost";
  })) << service_->err();
  EXPECT_EQ(Slot().at("wal_status"), "lost");
  EXPECT_THAT(estate_.Run({"lag"}).out, HasSubstr("the server has removed what was not read"));
  EXPECT_TRUE(Soon([&] { return Says("slot afluente_trial_src was lost"); })) << service_->err();
  open.Exec("commit");
  ASSERT_EQ(estate_.Run({"resume", "t"}).exit_code, 0);
  EXPECT_TRUE(Soon([&] { return IsSame() && Health() == "ok"; })) << service_->err();
  NothingDiffers();
}

}  // namespace
}  // namespace afluente::test

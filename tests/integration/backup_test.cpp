// Backup and restore: taken while everything is written, and what goes on from it is whole.
#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "support/inbox_fixture.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class BackupTest : public InboxTest {
 protected:
  BackupTest() {
    Source(
        "create table t(id int primary key, v text); insert into t select i, 'v' || i from "
        "generate_series(1, 2000) i;"
        "create table log(id bigserial primary key, v text); insert into log(v) select 'l' || i "
        "from generate_series(1, 2000) i");
  }

  void DeclareAll() {
    Follow("t");
    Declare("log", "public.log", "dw.d.log",
            "mode: incremental\ncursor: [id]\nwrite: append\ntrigger: { every: 1s }");
    estate_.Integration("raw",
                        "source: { connection: src, table: public.log }\n"
                        "destination: { lake: dw/raw/log }\nmode: snapshot\n"
                        "trigger: { every: 1s }\n");
    Stream("messages",
           "destination: { table: dw.d.messages }\n"
           "transform: SELECT message_id FROM batch\n");
    estate_.Write("models/dw/d/counts.yaml", "materialize: view\n");
    estate_.Write("models/dw/d/counts.sql", "SELECT count(*) AS n FROM dw.d.t\n");
  }

  std::string folder(const std::string& name = "backup") const {
    return (estate_.path() / name).string();
  }

  Outcome RunKilledAt(const std::string& step, const std::vector<std::string>& args) {
    Command command = estate_.Afluente(args);
    command.env["AFLUENTE_KILL_AT"] = step;
    return RunCommand(command);
  }

  static constexpr int kKilled = 128 + SIGKILL;
};

// Writes to everything until it is destroyed.
class Writers {
 public:
  Writers(const std::string& dsn, std::function<bool(const std::string& id)> send) {
    database_ = std::thread([this, dsn] {
      PgSession session(dsn);
      for (int i = 0; !stop_; ++i) {
        session.Exec(
            fmt::format("begin; update t set v = 'changed {0}' where id % 50 = {0} % 50; "
                        "insert into t values ({1}, 'new'); delete from t where id = {2}; "
                        "insert into log(v) values ('late {0}'); commit",
                        i, 10'000 + i, 10'000 + i - 20));
        ++rounds_;
      }
    });
    sender_ = std::thread([this, send = std::move(send)] {
      while (!stop_) {
        const int number = sent_;
        if (!send(fmt::format("m{}", number))) return;
        sent_ = number + 1;
      }
    });
  }
  ~Writers() { Stop(); }
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;

  void Stop() {
    stop_ = true;
    if (database_.joinable()) database_.join();
    if (sender_.joinable()) sender_.join();
  }
  int rounds() const { return rounds_; }
  int sent() const { return sent_; }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<int> rounds_{0};
  std::atomic<int> sent_{0};  // m0 to m(sent - 1) were answered with 200.
  std::thread database_;
  std::thread sender_;
};

TEST_F(BackupTest, TakenWhileAllIsWrittenItGoesOnWithoutLossOrDouble) {
  DeclareAll();
  Serve();
  ASSERT_TRUE(Soon([&] { return StateOf("t") == "following"; })) << service_->err();
  int sent_before = 0;
  {
    Writers writers(database_->dsn(), [&](const std::string& id) {
      return Send("/topics/messages", id, "{}").status == 200;
    });
    ASSERT_TRUE(Soon([&] {
      return writers.sent() > 20 && writers.rounds() > 20 &&
             !Arrived("select 1 from dw.d.messages limit 1").empty() &&
             !Arrived("select 1 from dw.d.log limit 1").empty() &&
             std::filesystem::exists(estate_.state() / "lake/dw/raw/log/_manifest.json");
    })) << service_->err();
    ASSERT_EQ(estate_.Run({"trigger", "counts"}).exit_code, 0);
    sent_before = writers.sent();
    const int rounds_before = writers.rounds();
    const Outcome taken = estate_.Run({"backup", folder(), "--json"});
    ASSERT_EQ(taken.exit_code, 0) << taken.ToString() << service_->err();
    const auto document = nlohmann::json::parse(taken.out);
    EXPECT_GE(document.at("tables"), 3);
    EXPECT_GT(document.at("runs"), 0);
    EXPECT_GT(document.at("lake_files"), 0);
    const int rounds_then = writers.rounds();
    EXPECT_GT(rounds_then, rounds_before) << "nothing was written while the backup was taken";
    // The slot and the schedules go on behind the backup's back.
    const std::string end = SourceLines("select pg_current_wal_lsn()").front();
    UntilSome("select 1 from pg_replication_slots where confirmed_flush_lsn > '" + end + "'");
  }
  service_->Signal(SIGKILL);
  (void)service_->Wait();
  const Outcome restored = estate_.Run({"restore", folder(), "--force", "--json"});
  ASSERT_EQ(restored.exit_code, 0) << restored.ToString();
  EXPECT_EQ(nlohmann::json::parse(restored.out).at("followed"), nlohmann::json::array({"src"}));
  // The slot is ahead of what was restored: `run` says so, the service repairs it.
  Fails({"run", "t"}, 1, {"has gone on without this warehouse", "afluente reconcile t --repair"});
  Serve();
  ASSERT_TRUE(Soon([&] { return StateOf("t") == "following"; })) << service_->err();
  EXPECT_THAT(service_->err(), HasSubstr("compared with the source and repaired"));
  EXPECT_EQ(Differences("t"), 0);
  RunOk("log");
  EXPECT_EQ(Differences("log"), 0);
  EXPECT_EQ(WarehouseLines("select count(*) - count(distinct id) from dw.d.log"),
            std::vector<std::string>{"0"});
  RunOk("raw");
  EXPECT_EQ(WarehouseLines("select count(*)::varchar from lake.\"dw/raw/log\""),
            SourceLines("select count(*) from log"));
  // What had been answered before the backup began is there, once; what came later may
  // be in it or not, but not twice.
  ASSERT_TRUE(Soon([&] {
    const auto row = Lag("messages", "triggered");
    return !row.is_null() && row.at("pending") == 0;
  }));
  EXPECT_EQ(WarehouseLines(fmt::format("select count(distinct message_id) from dw.d.messages where "
                                       "substr(message_id, 2)::int < {}",
                                       sent_before)),
            std::vector<std::string>{std::to_string(sent_before)});
  EXPECT_EQ(WarehouseLines("select count(*) - count(distinct message_id) from dw.d.messages"),
            std::vector<std::string>{"0"});
  EXPECT_EQ(Send("/topics/messages", "new", "{}").status, 200);
  EXPECT_TRUE(Soon([&] {
    return Arrived("select 1 from dw.d.messages where message_id = 'new'").size() == 1;
  })) << "a new message must not be taken for an old one";
}

TEST_F(BackupTest, WithoutAServiceItOpensTheFilesItself) {
  Declare("log", "public.log", "dw.d.log", "mode: incremental\ncursor: [id]");
  Fails({"backup", folder()}, 1, {"nothing to back up"});
  RunOk("log");
  ASSERT_EQ(estate_.Run({"backup", folder()}).exit_code, 0);
  Fails({"backup", folder()}, 2, {"is not empty"});
  Fails({"backup", (estate_.state() / "backup").string()}, 2, {"is inside the state folder"});
  Source("insert into log(v) values ('later')");
  RunOk("log");
  Fails({"restore", folder()}, 2, {"is not empty", "--force"});
  Fails({"restore", folder("nothing")}, 1, {"is no backup", "backup.json"});
  const Outcome restored = estate_.Run({"restore", folder(), "--force", "--json"});
  ASSERT_EQ(restored.exit_code, 0) << restored.ToString();
  const std::string aside = nlohmann::json::parse(restored.out).at("moved_to").at(0);
  EXPECT_TRUE(std::filesystem::exists(aside + "/warehouse/dw.duckdb"));
  EXPECT_EQ(WarehouseLines("select count(*) from dw.d.log"), std::vector<std::string>{"2000"});
  EXPECT_EQ(RunOk("log").rows, 1);
  EXPECT_EQ(Differences("log"), 0);

  // A byte that changed, a file that is missing, another estate's.
  const std::string file = folder() + "/warehouse/dw.duckdb";
  std::string bytes = ReadFile(file);
  bytes[bytes.size() / 2] ^= 1;
  WriteFile(file, bytes);
  Fails({"restore", folder(), "--force"}, 1, {"the backup is damaged", "dw.duckdb", "checksum"});
  std::filesystem::remove(file);
  Fails({"restore", folder(), "--force"}, 1, {"the backup is damaged", "dw.duckdb"});
  EXPECT_EQ(WarehouseLines("select count(*) from dw.d.log"), std::vector<std::string>{"2001"});
  const std::string manifest = ReadFile(folder() + "/backup.json");
  auto newer = nlohmann::json::parse(manifest);
  newer["formats"]["warehouse"] = 99;
  WriteFile(folder() + "/backup.json", newer.dump());
  Fails({"restore", folder(), "--force"}, 1, {"warehouse has version 99", "newer one"});
  auto other = nlohmann::json::parse(manifest);
  other["estate"] = "other";
  WriteFile(folder() + "/backup.json", other.dump());
  Fails({"restore", folder(), "--force"}, 2, {"is a backup of estate other"});
}

TEST_F(BackupTest, AServiceHoldsOffARestore) {
  Follow("t");
  ServeUntilFollowing({"t"});
  ASSERT_EQ(estate_.Run({"backup", folder()}).exit_code, 0);
  Fails({"restore", folder(), "--force"}, 3, {"held by afluente serve"});
  EXPECT_EQ(StateOf("t"), "following");
}

TEST_F(BackupTest, KilledAnywhereABackupIsNoneAndTheNextOneIs) {
  Follow("t");
  RunOk("t");
  for (const char* step : {"backup_pinned", "backup_copied", "backup_checked"}) {
    EXPECT_EQ(RunKilledAt(step, {"backup", folder()}).exit_code, kKilled) << step;
    Fails({"restore", folder(), "--force"}, 1, {"is no backup"});
    Source("update t set v = v || 'x' where id = 1");
    RunOk("t");
    EXPECT_EQ(Differences("t"), 0);
  }
  // The service dies with it, and the next one goes on.
  Command serve = estate_.Afluente({"serve"});
  serve.env["AFLUENTE_KILL_AT"] = "backup_pinned";
  service_.emplace(serve);
  ASSERT_TRUE(Soon([&] { return StateOf("t") == "following"; })) << service_->err();
  EXPECT_NE(estate_.Run({"backup", folder()}).exit_code, 0);
  EXPECT_EQ(service_->Wait().exit_code, kKilled);
  ServeUntilFollowing({"t"});
  ASSERT_EQ(estate_.Run({"backup", folder()}).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(estate_.state() / "copies"));
  EXPECT_THAT(estate_.Run({"tables"}).out, Not(HasSubstr("_afluente")));
}

TEST_F(BackupTest, KilledAnywhereARestoreIsFinishedByTheNextOne) {
  Follow("t");
  RunOk("t");
  ASSERT_EQ(estate_.Run({"backup", folder()}).exit_code, 0);
  const auto rows = WarehouseLines("select count(*), sum(hash(v)) from dw.d.t");
  for (const char* step : {"restore_marked", "restore_moved_aside", "restore_placed:1",
                           "restore_placed:3", "restore_adjusted"}) {
    EXPECT_EQ(RunKilledAt(step, {"restore", folder(), "--force"}).exit_code, kKilled) << step;
    Fails({"query", "select 1"}, 2, {"a restore of state folder", "afluente restore"});
    Fails({"run", "t"}, 2, {"a restore of state folder"});
    const Outcome again = estate_.Run({"restore", folder()});
    ASSERT_EQ(again.exit_code, 0) << step << again.ToString();
    EXPECT_EQ(WarehouseLines("select count(*), sum(hash(v)) from dw.d.t"), rows) << step;
  }
  Source("insert into t values (100001, 'after')");
  RunOk("t");
  EXPECT_EQ(Differences("t"), 0);
}

}  // namespace
}  // namespace afluente::test

// Changes while everything breaks: a writer changes six tables at random, `run --all` is killed at
// random moments, the server crashes, connections are cut. In the end both sides are the same, also
// where the warehouse keeps what was deleted, or every change.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <random>
#include <thread>

#include "support/following.h"

namespace afluente::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

int FromEnv(const char* name, int fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? fallback : std::atoi(value);
}

constexpr int kTables = 6;
constexpr int kTransactionsPerRun = 200;
// A run takes seconds; on a machine that does other things, minutes.
constexpr seconds kPatience(600);

/// Random transactions on tables c0 ... c5, from a seed. Survives the server.
class Writer {
 public:
  Writer(std::string dsn, unsigned seed) : dsn_(std::move(dsn)), random_(seed) {}

  static std::string Setup() {
    return
        // Large values out of line, and keys that change.
        "create table c0(id int primary key, name text, blob text);"
        "alter table c0 alter blob set storage external;"
        // A key of two columns, of text.
        "create table c1(id int, kind text, n numeric(12,3), at timestamptz, primary key (id, "
        "kind));"
        // The whole old row.
        "create table c2(id int primary key, doc jsonb, blob text, tags text[]);"
        "alter table c2 replica identity full; alter table c2 alter blob set storage external;"
        // A type without a binary form.
        "create table c3(id int primary key, span int4range, addr inet, day date);"
        "create table c4(id bigint primary key, flag bool, u uuid, bytes bytea, f float8) "
        "partition by range (id);"
        "create table c4_low partition of c4 for values from (minvalue) to (500);"
        "create table c4_high partition of c4 for values from (500) to (maxvalue);"
        // No key: equal rows, and only whole ones have a name.
        "create table c5(id int, note text, blob text); alter table c5 replica identity full;"
        "alter table c5 alter blob set storage external";
  }

  /// So many transactions from now on, then a rest until the next call: a slow machine has less to
  /// do, not more to catch up with in each run.
  void Allow(int transactions) {
    {
      const std::scoped_lock lock(mutex_);
      allowed_ = transactions;
    }
    is_allowed_.notify_one();
  }

  /// Until `stop`. What fails is rolled back by the server and done no more.
  void Work(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      try {
        PgSession session(dsn_);
        while (MayGoOn(stop)) {
          try {
            session.Exec(Transaction());
            ++done_;
          } catch (const std::exception& error) {
            ++failed_;
            session.Exec("rollback");  // Fails when the connection is gone.
          }
          Rest(stop, milliseconds(Below(15)));
        }
      } catch (const std::exception&) {
        Rest(stop, milliseconds(20));  // The server is coming up again.
      }
    }
  }

  int done() const { return done_; }
  int failed() const { return failed_; }

 private:
  /// Waits until it may. False: never again.
  bool MayGoOn(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!is_allowed_.wait(lock, stop, [this] { return allowed_ > 0; })) return false;
    --allowed_;
    return true;
  }

  /// Until `stop`, or `time` at most: what sets the writer's pace.
  static void Rest(const std::stop_token& stop, milliseconds time) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, stop, time, [] { return false; });
  }

  int Below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  int Id() { return Below(1'000); }

  std::string Insert(int table, const std::string& ids) {
    switch (table) {
      case 0:
        return fmt::format(
            "insert into c0(id, name, blob) select i, 'n' || i, repeat(md5((i + {})::text), {}) "
            "from {} on "
            "conflict do nothing",
            Below(1000), Below(3) * 100, ids);
      case 1:
        return fmt::format(
            "insert into c1(id, kind, n, at) select i, chr(97 + i % 5), i / 7.0, now() from {} on "
            "conflict "
            "do nothing",
            ids);
      case 2:
        return fmt::format(
            "insert into c2(id, doc, blob, tags) select i, jsonb_build_object('a', i), repeat('x', "
            "{}), "
            "array['t' || i, null] from {} on conflict do nothing",
            Below(3) * 4'000, ids);
      case 3:
        return fmt::format(
            "insert into c3(id, span, addr, day) select i, int4range(i, i + 5), ('10.0.0.' || i % "
            "250)::inet, date '2026-01-01' + i from {} on conflict do nothing",
            ids);
      case 5:
        return fmt::format(
            "insert into c5(id, note, blob) select i / 2 * 2, nullif('k' || i / 2 % 3, 'k0'), case "
            "when i "
            "/ 2 % 9 = 0 then repeat('{}', 4000) end from {}",
            Below(3), ids);
      default:
        return fmt::format(
            "insert into c4(id, flag, u, bytes, f) select i, i % 2 = 0, md5(i::text)::uuid, "
            "decode(md5(i::text), 'hex'), i / 3.0 from {} on conflict do nothing",
            ids);
    }
  }

  std::string Update(int table, int step) {
    static constexpr const char* kSets[kTables] = {
        "name = name || 'u'",        "n = n + 1, at = now()",
        "doc = doc || '{\"b\": 1}'", "span = int4range(1, 9), day = day + 1",
        "f = -f, flag = not flag",   "note = 'u' || id"};
    return fmt::format("update c{} set {} where id % 37 = {}", table, kSets[table], step % 37);
  }

  std::string Statement() {
    const int table = Below(kTables);
    const int what = Below(100);
    if (what < 6 && !added_.empty()) {
      const auto& [of, column] =
          added_[static_cast<std::size_t>(Below(static_cast<int>(added_.size())))];
      return fmt::format("update c{} set x{} = 'x{}' where id % 23 = {}", of, column, Below(99),
                         Below(23));
    }
    if (what < 35)
      return Insert(table, fmt::format("generate_series({0}, {0} + {1}) i", Id(), Below(20)));
    if (what < 60) return Update(table, Below(37));
    if (what < 70)
      return fmt::format(
          "update c{0} set id = id + 1000 where id = {1} and not exists (select from c{0} where id "
          "= {1} + 1000)",
          table, Id());
    if (what < 75)
      return fmt::format(
          "update c{0} set id = id - 1000 where id > 1000 and id - 1000 not in (select id from "
          "c{0})",
          table);
    if (what < 80 && table == 0)
      return fmt::format("update c0 set blob = repeat('new', {}) where id % 41 = {}",
                         1 + Below(2'000), Below(41));
    return fmt::format("delete from c{} where id between {} and {} + 5", table, Id(), Id());
  }

  std::string Transaction() {
    const int what = Below(1'000);
    const int table = Below(kTables);
    if (what < 2) return fmt::format("truncate c{}", table);
    if (what < 3) return fmt::format("truncate c{}, c{}", table, (table + 1) % kTables);
    if (what < 9 && columns_ < 12) {
      added_.emplace_back(table, columns_);
      return fmt::format("alter table c{} add x{} text{}", table, columns_++,
                         Below(2) == 0 ? " default 'was there'" : "");
    }
    if (what < 15) {  // Large, sent before it commits, with parts that are undone.
      const std::string many =
          fmt::format("generate_series({0}, {0} + 6000) i", 10'000 + Below(20'000));
      return fmt::format(
          "begin; {}; savepoint a; {}; delete from c{} where id % 3 = 0; rollback to a; {}; "
          "delete from c{} where id > 10000; commit",
          Insert(table, many), Insert((table + 1) % kTables, many), table, Update(table, Id()),
          (table + 2) % kTables);
    }
    std::string sql = "begin; ";
    for (int i = Below(6); i >= 0; --i) {
      if (Below(6) == 0) {
        sql += fmt::format("savepoint s; {}; {}; {} s; ", Statement(), Statement(),
                           Below(2) == 0 ? "rollback to" : "release");
      }
      sql += Statement() + "; ";
    }
    return sql + (Below(12) == 0 ? "rollback" : "commit");
  }

  const std::string dsn_;
  std::mt19937 random_;
  int columns_ = 0;
  std::vector<std::pair<int, int>> added_;  // Tables and the numbers of columns they got.
  std::mutex mutex_;
  std::condition_variable_any is_allowed_;
  int allowed_ = 0;
  std::atomic<int> done_{0};
  std::atomic<int> failed_{0};
};

class CdcChaosTest : public FollowingTest {
 protected:
  CdcChaosTest()
      : seed_(FromEnv("AFLUENTE_CHAOS_SEED", static_cast<int>(std::random_device()() % 1000000))),
        random_(static_cast<unsigned>(seed_)) {
    Source(Writer::Setup());
    for (int i = 0; i < kTables; ++i) {
      const std::string name = fmt::format("c{}", i);
      Declare(name, "public." + name, "dw.d." + name + (i == 2 ? ", key: [id]" : ""), "mode: cdc");
    }
    Declare("marked", "public.c0", "dw.d.marked", "mode: cdc\nform: soft_delete");
    Declare("history", "public.c0", "dw.d.history", "mode: cdc\nform: history");
    estate_.SetEnv("SRC_DSN", database_->dsn() + " options='-c logical_decoding_work_mem=64kB'");
  }

  const int seed_;
  std::mt19937 random_;
};

TEST_F(CdcChaosTest, BothSidesAreTheSameInTheEnd) {
  const int wanted = FromEnv("AFLUENTE_CHAOS_KILLS", 10);
  const auto time = seconds(FromEnv("AFLUENTE_CHAOS_SECONDS", 40));
  const int crashes_wanted = FromEnv("AFLUENTE_CHAOS_CRASHES", 2);
  std::cout << "AFLUENTE_CHAOS_SEED=" << seed_ << "\n";
  Writer writer(database_->dsn(), static_cast<unsigned>(seed_));
  std::jthread work([&](const std::stop_token& stop) { writer.Work(stop); });

  int kills = 0;
  int runs = 0;
  int crashes = 0;
  int cuts = 0;
  std::map<int, int> exits;
  const auto began = steady_clock::now();
  const auto deadline = began + time;
  while (steady_clock::now() < deadline || kills < wanted) {
    if (steady_clock::now() > deadline + time + seconds(120)) {
      ADD_FAILURE() << kills << " kills only";  // What was done is compared all the same.
      break;
    }
    writer.Allow(kTransactionsPerRun);
    Process process(estate_.Afluente({"run", "--all"}));
    ++runs;
    const bool is_crash = crashes < crashes_wanted &&
                          steady_clock::now() - began > time * (crashes + 1) / (crashes_wanted + 1);
    const int what = is_crash ? 2 : static_cast<int>(random_() % 4);
    if (what < 2) {
      if (!process.EndsWithin(milliseconds(random_() % 1'000))) {
        process.Signal(SIGKILL);
        ++kills;
      }
    } else if (what == 2) {
      (void)process.EndsWithin(milliseconds(random_() % 600));
      if (is_crash) {
        ++crashes;
        PgCluster::Shared().Crash();
      } else {
        ++cuts;
        PgCluster::Shared().Exec(
            "select pg_terminate_backend(pid) from pg_stat_activity where backend_type in ('client "
            "backend', 'walsender') and pid <> pg_backend_pid()");
      }
    }
    const Outcome outcome = process.Wait(kPatience);
    ++exits[outcome.exit_code];
    // Done, a connection that broke, or killed: nothing else.
    EXPECT_THAT(outcome.exit_code, testing::AnyOf(0, 3, 128 + SIGKILL)) << outcome.ToString();
    if (HasFailure()) break;
  }
  work.request_stop();
  work.join();
  std::cout << writer.done() << " transactions (" << writer.failed() << " failed), " << runs
            << " runs, " << kills << " kills, " << crashes << " crashes, " << cuts << " cuts;";
  for (const auto& [code, count] : exits) std::cout << " exit " << code << ": " << count;
  std::cout << "\n";

  const Outcome last = estate_.Run({"run", "--all"});
  ASSERT_EQ(last.exit_code, 0) << last.ToString();
  for (const std::string name : {"c0", "c1", "c2", "c3", "c4", "c5", "marked", "history"}) {
    const Outcome compared = estate_.Run({"reconcile", name, "--json"});
    ASSERT_EQ(compared.exit_code, 0) << compared.ToString();
    const auto report = nlohmann::json::parse(compared.out);
    EXPECT_EQ(report.at("differences"), 0) << compared.out;
    EXPECT_EQ(report.at("source_rows"), report.at("destination_rows"));
    std::cout << name << ": " << report.at("source_rows") << " rows, " << report.at("differences")
              << " differences\n";
  }
  // Nothing was appended twice, and nothing is marked that lives.
  EXPECT_THAT(
      WarehouseLines("select count(*) - count(distinct (_lsn, _ordinal)) from dw.d.history"),
      testing::ElementsAre("0"));
  EXPECT_THAT(
      WarehouseLines("select count(*) from dw.d.marked m join dw.d.c0 c on m.id = c.id where "
                     "m._deleted_at is not null"),
      testing::ElementsAre("0"));
  // The database of the fixture was left by the crash: a connection of its own.
  database_ = nullptr;
}

}  // namespace
}  // namespace afluente::test

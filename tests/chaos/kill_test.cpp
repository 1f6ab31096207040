// kill -9 at random moments: what stands in the warehouse is what stood there
// before or what should stand there after, never a mixture; the next run brings
// it level with the source.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>
#include <utility>

#include "support/movement.h"

namespace afluente::test {
namespace {

using testing::AnyOf;
using testing::ElementsAre;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kRows = 10000;
#else
constexpr int kRows = 40000;
#endif

int FromEnv(const char* name, int fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? fallback : std::atoi(value);
}

class KillTest : public MovementTest {
 protected:
  KillTest()
      : seed_(FromEnv("AFLUENTE_CHAOS_SEED", static_cast<int>(std::random_device()() % 1000000))),
        random_(static_cast<unsigned>(seed_)) {
    Source(fmt::format(
        "create table snap(id int primary key, v text, n numeric(12,2), tags text[]);"
        "insert into snap select i, md5(i::text), i / 7.0, array['a' || i, null] from "
        "generate_series(1, {0}) i;"
        "create table upserted(id int primary key, v text, updated_at timestamptz not null);"
        "insert into upserted select i, md5(i::text), timestamptz '2026-01-01 00:00+00' + i * "
        "interval '1 second' "
        "  from generate_series(1, {0}) i;"
        "create table appended(id bigserial primary key, v text);"
        "insert into appended(v) select md5(i::text) from generate_series(1, {0}) i",
        kRows));
    Declare("snap", "public.snap", "dw.d.snap", "parallel: 2");
    Declare("upserted", "public.upserted", "dw.d.upserted, key: [id]",
            "mode: incremental\ncursor: [updated_at, id]\nlookback: 5s");
    Declare("appended", "public.appended", "dw.d.appended", "mode: incremental\ncursor: [id]");
  }

  /// Changes all three tables; `round` makes every state different.
  void Mutate(int round) {
    Source(fmt::format(
        "update snap set v = md5(v), n = n + 1 where id % 10 = {0} % 10;"
        "delete from snap where id % 1000 = {0} % 1000;"
        "insert into snap select 1000000 + {0} * 1000 + i, 'new', i, null from generate_series(1, "
        "200) i;"
        "update upserted set v = md5(v), updated_at = timestamptz '2026-02-01 00:00+00' + {0} * "
        "interval '1 minute'"
        "  where id % 8 = {0} % 8;"
        "insert into upserted select 1000000 + {0} * 1000 + i, 'new', timestamptz '2026-02-01 "
        "00:00+00' "
        "  + {0} * interval '1 minute' from generate_series(1, 200) i;"
        "insert into appended(v) select md5((i + {0})::text) from generate_series(1, {1}) i",
        round, kRows / 10));
  }

  static std::string Sums(const std::string& prefix) {
    return fmt::format(
        "select 'snap', count(*), md5(string_agg(id || ':' || v || ':' || n || ':' || "
        "coalesce(tags[1], '-'), ',' order by id)) from {0}snap "
        "union all select 'upserted', count(*), md5(string_agg(id || ':' || v, ',' order by id)) "
        "from {0}upserted "
        "union all select 'appended', count(*), md5(string_agg(id || ':' || v, ',' order by id)) "
        "from {0}appended "
        "order by 1",
        prefix);
  }
  std::vector<std::string> SourceSums() { return SourceLines(Sums("")); }
  std::vector<std::string> WarehouseSums() { return WarehouseLines(Sums("dw.d.")); }

  enum class Aim { kCommits, kBeginning };

  /// A moment within a run that takes `whole`: anywhere, or, more often than
  /// not, near its end where the commits are, or near its beginning where
  /// folders and files are made.
  std::chrono::microseconds Moment(std::chrono::milliseconds whole, Aim aim) {
    std::uniform_real_distribution<double> share(0.0, 1.0);
    double at = 1.05 * share(random_);
    if (aim == Aim::kCommits && share(random_) < 0.2) at = 0.8 + 0.25 * share(random_);
    if (aim == Aim::kBeginning && share(random_) < 0.6) at = 0.15 * share(random_);
    return std::chrono::microseconds(
        static_cast<std::int64_t>(at * 1000.0 * static_cast<double>(whole.count())));
  }

  /// True when the run was still going and is dead now.
  bool KilledWithin(std::chrono::milliseconds whole, Aim aim) {
    Process process(estate_.Afluente({"run", "--all"}));
    if (process.EndsWithin(Moment(whole, aim))) {
      const Outcome outcome = process.Wait();
      EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
      return false;
    }
    process.Signal(SIGKILL);
    return process.Wait().exit_code == 128 + SIGKILL;
  }

  std::chrono::milliseconds RunAll() {
    const Outcome outcome = estate_.Run({"run", "--all"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
    return outcome.wall;
  }

  const int seed_;
  std::mt19937 random_;
};

TEST_F(KillTest, NothingIsLostAndNothingStandsTwice) {
  const int wanted = FromEnv("AFLUENTE_CHAOS_KILLS", 50);
  std::cout << "AFLUENTE_CHAOS_SEED=" << seed_ << "\n";
  RunAll();
  std::chrono::milliseconds whole{0};
  int kills = 0;
  std::vector<std::string> after = SourceSums();
  for (int round = 1; kills < wanted && round < 4 * wanted; ++round) {
    const std::vector<std::string> before = std::exchange(after, {});
    Mutate(round);
    after = SourceSums();
    if (round == 1) {
      whole = RunAll();  // An undisturbed run: the measure for the moments.
      continue;
    }
    int in_round = 0;
    do {
      in_round += KilledWithin(whole, Aim::kCommits) ? 1 : 0;
    } while (in_round > 0 && in_round < 3 && random_() % 4 == 0);
    kills += in_round;
    const std::vector<std::string> found = WarehouseSums();
    ASSERT_EQ(found.size(), after.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_THAT(found[i], AnyOf(before[i], after[i])) << "half a run is visible, round " << round;
    }
    RunAll();
    ASSERT_EQ(WarehouseSums(), after) << "round " << round << ", kill " << kills;
  }
  EXPECT_GE(kills, wanted);
  EXPECT_THAT(WarehouseLines("select table_name from information_schema.tables "
                             "where table_catalog = 'dw' and table_schema = 'd' order by 1"),
              ElementsAre("appended", "snap", "upserted"));
  std::cout << kills << " kills; an undisturbed run takes " << whole.count() << " ms\n";
}

TEST_F(KillTest, TheVeryFirstRun) {
  const int wanted = FromEnv("AFLUENTE_CHAOS_KILLS", 50) / 5;
  std::cout << "AFLUENTE_CHAOS_SEED=" << seed_ << "\n";
  const std::vector<std::string> source = SourceSums();
  const auto whole = RunAll();
  int kills = 0;
  for (int round = 0; kills < wanted && round < 4 * wanted; ++round) {
    std::filesystem::remove_all(estate_.state());
    kills += KilledWithin(whole, Aim::kBeginning) ? 1 : 0;
    RunAll();
    ASSERT_EQ(WarehouseSums(), source) << "kill " << kills;
  }
  EXPECT_GE(kills, wanted);
}

}  // namespace
}  // namespace afluente::test

#include "inference/assignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/test_folder.h"
#include "data/test_duckdb.h"

namespace afluente::inference {
namespace {

using testing::ElementsAre;

std::vector<Arm> ArmsWith(const std::vector<double>& weights) {
  std::vector<Arm> arms;
  for (const double weight : weights)
    arms.push_back({std::string(1, char('a' + arms.size())), weight});
  return arms;
}

/// The counts of the arms of all new rows.
std::vector<std::uint64_t> Filled(const std::vector<Arm>& arms, double phase,
                                  std::vector<std::uint64_t> taken, std::uint64_t fresh) {
  ArmSequence sequence(arms, phase, taken, fresh);
  for (std::uint64_t row = 0; row < fresh; ++row) ++taken[sequence.Next()];
  return taken;
}

TEST(Assignment, TargetsAreSharesRoundedUpOrDown) {
  struct Case {
    std::vector<double> weights;
    std::uint64_t rows;
    double phase;
    std::vector<std::uint64_t> targets;
  };
  const Case cases[] = {
      {{0.5, 0.5}, 10, 0.3, {5, 5}},
      {{0.5, 0.5}, 1, 0.0, {1, 0}},
      {{0.5, 0.5}, 1, 0.7, {0, 1}},
      {{0.9, 0.1}, 100, 0.99, {90, 10}},
      {{1.0 / 3, 1.0 / 3, 1.0 / 3}, 3, 0.5, {1, 1, 1}},
      {{0.25, 0.75}, 0, 0.5, {0, 0}},
      {{1.0}, 7, 0.5, {7}},
  };
  for (const Case& c : cases) EXPECT_EQ(TargetsOf(ArmsWith(c.weights), c.rows, c.phase), c.targets);
}

TEST(Assignment, EveryTargetIsLessThanARowFromItsShareAndTheySumUp) {
  for (const std::vector<double>& weights :
       {std::vector<double>{0.5, 0.5}, {0.1, 0.2, 0.7}, {0.05, 0.05, 0.4, 0.5}}) {
    const std::vector<Arm> arms = ArmsWith(weights);
    for (std::uint64_t rows = 0; rows < 60; ++rows) {
      for (const double phase : {0.0, 0.17, 0.5, 0.83, 0.999}) {
        const auto targets = TargetsOf(arms, rows, phase);
        EXPECT_EQ(std::accumulate(targets.begin(), targets.end(), std::uint64_t{0}), rows);
        for (std::size_t arm = 0; arm < arms.size(); ++arm) {
          EXPECT_LT(std::abs(static_cast<double>(targets[arm]) -
                             static_cast<double>(rows) * weights[arm]),
                    1 + 1e-9);
        }
      }
    }
  }
}

// A thousand strata of one row each: nobody is favoured by being the first arm.
TEST(Assignment, OverManySmallStrataThePhaseFavoursNoArm) {
  const std::vector<Arm> arms = ArmsWith({0.3, 0.7});
  std::uint64_t first = 0;
  for (int stratum = 0; stratum < 1'000; ++stratum) {
    first += TargetsOf(arms, 1, stratum / 1'000.0)[0];
  }
  EXPECT_NEAR(static_cast<double>(first), 300, 1);
}

TEST(Assignment, NewRowsFillWhatIsLacking) {
  const std::vector<Arm> even = ArmsWith({0.5, 0.5});
  EXPECT_THAT(Filled(even, 0.5, {0, 0}, 10), ElementsAre(5, 5));
  EXPECT_THAT(Filled(even, 0.5, {6, 2}, 4), ElementsAre(6, 6));
  EXPECT_THAT(Filled(even, 0.5, {9, 1}, 2), ElementsAre(9, 3));  // What is too much stays.
  EXPECT_THAT(Filled(ArmsWith({0.2, 0.8}), 0.5, {2, 8}, 10), ElementsAre(4, 16));
}

TEST(Assignment, AnyStretchOfTheOrderIsBalanced) {
  const std::vector<Arm> arms = ArmsWith({0.25, 0.75});
  ArmSequence sequence(arms, 0.5, {0, 0}, 400);
  for (int stretch = 0; stretch < 10; ++stretch) {
    int first = 0;
    for (int row = 0; row < 40; ++row) first += sequence.Next() == 0 ? 1 : 0;
    EXPECT_NEAR(first, 10, 1);
  }
}

class AssignTest : public testing::Test {
 protected:
  /// Shard `number` of two strata; ranks from `first`.
  void WriteShard(int number, int first, int rows) {
    Copy(
        "SELECT i AS id, CASE WHEN i % 2 = 0 THEN 'x' END AS city, "
        "CASE WHEN i % 2 = 0 THEN '1:x' ELSE '-' END AS _afluente_stratum, i // 2 AS "
        "_afluente_rank, NULL::VARCHAR AS _afluente_kept, NULL::TIMESTAMPTZ AS _afluente_since "
        "FROM range(" +
            std::to_string(first) + ", " + std::to_string(first + rows) + ") AS t(i)",
        "shard-" + std::to_string(number));
  }
  void WriteStrata(int rows) {
    const std::string each = std::to_string(rows / 2);
    Copy("SELECT * FROM (VALUES ('-', 0.1::DOUBLE, " + each +
             "::BIGINT, [0, 0]::BIGINT[]), "
             "('1:x', 0.9, " +
             each + ", [0, 0])) AS t(_afluente_stratum, phase, fresh, taken)",
         "strata");
    const AssignSpec spec{"reading",
                          {{"control", 0.5}, {"nudge", 0.5}},
                          {"id"},
                          {"city"},
                          "2026-01-05T00:00:00.000000+00:00"};
    folder_.Write("spec.json", ToJson(spec).dump());
  }
  void Copy(const std::string& select, const std::string& name) {
    ASSERT_TRUE(data::Execute(duckdb_.connection(),
                              "COPY (" + select + ") TO '" + Path(name) + "' (FORMAT parquet)")
                    .ok());
  }
  std::string Path(const std::string& name) const {
    return (folder_.path() / (name + ".parquet")).string();
  }
  /// id:arm of all outputs.
  std::vector<std::string> Arms(const std::string& outputs) {
    return duckdb_.Rows("SELECT id || ':' || arm FROM read_parquet('" + Path(outputs) +
                        "') ORDER BY id");
  }

  TestFolder folder_;
  data::TestDuckdb duckdb_;
};

TEST_F(AssignTest, TheArmsAreTheSameHoweverManyShardsThereAre) {
  WriteStrata(20);
  WriteShard(9, 0, 20);
  ASSERT_TRUE(Assign(Path("shard-9"), Path("whole")).ok());
  WriteShard(0, 0, 7);
  WriteShard(1, 7, 13);
  ASSERT_TRUE(Assign(Path("shard-0"), Path("part-0")).ok());
  ASSERT_TRUE(Assign(Path("shard-1"), Path("part-1")).ok());
  const auto whole = Arms("whole");
  EXPECT_EQ(whole.size(), 20U);
  EXPECT_EQ(Arms("part-*"), whole);
  EXPECT_THAT(duckdb_.Rows("SELECT city, arm, count(*) FROM '" + Path("whole") +
                           "' GROUP BY ALL ORDER BY ALL"),
              ElementsAre("x|control|5", "x|nudge|5", "NULL|control|5", "NULL|nudge|5"));
}

TEST_F(AssignTest, ARowThatHasAnArmKeepsItAndItsTime) {
  WriteStrata(2);
  Copy(
      "SELECT 1 AS id, NULL::VARCHAR AS city, '-' AS _afluente_stratum, NULL::BIGINT AS "
      "_afluente_rank, 'nudge' AS _afluente_kept, TIMESTAMPTZ '2025-01-01 00:00:00+00' AS "
      "_afluente_since",
      "shard-0");
  ASSERT_TRUE(Assign(Path("shard-0"), Path("out")).ok());
  EXPECT_THAT(duckdb_.Rows("SELECT * FROM '" + Path("out") + "'"),
              ElementsAre("1|NULL|nudge|reading|2025-01-01 00:00:00+00"));
}

TEST_F(AssignTest, AnEmptyShardLeavesAFileWithItsColumns) {
  WriteStrata(2);
  WriteShard(0, 0, 0);
  ASSERT_TRUE(Assign(Path("shard-0"), Path("out")).ok());
  EXPECT_THAT(duckdb_.Rows("SELECT count(*) FROM '" + Path("out") + "'"), ElementsAre("0"));
  EXPECT_FALSE(Assign(Path("no-shard"), Path("out")).ok());
}

}  // namespace
}  // namespace afluente::inference

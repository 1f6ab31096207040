#include "inference/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace afluente::inference {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

TEST(Statistics, AucIsTheShareOfPairsInTheRightOrder) {
  struct Case {
    std::string name;
    std::vector<float> scores;
    std::vector<float> labels;
    std::optional<double> auc;
  };
  const Case cases[] = {
      {"all right", {1, 2, 3, 4}, {0, 0, 1, 1}, 1.0},
      {"all wrong", {4, 3, 2, 1}, {0, 0, 1, 1}, 0.0},
      {"one pair of four wrong", {1, 3, 2, 4}, {0, 0, 1, 1}, 0.75},
      {"all equal", {7, 7, 7, 7, 7}, {0, 1, 0, 1, 1}, 0.5},
      {"a tie across the labels counts half", {1, 2, 2, 3}, {0, 0, 1, 1}, 0.875},
      {"infinite scores have an order too",
       {-std::numeric_limits<float>::infinity(), 0, std::numeric_limits<float>::infinity()},
       {0, 1, 1},
       1.0},
      {"no ones", {1, 2}, {0, 0}, std::nullopt},
      {"no zeros", {1, 2}, {1, 1}, std::nullopt},
      {"no rows", {}, {}, std::nullopt},
  };
  for (const Case& c : cases) {
    const auto auc = Auc(c.scores, c.labels);
    ASSERT_EQ(auc.has_value(), c.auc.has_value()) << c.name;
    if (auc) {
      EXPECT_DOUBLE_EQ(*auc, *c.auc) << c.name;
    }
  }
}

TEST(Statistics, AucEqualsCountingAllPairs) {
  std::vector<float> scores;
  std::vector<float> labels;
  unsigned state = 1;
  for (int i = 0; i < 300; ++i) {
    state = state * 1'664'525U + 1'013'904'223U;
    scores.push_back(static_cast<float>(state >> 28U));  // 16 values: many ties.
    labels.push_back(static_cast<float>((state >> 20U) % 3 == 0));
  }
  double right = 0;
  double pairs = 0;
  for (std::size_t one = 0; one < scores.size(); ++one) {
    for (std::size_t zero = 0; zero < scores.size(); ++zero) {
      if (labels[one] != 1 || labels[zero] != 0) continue;
      ++pairs;
      right += scores[one] > scores[zero] ? 1 : scores[one] == scores[zero] ? 0.5 : 0;
    }
  }
  EXPECT_NEAR(*Auc(scores, labels), right / pairs, 1e-12);
}

// The paper's example: an AUC of 0.893 on 51 and 58 cases.
TEST(Statistics, StandardErrorOfAnAucAsPublished) {
  EXPECT_NEAR(AucStandardError(0.893, 51, 58), 0.0322, 0.0015);
  EXPECT_EQ(AucStandardError(1, 10, 10), 0);
}

TEST(Statistics, LogLossIsThatOfTheFormulaAndFinite) {
  const std::vector<float> scores = {0.9F, 0.2F};
  const std::vector<float> labels = {1, 0};
  EXPECT_NEAR(LogLoss(scores, labels), -(std::log(0.9) + std::log(0.8)) / 2, 1e-6);
  const std::vector<float> wrong = {0, 1};
  EXPECT_NEAR(LogLoss(wrong, labels), -std::log(1e-7), 1e-6);
}

TEST(Statistics, TheBaselineIsTheBestFeatureInItsBestDirection) {
  // Noise; falling with the label; missing where the label is 1.
  const Examples examples{{3, {1, 9, 5, 2, 8, 5, 1, 2, kMissing, 2, 3, 5}}, {0, 0, 1, 1}};
  const auto baseline = FindBaseline(examples);
  ASSERT_TRUE(baseline);
  EXPECT_EQ(baseline->feature, 1U);
  EXPECT_FALSE(baseline->is_rising);
  EXPECT_EQ(*Auc(BaselineScores(*baseline, examples.features), examples.labels), 1);

  const Examples missing{{1, {5, 4, kMissing, kMissing}}, {0, 0, 1, 1}};
  const auto by_absence = FindBaseline(missing);
  ASSERT_TRUE(by_absence);
  EXPECT_EQ(*Auc(BaselineScores(*by_absence, missing.features), missing.labels), 1);
  EXPECT_FALSE(FindBaseline({{1, {1, 2}}, {1, 1}}));
}

// Values of printed tables of the distribution.
TEST(Statistics, ChiSquaredAsInTables) {
  struct Case {
    std::vector<double> observed;
    std::vector<double> expected;
    double p;
  };
  const Case cases[] = {
      {{50, 50}, {50, 50}, 1.0},
      {{60, 40}, {50, 50}, 0.04550},  // 4.0 with 1 degree of freedom.
      {{30, 14, 34, 45, 57, 20}, {20, 20, 30, 40, 60, 30}, 0.043293},  // 11.44 with 5.
      {{100}, {90}, 1.0},
      {{10, 0, 20}, {15, 0, 15}, 0.06789},  // 3.33 with 1: a cell of no expectation is none.
      {{200, 0}, {100, 100}, 2.0884e-45},   // Far in the tail.
  };
  for (const Case& c : cases) {
    EXPECT_NEAR(ChiSquaredP(c.observed, c.expected) / c.p, 1, 2e-3) << c.p;
  }
}

}  // namespace
}  // namespace afluente::inference

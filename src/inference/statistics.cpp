#include "inference/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace afluente::inference {
namespace {

// P(a, x), which converges quickly below a + 1.
double GammaSeries(double a, double x) {
  double term = 1 / a;
  double sum = term;
  constexpr int kTerms = 1'000;
  for (int n = 1; n < kTerms && std::abs(term) > std::abs(sum) * 1e-15; ++n) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * std::exp(a * std::log(x) - x - std::lgamma(a));
}

// Q(a, x) by Lentz's method, which converges quickly above a + 1.
double GammaFraction(double a, double x) {
  constexpr double kTiny = 1e-300;
  double b = x + 1 - a;
  double c = 1 / kTiny;
  double d = 1 / b;
  double h = d;
  constexpr int kTerms = 1'000;
  for (int n = 1; n < kTerms; ++n) {
    const double an = -n * (n - a);
    b += 2;
    d = an * d + b;
    if (std::abs(d) < kTiny) d = kTiny;
    c = b + an / c;
    if (std::abs(c) < kTiny) c = kTiny;
    d = 1 / d;
    h *= d * c;
    if (std::abs(d * c - 1) < 1e-15) break;
  }
  return h * std::exp(a * std::log(x) - x - std::lgamma(a));
}

}  // namespace

std::optional<double> Auc(std::span<const float> scores, std::span<const float> labels) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  double positives = 0;
  double rank_sum = 0;  // Of positives; rows of one score share the mean of their ranks.
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    double tied_positives = 0;
    for (; end < order.size() && scores[order[end]] == scores[order[begin]]; ++end) {
      tied_positives += labels[order[end]];
    }
    rank_sum += tied_positives * (static_cast<double>(begin + 1 + end) / 2);
    positives += tied_positives;
    begin = end;
  }
  const double negatives = static_cast<double>(scores.size()) - positives;
  if (positives == 0 || negatives == 0) return std::nullopt;
  return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives);
}

double AucStandardError(double auc, std::size_t positives, std::size_t negatives) {
  const double q1 = auc / (2 - auc);
  const double q2 = 2 * auc * auc / (1 + auc);
  const auto p = static_cast<double>(positives);
  const auto n = static_cast<double>(negatives);
  const double variance =
      (auc * (1 - auc) + (p - 1) * (q1 - auc * auc) + (n - 1) * (q2 - auc * auc)) / (p * n);
  return std::sqrt(std::max(variance, 0.0));
}

double LogLoss(std::span<const float> scores, std::span<const float> labels) {
  constexpr double kEdge = 1e-7;
  double sum = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double p = std::clamp(static_cast<double>(scores[i]), kEdge, 1 - kEdge);
    sum -= std::log(labels[i] > 0 ? p : 1 - p);
  }
  return scores.empty() ? 0 : sum / static_cast<double>(scores.size());
}

std::vector<float> BaselineScores(const Baseline& baseline, const Matrix& features) {
  std::vector<float> scores(features.rows());
  const float sign = baseline.is_rising ? 1 : -1;
  const float missing = baseline.missing_first ? -std::numeric_limits<float>::infinity()
                                               : std::numeric_limits<float>::infinity();
  for (std::size_t row = 0; row < scores.size(); ++row) {
    const float value = features.values[row * features.columns + baseline.feature];
    scores[row] = sign * (std::isnan(value) ? missing : value);
  }
  return scores;
}

std::optional<Baseline> FindBaseline(const Examples& examples) {
  std::optional<Baseline> best;
  double best_auc = 0;
  for (std::size_t feature = 0; feature < examples.features.columns; ++feature) {
    for (const bool missing_first : {true, false}) {
      Baseline candidate{feature, true, missing_first};
      const auto auc = Auc(BaselineScores(candidate, examples.features), examples.labels);
      if (!auc) return std::nullopt;
      candidate.is_rising = *auc >= 0.5;
      const double reached = std::max(*auc, 1 - *auc);
      if (reached <= best_auc) continue;
      best_auc = reached;
      best = candidate;
    }
  }
  return best;
}

double ChiSquaredP(std::span<const double> observed, std::span<const double> expected) {
  double statistic = 0;
  int cells = 0;
  for (std::size_t i = 0; i < observed.size(); ++i) {
    if (expected[i] <= 0) continue;
    statistic += (observed[i] - expected[i]) * (observed[i] - expected[i]) / expected[i];
    ++cells;
  }
  if (cells < 2 || statistic <= 0) return 1;
  const double a = (cells - 1) / 2.0;
  const double x = statistic / 2;
  return x < a + 1 ? 1 - GammaSeries(a, x) : GammaFraction(a, x);
}

}  // namespace afluente::inference

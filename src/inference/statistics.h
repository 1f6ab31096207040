// How good scores are, and how far counts are from what was meant.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "inference/engine.h"

namespace afluente::inference {

/// The probability that a row labelled 1 has a higher score than one labelled 0; equal scores count
/// half. Scores must not be NaN. nullopt when one of the labels does not occur. O(n log n).
/// Source: Mann and Whitney, 1947.
std::optional<double> Auc(std::span<const float> scores, std::span<const float> labels);

/// The standard error of an AUC. Source: Hanley and McNeil, Radiology 143 (1982), 29-36.
double AucStandardError(double auc, std::size_t positives, std::size_t negatives);

/// The mean of -log(probability of the label). Probabilities are kept 1e-7 away from 0 and 1.
double LogLoss(std::span<const float> scores, std::span<const float> labels);

/// One feature used as a score, as it is or upside down.
struct Baseline {
  std::size_t feature = 0;
  bool is_rising = true;      // More of it: more likely a 1.
  bool missing_first = true;  // Missing values count as the least of all, not as the most.
};

/// The feature that alone ranks `examples` best. nullopt when one of the labels does not occur.
std::optional<Baseline> FindBaseline(const Examples& examples);
/// Its scores: comparable with each other only, never NaN.
std::vector<float> BaselineScores(const Baseline& baseline, const Matrix& features);

/// The probability of counts at least as far from `expected` as `observed` when nothing but chance
/// moves them: Pearson's test. 1 with fewer than two cells. Cells of no expectation are left out.
/// Source: the incomplete gamma function as series and as continued fraction, Numerical
/// Recipes 6.2.
double ChiSquaredP(std::span<const double> observed, std::span<const double> expected);

}  // namespace afluente::inference

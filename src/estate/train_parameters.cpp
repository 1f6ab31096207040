#include "estate/train_parameters.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/names.h"

namespace afluente::estate {
namespace {

struct Range {
  std::string_view name;
  double min;
  double max;
  bool is_whole;
};

constexpr double kAny = 1e9;
constexpr std::array kRanges{
    Range{"eta", 1e-6, 1, false},
    Range{"max_depth", 1, 20, true},
    Range{"max_leaves", 0, 65'536, true},
    Range{"min_child_weight", 0, kAny, false},
    Range{"subsample", 0.01, 1, false},
    Range{"colsample_bytree", 0.01, 1, false},
    Range{"lambda", 0, kAny, false},
    Range{"alpha", 0, kAny, false},
    Range{"gamma", 0, kAny, false},
    Range{"max_bin", 2, 4'096, true},
    Range{"scale_pos_weight", 1e-6, kAny, false},
    Range{"seed", 0, kAny, true},
    Range{"nthread", 1, 256, true},
};

}  // namespace

std::string TrainParameterProblem(const std::string& name, const std::string& value) {
  std::vector<std::string> names;
  for (const Range& range : kRanges) {
    names.emplace_back(range.name);
    if (range.name != name) continue;
    double number = 0;
    const char* const end = value.data() + value.size();
    const auto [stopped, failed] = std::from_chars(value.data(), end, number);
    const bool is_number = failed == std::errc() && stopped == end;
    if (is_number && number >= range.min && number <= range.max &&
        (!range.is_whole || std::floor(number) == number)) {
      return "";
    }
    return fmt::format("parameter {} is a {}number from {} to {}", name,
                       range.is_whole ? "whole " : "", range.min, range.max);
  }
  std::string all;
  for (const std::string& one : names) all += (all.empty() ? "" : ", ") + one;
  return fmt::format("unknown parameter \"{}\"{}; there are {}", name, DidYouMean(name, names),
                     all);
}

}  // namespace afluente::estate

#include "estate/train_parameters.h"

#include <gtest/gtest.h>

namespace afluente::estate {
namespace {

TEST(TrainParameters, AreKnownByNameAndRange) {
  struct Case {
    std::string name;
    std::string value;
    std::string problem;  // A part of it; "": none.
  };
  const Case cases[] = {
      {"eta", "0.05", ""},
      {"max_depth", "6", ""},
      {"lambda", "1e1", ""},
      {"eta", "2", "from 1e-06 to 1"},
      {"eta", "", "parameter eta is a number"},
      {"eta", "0.1x", "parameter eta is a number"},
      {"eta", "nan", "parameter eta is a number"},
      {"max_depth", "2.5", "whole number"},
      {"max_depht", "3", "did you mean \"max_depth\""},
      {"objective", "reg:squarederror", "unknown parameter \"objective\""},
  };
  for (const Case& c : cases) {
    const std::string problem = TrainParameterProblem(c.name, c.value);
    if (c.problem.empty()) {
      EXPECT_EQ(problem, "") << c.name;
    } else {
      EXPECT_NE(problem.find(c.problem), std::string::npos) << c.name << ": " << problem;
    }
  }
}

}  // namespace
}  // namespace afluente::estate

#include "estate/model_values.h"

namespace afluente::estate {

TemplateValues ModelValues(const Estate& estate, const Interval& interval) {
  using Kind = TemplateValue::Kind;
  return {{"interval.start", {Kind::kTimestamp, interval.start}},
          {"interval.end", {Kind::kTimestamp, interval.end}},
          {"env", {Kind::kText, estate.profile.empty() ? "default" : estate.profile}}};
}

}  // namespace afluente::estate

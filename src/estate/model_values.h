// What the templates of a model may name.
#pragma once

#include <string>

#include "estate/template_text.h"

namespace afluente::estate {

/// The stretch of time whose data a run is for; both ends as RFC 3339.
struct Interval {
  std::string start;
  std::string end;
};

/// "interval.start", "interval.end" and "env": the profile's name, "default" without one.
TemplateValues ModelValues(const Estate& estate, const Interval& interval);

}  // namespace afluente::estate

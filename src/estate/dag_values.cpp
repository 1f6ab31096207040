#include "estate/dag_values.h"

#include <charconv>
#include <cmath>

#include "base/names.h"
#include "estate/calendar.h"

namespace afluente::estate {
namespace {

template <class T>
bool IsNumber(const std::string& text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() &&
         std::isfinite(static_cast<double>(number));
}

}  // namespace

std::string ParameterProblem(ParameterType type, const std::string& text) {
  switch (type) {
    case ParameterType::kText:
      return "";
    case ParameterType::kInteger:
      return IsNumber<std::int64_t>(text) ? "" : "it is no whole number";
    case ParameterType::kNumber:
      return IsNumber<double>(text) ? "" : "it is no number";
    case ParameterType::kFlag:
      return text == "true" || text == "false" ? "" : "it is neither true nor false";
    case ParameterType::kDate:
      return ParseDay(text) ? "" : "it is no day, such as 2026-03-01";
  }
  return "";
}

Result<std::map<std::string, std::string>> FillParameters(
    const Dag& dag, const std::map<std::string, std::string>& given) {
  std::vector<std::string> names;
  for (const auto& [name, parameter] : dag.params) names.push_back(name);
  for (const auto& [name, text] : given) {
    const auto known = dag.params.find(name);
    if (known == dag.params.end()) {
      return Error(ErrorKind::kInvalidConfig, "DAG " + dag.name + " has no parameter \"" + name +
                                                  "\"" + DidYouMean(name, names));
    }
    const std::string problem = ParameterProblem(known->second.type, text);
    if (problem.empty()) continue;
    return Error(ErrorKind::kInvalidConfig, "parameter " + name + " of DAG " + dag.name + ": \"" +
                                                text + "\" does not fit its type, " +
                                                std::string(NameOf(known->second.type)) + ": " +
                                                problem);
  }
  std::map<std::string, std::string> filled = given;
  for (const auto& [name, parameter] : dag.params) {
    if (filled.contains(name)) continue;
    if (!parameter.fallback) {
      return Error(ErrorKind::kInvalidConfig, "DAG " + dag.name + " needs the parameter " + name +
                                                  ": say --param " + name + "=VALUE");
    }
    filled.emplace(name, *parameter.fallback);
  }
  return filled;
}

TemplateValues DagValues(const Estate& estate, const Dag& dag, const Interval& interval,
                         const std::string& run, const std::map<std::string, std::string>& params) {
  using Kind = TemplateValue::Kind;
  TemplateValues values = ModelValues(estate, interval);
  values.emplace("run.id", TemplateValue{Kind::kText, run});
  for (const auto& [name, parameter] : dag.params) {
    const auto text = params.find(name);
    if (text == params.end()) continue;
    // true and false are SQL as they stand, like numbers.
    const bool is_plain = parameter.type == ParameterType::kInteger ||
                          parameter.type == ParameterType::kNumber ||
                          parameter.type == ParameterType::kFlag;
    values.emplace("params." + name,
                   TemplateValue{is_plain ? Kind::kNumber : Kind::kText, text->second});
  }
  return values;
}

}  // namespace afluente::estate

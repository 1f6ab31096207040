// The kinds of values that tasks have, and the list of all kinds.
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "estate/scalars.h"
#include "estate/secrets.h"

namespace afluente::estate {
namespace {

bool IsSmall(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

std::string IdentifierProblem(const std::string& text, std::string_view also) {
  constexpr std::size_t kLengthMax = 100;
  if (text.empty() || text.size() > kLengthMax) return "1 to 100 characters";
  for (const char c : text) {
    if (!IsSmall(c) && also.find(c) == std::string_view::npos) {
      return "small letters, digits and _" + std::string(also.empty() ? "" : " or -") + " only";
    }
  }
  return "";
}

std::string VariableProblem(const std::string& text) {
  const auto fits = [](char c) { return IsSmall(c) || (c >= 'A' && c <= 'Z'); };
  bool good = !text.empty() && (text[0] < '0' || text[0] > '9');
  for (const char c : text) good = good && fits(c);
  return good ? "" : "letters, digits and _ only, no digit first";
}

std::string BlankProblem(const std::string& text) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return "it is empty";
  return ReferenceProblem(text);
}

std::string UrlProblem(const std::string& text) {
  const bool fits = text.starts_with("http://") || text.starts_with("https://") ||
                    HoldsReference(text) || text.starts_with("{{");
  return fits ? ReferenceProblem(text) : "it starts with http:// or https://";
}

std::optional<double> AsNumber(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool fits =
      error == std::errc{} && end == text.data() + text.size() && std::isfinite(number);
  return fits ? std::optional(number) : std::nullopt;
}

std::string NumberProblem(const std::string& text) {
  const auto number = AsNumber(text);
  return number && *number >= 0 ? "" : "digits, and a point before parts of one";
}

std::string ShareProblem(const std::string& text) {
  const auto number = AsNumber(text);
  return number && *number >= 0 && *number < 1 ? "" : "0.2 is a fifth";
}

}  // namespace

const ScalarKind kTaskName{
    .name = "task_name",
    .expected = "a task's name of small letters, digits, - and _",
    .doc = "Small letters, digits, `-` and `_`; at most 100 characters.",
    .example = "training_data",
    .pattern = "^[a-z0-9_-]{1,100}$",
    .problem = [](const std::string& text) { return IdentifierProblem(text, "-"); }};
const ScalarKind kParameterName{
    .name = "parameter_name",
    .expected = "a parameter's name of small letters, digits and _",
    .doc = "Small letters, digits and `_`; at most 100 characters.",
    .example = "horizon_days",
    .pattern = "^[a-z0-9_]{1,100}$",
    .problem = [](const std::string& text) { return IdentifierProblem(text, ""); }};
const ScalarKind kPoolName{
    .name = "pool_name",
    .expected = "a pool's name of small letters, digits, - and _",
    .doc = "Small letters, digits, `-` and `_`; at most 100 characters.",
    .example = "rapidpro",
    .pattern = "^[a-z0-9_-]{1,100}$",
    .problem = [](const std::string& text) { return IdentifierProblem(text, "-"); }};
const ScalarKind kArgument{
    .name = "argument",
    .expected = "an argument",
    .doc = "One argument of a command, handed over as it is; may hold `{{ ... }}`.",
    .example = "--since={{ interval.start }}",
    .pattern = "",
    .problem = [](const std::string&) { return std::string(); },
    .repeats = true};
const ScalarKind kVariable{.name = "variable",
                           .expected = "a name of letters, digits and _",
                           .doc = "The name of an environment variable.",
                           .example = "REPORT_DAY",
                           .pattern = "^[A-Za-z_][A-Za-z0-9_]*$",
                           .problem = &VariableProblem};
const ScalarKind kStatements{.name = "statements",
                             .expected = "SQL statements",
                             .doc =
                                 "Statements of the warehouse's dialect, with `;` between two; "
                                 "may hold `{{ ... }}`.",
                             .example = "DELETE FROM `coltrane.ml.old` WHERE day < '2026-01-01'",
                             .pattern = "\\S",
                             .problem = &BlankProblem};
const ScalarKind kUrl{.name = "url",
                      .expected = "a URL",
                      .doc = "A URL of http or https; may hold `{{ ... }}` and `${env:NAME}`.",
                      .example = "https://api.movva.example/done?day={{ interval.end }}",
                      .pattern = "\\S",
                      .problem = &UrlProblem,
                      .references = true,
                      .secret = true};
const ScalarKind kContent{.name = "content",
                          .expected = "a text",
                          .doc = "Any text; may hold `{{ ... }}` and `${env:NAME}`.",
                          .example = "Bearer ${env:TOKEN}",
                          .pattern = "",
                          .problem = &ReferenceProblem,
                          .references = true,
                          .secret = true};
const ScalarKind kNumber{.name = "number",
                         .expected = "a number from 0 on",
                         .doc = "A number from 0 on.",
                         .example = "1.5",
                         .pattern = "",
                         .problem = &NumberProblem,
                         .json_type = "number"};
const ScalarKind kShare{.name = "share",
                        .expected = "a number from 0 to below 1",
                        .doc = "A number from 0 to below 1.",
                        .example = "0.2",
                        .pattern = "",
                        .problem = &ShareProblem,
                        .json_type = "number"};

std::span<const ScalarKind* const> AllScalarKinds() {
  static constexpr std::array kAllKinds = {&kText,
                                           &kFlag,
                                           &kLanes,
                                           &kCount,
                                           &kName,
                                           &kProjectName,
                                           &kConnectionName,
                                           &kServiceAccount,
                                           &kTag,
                                           &kColumnName,
                                           &kColumnType,
                                           &kWarehouseTable,
                                           &kSourceTable,
                                           &kAnyTable,
                                           &kChangeTable,
                                           &kLakeAddress,
                                           &kLakeUrl,
                                           &kSelect,
                                           &kCondition,
                                           &kTransform,
                                           &kTopic,
                                           &kWebhookPath,
                                           &kBodyPath,
                                           &kListen,
                                           &kDuration,
                                           &kSize,
                                           &kClockTime,
                                           &kCron,
                                           &kZone,
                                           &kMoment,
                                           &kDay,
                                           &kDays,
                                           &kExcept,
                                           &kCalendarName,
                                           &kCurrency,
                                           &kPath,
                                           &kDsn,
                                           &kSecret,
                                           &kTaskName,
                                           &kParameterName,
                                           &kPoolName,
                                           &kArgument,
                                           &kVariable,
                                           &kStatements,
                                           &kUrl,
                                           &kContent,
                                           &kNumber,
                                           &kShare};
  return kAllKinds;
}

}  // namespace afluente::estate

#include "base/names.h"
#include "estate/rules.h"

namespace afluente::estate {
namespace {

constexpr int kDaysMax = 366;

}  // namespace

std::optional<std::pair<std::string, std::string>> SourceTableOf(const std::string& compare_with) {
  const std::size_t colon = compare_with.find(':');
  if (colon == std::string::npos || colon > compare_with.find('"')) return std::nullopt;
  return std::pair(compare_with.substr(0, colon), compare_with.substr(colon + 1));
}

void CheckShadow(const RuleScope& scope) {
  const Rare<Shadow>& shadow = scope.integration.shadow;
  const Destination& destination = scope.integration.destination;
  if (scope.Has({"shadow"}) && (destination.lake || !destination.connection.empty())) {
    scope.Report({"shadow"},
                 "shadow is for a destination in the warehouse, which can be renamed: remove it");
  }
  if (!shadow) return;
  if (shadow->days < 1 || shadow->days > kDaysMax) {
    scope.Report({"shadow", "days"},
                 "shadow.days: expected 1 to 366, not " + std::to_string(shadow->days));
  }
  if (!scope.Has({"shadow", "compare_with"})) return;
  const auto source = SourceTableOf(shadow->compare_with);
  if (!source) {
    const auto table = ParseTableAddress(shadow->compare_with);
    if (table.ok()) return;
    return scope.Report({"shadow", "compare_with"},
                        "shadow.compare_with: expected project.dataset.table or "
                        "connection:schema.table: " +
                            table.error().message());
  }
  if (!scope.connections) return;
  const std::string& wanted = source->first;
  for (const std::string& known : *scope.connections) {
    if (known == wanted) return;
  }
  scope.Report({"shadow", "compare_with"}, "shadow.compare_with: no connection \"" + wanted +
                                               "\" is declared under connections" +
                                               DidYouMean(wanted, *scope.connections));
}

}  // namespace afluente::estate

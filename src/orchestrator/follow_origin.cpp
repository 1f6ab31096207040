#include "orchestrator/follow_origin.h"

#include <nlohmann/json.hpp>

namespace afluente::orchestrator {

using nlohmann::json;

std::string OriginOf(const estate::Integration& integration, const postgres::TableState& state,
                     std::uint32_t since) {
  return json{{"table", integration.source.table}, {"state", state.ToJson()}, {"since", since}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<std::uint32_t> SinceOf(const std::string& text,
                                     const estate::Integration& integration,
                                     const postgres::TableState& state) {
  const json origin = json::parse(text, nullptr, false);
  if (!origin.is_object()) return std::nullopt;
  const auto since = origin.value("since", std::uint32_t{0});
  if (origin != json::parse(OriginOf(integration, state, since))) return std::nullopt;
  return since;
}

}  // namespace afluente::orchestrator

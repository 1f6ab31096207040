#include "orchestrator/follow_origin.h"

#include <nlohmann/json.hpp>

#include "connectors/postgres/replication/change_stream.h"

namespace afluente::orchestrator {

using nlohmann::json;

std::string OriginOf(const estate::Integration& integration, const postgres::TableState& state,
                     postgres::Lsn position, std::uint32_t since) {
  return json{{"table", integration.source.table},
              {"where", integration.where},
              {"state", state.ToJson()},
              {"position", postgres::ToPosition(position).value},
              {"since", since}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<Origin> ParseOrigin(const std::string& text, const estate::Integration& integration,
                                  const postgres::TableState& state) {
  const json origin = json::parse(text, nullptr, false);
  if (!origin.is_object()) return std::nullopt;
  const auto says = [&](const char* key) { return origin.value(key, std::string()); };
  if (says("table") != integration.source.table || says("where") != integration.where ||
      says("state") != state.ToJson()) {
    return std::nullopt;
  }
  const auto position = postgres::ParsePosition({postgres::ToPosition({}).kind, says("position")});
  if (!position.ok()) return std::nullopt;
  return Origin{position.value(), origin.value("since", std::uint32_t{0})};
}

}  // namespace afluente::orchestrator

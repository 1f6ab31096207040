#include "connectors/postgres/replication/lsn.h"

#include <fmt/format.h>

#include <charconv>

namespace afluente::postgres {

std::string Lsn::ToString() const {
  return fmt::format("{:X}/{:X}", value >> 32U, value & 0xffffffffU);
}

std::string Lsn::ToSortableString() const {
  return fmt::format("{:08X}/{:08X}", value >> 32U, value & 0xffffffffU);
}

std::optional<Lsn> ParseLsn(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto parse = [](std::string_view half) -> std::optional<std::uint32_t> {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(half.data(), half.data() + half.size(), value, 16);
    const bool whole = error == std::errc{} && end == half.data() + half.size();
    return whole ? std::optional(value) : std::nullopt;
  };
  const auto high = parse(text.substr(0, slash));
  const auto low = parse(text.substr(slash + 1));
  if (!high || !low) return std::nullopt;
  return Lsn{(std::uint64_t{*high} << 32U) | *low};
}

}  // namespace afluente::postgres

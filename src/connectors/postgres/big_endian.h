// Integers in network byte order.
#pragma once

#include <cstring>
#include <type_traits>

namespace afluente::postgres {

/// Reads sizeof(T) bytes at `bytes`, however they are aligned.
template <class T>
T ReadBigEndian(const char* bytes) {
  using Unsigned = std::make_unsigned_t<T>;
  Unsigned value = 0;
  std::memcpy(&value, bytes, sizeof(value));
  if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
  return static_cast<T>(value);
}

}  // namespace afluente::postgres

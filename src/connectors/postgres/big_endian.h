// Integers in network byte order.
#pragma once

#include <cstring>
#include <string>
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

/// Writes sizeof(T) bytes at `bytes`, however they are aligned.
template <class T>
void WriteBigEndian(T value, char* bytes) {
  auto bits = static_cast<std::make_unsigned_t<T>>(value);
  if constexpr (sizeof(T) == 2) bits = __builtin_bswap16(bits);
  if constexpr (sizeof(T) == 4) bits = __builtin_bswap32(bits);
  if constexpr (sizeof(T) == 8) bits = __builtin_bswap64(bits);
  std::memcpy(bytes, &bits, sizeof(bits));
}

template <class T>
void AppendBigEndian(T value, std::string& out) {
  char bytes[sizeof(T)];
  WriteBigEndian(value, bytes);
  out.append(bytes, sizeof(bytes));
}

}  // namespace afluente::postgres

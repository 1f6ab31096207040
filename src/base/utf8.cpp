#include "base/utf8.h"

#include <cstdint>
#include <cstring>

namespace afluente {
namespace {

bool IsContinuation(unsigned char byte) { return (byte & 0xc0U) == 0x80U; }

// The length of the well-formed sequence that starts at `p`, 0 if there is none.
std::size_t SequenceLength(const unsigned char* p, std::size_t left) {
  const unsigned char lead = p[0];
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (left < length) return 0;
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xbf;
  if (lead == 0xe0) second_min = 0xa0;
  if (lead == 0xed) second_max = 0x9f;
  if (lead == 0xf0) second_min = 0x90;
  if (lead == 0xf4) second_max = 0x8f;
  if (p[1] < second_min || p[1] > second_max) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (!IsContinuation(p[i])) return 0;
  }
  return length;
}

}  // namespace

bool IsUtf8(const char* bytes, std::size_t size) {
  const auto* p = reinterpret_cast<const unsigned char*>(bytes);
  const unsigned char* const end = p + size;
  while (p != end) {
    while (end - p >= 16) {
      std::uint64_t low = 0;
      std::uint64_t high = 0;
      std::memcpy(&low, p, 8);
      std::memcpy(&high, p + 8, 8);
      if (((low | high) & 0x8080808080808080ULL) != 0) break;
      p += 16;
    }
    // Up to 16 characters before looking for a run of ASCII again.
    for (int i = 0; i < 16 && p != end; ++i) {
      const std::size_t length = SequenceLength(p, static_cast<std::size_t>(end - p));
      if (length == 0) return false;
      p += length;
    }
  }
  return true;
}

}  // namespace afluente

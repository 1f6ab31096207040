#include "server/signature.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <sstream>

#include "connectors/inbox/base64.h"

namespace afluente::server {
namespace {

constexpr std::size_t kDigestBytes = 32;
using Digest = std::array<unsigned char, kDigestBytes>;

Digest Hmac(const std::string& key, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data(), &length);
  Digest result{};
  std::copy_n(digest.begin(), kDigestBytes, result.begin());
  return result;
}

bool IsSame(const Digest& digest, std::string_view bytes) {
  return bytes.size() == digest.size() &&
         CRYPTO_memcmp(digest.data(), bytes.data(), digest.size()) == 0;
}

std::optional<std::string> DecodeHex(std::string_view text) {
  std::string bytes;
  if (text.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const auto parsed = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + i + 2) return std::nullopt;
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::istringstream stream(text);
  std::vector<std::string> parts;
  for (std::string part; std::getline(stream, part, separator);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

Error Refused(const std::string& why) { return {ErrorKind::kUnauthorized, why}; }

}  // namespace

Result<SigningSecrets> SigningSecrets::Parse(const std::string& text) {
  constexpr std::string_view kPrefix = "whsec_";
  constexpr std::size_t kKeyBytesMin = 16;
  SigningSecrets parsed;
  for (const std::string& line : Split(text, '\n')) {
    Secret secret{line, line};
    if (line.starts_with(kPrefix)) {
      auto key = inbox::DecodeBase64(std::string_view(line).substr(kPrefix.size()));
      if (!key) {
        return Error(ErrorKind::kInvalidConfig,
                     "a secret that begins with whsec_ goes on in base64, and this one does not");
      }
      secret.key = *std::move(key);
    }
    if (secret.key.size() < kKeyBytesMin) {
      return Error(ErrorKind::kInvalidConfig,
                   fmt::format("the secret has {} bytes, which can be guessed; take 16 or more, "
                               "such as `openssl rand -hex 32` gives",
                               secret.key.size()));
    }
    parsed.secrets_.push_back(std::move(secret));
  }
  if (parsed.secrets_.empty()) return Error(ErrorKind::kInvalidConfig, "the secret is empty");
  return parsed;
}

Status SigningSecrets::Verify(const SignatureHeaders& headers, std::string_view body,
                              WallTime now) const {
  if (headers.signature.empty() && !headers.hub.empty()) {
    constexpr std::string_view kScheme = "sha256=";
    const auto given = headers.hub.starts_with(kScheme)
                           ? DecodeHex(std::string_view(headers.hub).substr(kScheme.size()))
                           : std::nullopt;
    if (!given) return Refused("X-Hub-Signature-256 is not sha256= and 64 hexadecimal digits");
    for (const Secret& secret : secrets_) {
      if (IsSame(Hmac(secret.text, body), *given)) return Done{};
    }
    return Refused("the signature is not that of this body with this place's secret");
  }
  if (headers.signature.empty() || headers.id.empty() || headers.timestamp.empty()) {
    return Refused(
        "it is not signed: send webhook-id, webhook-timestamp and webhook-signature, or "
        "X-Hub-Signature-256");
  }
  std::int64_t seconds = 0;
  const char* end = headers.timestamp.data() + headers.timestamp.size();
  const auto parsed = std::from_chars(headers.timestamp.data(), end, seconds);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return Refused("webhook-timestamp is no number of seconds since 1970");
  }
  constexpr std::int64_t kToleranceSeconds = 300;
  const auto today =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  if (seconds < today - kToleranceSeconds || seconds > today + kToleranceSeconds) {
    return Refused("webhook-timestamp is more than five minutes away from this machine's time");
  }
  const std::string signed_text = fmt::format("{}.{}.{}", headers.id, headers.timestamp, body);
  std::vector<Digest> wanted;
  for (const Secret& secret : secrets_) wanted.push_back(Hmac(secret.key, signed_text));
  for (const std::string& word : Split(headers.signature, ' ')) {
    if (!word.starts_with("v1,")) continue;  // Of another version.
    const auto given = inbox::DecodeBase64(std::string_view(word).substr(3));
    if (!given) continue;
    for (const Digest& digest : wanted) {
      if (IsSame(digest, *given)) return Done{};
    }
  }
  return Refused(
      "the signature is not that of this id, time stamp and body with this place's "
      "secret");
}

}  // namespace afluente::server

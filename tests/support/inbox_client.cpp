#include "support/inbox_client.h"

#include <fmt/format.h>
#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>

namespace afluente::test {
namespace {

std::string Hmac(const std::string& key, const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

}  // namespace

std::string Sign(const std::string& secret, const std::string& id, long seconds,
                 const std::string& body) {
  const std::string digest = Hmac(secret, fmt::format("{}.{}.{}", id, seconds, body));
  std::string text(4 * (digest.size() / 3 + 1), '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(digest.data()),
                                   static_cast<int>(digest.size()));
  return "v1," + text.substr(0, static_cast<std::size_t>(size));
}

std::string HubSign(const std::string& secret, const std::string& body) {
  std::string hex = "sha256=";
  for (const char byte : Hmac(secret, body)) {
    hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  }
  return hex;
}

std::map<std::string, std::string> SignedHeaders(const std::string& secret, const std::string& id,
                                                 const std::string& body) {
  const long now = std::time(nullptr);
  return {{"webhook-id", id},
          {"webhook-timestamp", std::to_string(now)},
          {"webhook-signature", Sign(secret, id, now, body)}};
}

Answer Post(const std::string& address, const std::string& path,
            const std::map<std::string, std::string>& headers, const std::string& body) {
  httplib::Client client("http://" + address);
  const httplib::Headers sent(headers.begin(), headers.end());
  const auto result = client.Post(path, sent, body, "application/json");
  Answer answer;
  if (!result) return answer;
  answer.status = result->status;
  answer.body = result->body;
  for (const auto& [name, value] : result->headers) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    answer.headers[lower] = value;
  }
  return answer;
}

}  // namespace afluente::test

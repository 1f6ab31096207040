#include "connectors/google/jwt.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/c_handle.h"

namespace afluente::google {
namespace {

using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

Error Unreadable() {
  return {ErrorKind::kUnauthorized,
          "the private key of the service account cannot be read: make a new key, as JSON"};
}

Result<Key> ReadKey(const std::string& pem) {
  const std::unique_ptr<BIO, FreeWith<BIO_free_all>> text(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // A key with a pass phrase must not make OpenSSL ask for it.
  const auto no_phrase = [](char*, int, int, void*) { return 0; };
  Key key(text == nullptr ? nullptr
                          : PEM_read_bio_PrivateKey(text.get(), nullptr, no_phrase, nullptr));
  if (key == nullptr || EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA) return Unreadable();
  return key;
}

}  // namespace

std::string Base64Url(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = (bits << 8U) | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6) {
      text += kDigits[(bits >> static_cast<unsigned>(held - 6)) & 63U];
    }
  }
  if (held > 0) text += kDigits[(bits << static_cast<unsigned>(6 - held)) & 63U];
  return text;
}

Result<std::string> SignJwt(const std::string& claims, const std::string& key,
                            const std::string& key_id) {
  AFL_ASSIGN(const Key read, ReadKey(key));
  const std::string header =
      nlohmann::json{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", key_id}}.dump();
  std::string token = Base64Url(header) + "." + Base64Url(claims);
  const std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  const auto* signed_bytes = reinterpret_cast<const unsigned char*>(token.data());
  std::size_t size = 0;
  const bool sized =
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, read.get()) == 1 &&
      EVP_DigestSign(context.get(), nullptr, &size, signed_bytes, token.size()) == 1;
  std::string signature(size, '\0');
  if (!sized || EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                               &size, signed_bytes, token.size()) != 1) {
    return Unreadable();
  }
  signature.resize(size);
  return token + "." + Base64Url(signature);
}

}  // namespace afluente::google

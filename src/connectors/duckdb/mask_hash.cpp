#include "connectors/duckdb/mask_hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "connectors/duckdb/text_function.h"
#include "pipeline/shaping.h"

namespace afluente::duck {
namespace {

constexpr std::size_t kDigestBytes = 32;

std::array<char, 2 * kDigestBytes> HexDigest(const std::string& salt, const char* bytes,
                                             std::size_t size) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  HMAC(EVP_sha256(), salt.data(), static_cast<int>(salt.size()),
       reinterpret_cast<const unsigned char*>(bytes), size, digest.data(), &length);
  std::array<char, 2 * kDigestBytes> hex{};
  for (std::size_t i = 0; i < kDigestBytes; ++i) {
    hex[2 * i] = kHex[digest[i] >> 4U];
    hex[2 * i + 1] = kHex[digest[i] & 0xfU];
  }
  return hex;
}

void MaskHashVector(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  const auto& salt = *static_cast<const std::string*>(duckdb_scalar_function_get_extra_info(info));
  if (salt.empty()) {
    duckdb_scalar_function_set_error(info, "mask: hash needs mask_salt in estate.yaml");
    return;
  }
  ForEachText(input, output, [&](idx_t row, std::string_view text) {
    const auto hex = HexDigest(salt, text.data(), text.size());
    duckdb_vector_assign_string_element_len(output, row, hex.data(), hex.size());
  });
}

}  // namespace

Status RegisterMaskHash(duckdb_connection connection, const std::string& salt) {
  data::DuckScalarFunction function(duckdb_create_scalar_function());
  const data::DuckType text(duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR));
  duckdb_scalar_function_set_name(function.get(), pipeline::kMaskHashFunction);
  duckdb_scalar_function_add_parameter(function.get(), text.get());
  duckdb_scalar_function_set_return_type(function.get(), text.get());
  duckdb_scalar_function_set_special_handling(function.get());
  duckdb_scalar_function_set_extra_info(function.get(), new std::string(salt), [](void* owned) {
    delete static_cast<std::string*>(owned);
  });
  duckdb_scalar_function_set_function(function.get(), MaskHashVector);
  if (duckdb_register_scalar_function(connection, function.get()) == DuckDBError) {
    return Error(ErrorKind::kInternal, "the mask function cannot be registered");
  }
  return Done{};
}

}  // namespace afluente::duck

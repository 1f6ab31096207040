#include "connectors/duckdb/row_hash.h"

#include <bit>
#include <cstring>

#include "connectors/duckdb/text_function.h"

namespace afluente::duck {
namespace {

static_assert(std::endian::native == std::endian::little);

// Bytes 0 to 15: the key of the reference implementation's own vectors.
constexpr std::uint64_t kKey0 = 0x0706050403020100;
constexpr std::uint64_t kKey1 = 0x0f0e0d0c0b0a0908;

struct SipState {
  std::uint64_t v0 = kKey0 ^ 0x736f6d6570736575;
  std::uint64_t v1 = kKey1 ^ 0x646f72616e646f6d ^ 0xee;  // 0xee: 128 bits of output.
  std::uint64_t v2 = kKey0 ^ 0x6c7967656e657261;
  std::uint64_t v3 = kKey1 ^ 0x7465646279746573;

  void Round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void Add(std::uint64_t word) {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
  std::uint64_t Finish() {
    for (int i = 0; i < 4; ++i) Round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

void RowHashVector(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  (void)info;
  auto* hashes = static_cast<duckdb_uhugeint*>(duckdb_vector_get_data(output));
  ForEachText(input, output,
              [&](idx_t row, std::string_view text) { hashes[row] = RowHash(text); });
}

}  // namespace

duckdb_uhugeint RowHash(std::string_view bytes) {
  SipState state;
  const std::size_t whole = bytes.size() / 8;
  for (std::size_t i = 0; i < whole; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + 8 * i, sizeof(word));
    state.Add(word);
  }
  std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56U;
  std::memcpy(&last, bytes.data() + 8 * whole, bytes.size() % 8);
  state.Add(last);
  state.v2 ^= 0xee;
  const std::uint64_t lower = state.Finish();
  state.v1 ^= 0xdd;
  return {lower, state.Finish()};
}

Status RegisterRowHash(duckdb_connection connection) {
  data::DuckScalarFunction function(duckdb_create_scalar_function());
  const data::DuckType text(duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR));
  const data::DuckType hash(duckdb_create_logical_type(DUCKDB_TYPE_UHUGEINT));
  duckdb_scalar_function_set_name(function.get(), kRowHashFunction);
  duckdb_scalar_function_add_parameter(function.get(), text.get());
  duckdb_scalar_function_set_return_type(function.get(), hash.get());
  duckdb_scalar_function_set_function(function.get(), RowHashVector);
  if (duckdb_register_scalar_function(connection, function.get()) == DuckDBError) {
    return Error(ErrorKind::kInternal, "the row hash function cannot be registered");
  }
  return Done{};
}

}  // namespace afluente::duck

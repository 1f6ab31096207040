// What scalar functions over texts have in common.
#pragma once

#include <string_view>

#include "data/duckdb_api.h"

namespace afluente::duck {

/// Calls `map(row, text)` for each row of the chunk's first column, a VARCHAR;
/// where it is NULL, so is the row of `output`.
template <class F>
void ForEachText(duckdb_data_chunk input, duckdb_vector output, const F& map) {
  duckdb_vector vector = duckdb_data_chunk_get_vector(input, 0);
  auto* texts = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
  std::uint64_t* validity = duckdb_vector_get_validity(vector);
  const idx_t rows = duckdb_data_chunk_get_size(input);
  for (idx_t row = 0; row < rows; ++row) {
    if (validity != nullptr && !duckdb_validity_row_is_valid(validity, row)) {
      duckdb_vector_ensure_validity_writable(output);
      duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
      continue;
    }
    map(row,
        std::string_view(duckdb_string_t_data(&texts[row]), duckdb_string_t_length(texts[row])));
  }
}

}  // namespace afluente::duck

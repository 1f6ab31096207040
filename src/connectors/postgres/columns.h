// Which columns an integration reads, and in which form.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/catalog.h"
#include "connectors/postgres/copy_decoder.h"
#include "connectors/postgres/text_cell_decoder.h"
#include "data/logical_type.h"
#include "estate/estate.h"

namespace afluente::postgres {

/// The columns that are read, in the table's order; views of one list.
struct SelectedColumns {
  data::Schema schema;
  std::vector<TextForm> forms;      // Of what `select_list` yields in COPY BINARY.
  std::vector<TextLayout> layouts;  // Of what the types' output functions print.
  std::vector<bool> cast_to_text;
  std::string select_list;  // `"id", "urn"::text`
};

/// How the output function of `column` prints, against what `mapping` wants.
TextLayout LayoutOf(const data::PostgresColumnType& column, const data::PostgresMapping& mapping);

/// Column rules of the integration whose column the source has not, each with
/// the nearest name.
std::vector<estate::Finding> UnknownColumns(const std::vector<CatalogColumn>& columns,
                                            const estate::Integration& integration);

/// Applies include, exclude and type of the integration's column rules.
/// Errors: kNotFound for a rule whose column the source has not, with file,
/// line and nearest name; kInvalidConfig when nothing is left.
Result<SelectedColumns> SelectColumns(const std::vector<CatalogColumn>& columns,
                                      const estate::Integration& integration);

/// The columns of `schema` by which a dead letter names its row: those of
/// destination.key, but for masked ones.
std::vector<std::size_t> KeyColumns(const estate::Integration& integration,
                                    const data::Schema& schema);

}  // namespace afluente::postgres

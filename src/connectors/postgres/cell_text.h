// PostgreSQL's binary forms as text, for people who look for a value.
#pragma once

#include <string>
#include <string_view>

#include "connectors/postgres/cell_decoder.h"
#include "data/logical_type.h"

namespace afluente::postgres {

/// What the server prints for a non-NULL cell of type `type`, or nearly so: times
/// of day with a zone, text that is not UTF-8, and bytes that are not the type's
/// form come in hex. Valid UTF-8, whatever the bytes are.
///
/// Shape   as DecodeCell's; also of values that it refuses.
/// Source  PostgreSQL src/backend/utils/adt: the *_send and *_out functions.
/// Safety  Reads nothing outside `cell`. Pure.
std::string CellText(const data::LogicalType& type, TextForm form, std::string_view cell);

}  // namespace afluente::postgres

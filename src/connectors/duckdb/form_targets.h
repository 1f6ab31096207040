// What the changes of a table become in it, form by form.
#pragma once

#include <memory>

#include "connectors/duckdb/change_target.h"

namespace afluente::duck {

/// The target of `integration` in its form. Borrows both.
std::unique_ptr<ChangeTarget> MakeChangeTarget(Warehouse& warehouse,
                                               const estate::Integration& integration);

}  // namespace afluente::duck

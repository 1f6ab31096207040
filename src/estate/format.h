// The format of the estate: the one place where keys, types, defaults and meanings are defined.
#pragma once

#include "estate/shape.h"

namespace afluente::estate {

/// estate.yaml.
const Shape& EstateShape();

/// One integration.
const Shape& IntegrationShape();

/// A file of integrations/: one integration or a list.
const Shape& IntegrationFileShape();

/// The YAML file beside a model's SQL.
const Shape& ModelShape();

}  // namespace afluente::estate

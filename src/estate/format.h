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

/// One DAG.
const Shape& DagShape();

/// A file of dags/: one DAG or a list.
const Shape& DagFileShape();

/// A file of templates/.
const Shape& TemplateShape();

/// What stands in the place of an integration or a DAG that a template makes.
const Shape& InstanceShape();

}  // namespace afluente::estate

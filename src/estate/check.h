// Does a file have the shape that the format wants? Knows no key by name.
#pragma once

#include <vector>

#include "estate/shape.h"
#include "estate/yaml.h"

namespace afluente::estate {

/// Appends every mistake of shape in `node`: unknown, missing and double keys,
/// wrong types and values. Marks what is wrong in the nodes (`sound`,
/// `attempted`), so that the rules between keys leave it alone.
void CheckShape(const Shape& shape, YamlNode& node, std::vector<Finding>& findings);

}  // namespace afluente::estate

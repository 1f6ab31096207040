// Fields that several parts of the format share; included by format*.cpp only.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "estate/format.h"
#include "estate/scalars.h"

namespace afluente::estate {

inline Field Required(std::string key, Shape shape, std::string doc) {
  return {.key = std::move(key),
          .shape = std::move(shape),
          .doc = std::move(doc),
          .required = true,
          .fallback = ""};
}

inline Field Optional(std::string key, Shape shape, std::string doc, std::string fallback = "") {
  return {.key = std::move(key),
          .shape = std::move(shape),
          .doc = std::move(doc),
          .required = false,
          .fallback = std::move(fallback)};
}

inline Shape OneOrList(const ScalarKind& kind) {
  return OneOf("", {Scalar(kind), ListOf(Scalar(kind))});
}

Shape TriggerShape();

/// How tasks are tried: retries, timeout, pool.
std::vector<Field> TaskPolicyFields();

/// `fields`, then how a job's runs follow each other, with `is_task` also how it
/// is tried, and who answers for it.
std::vector<Field> WithJobKeys(std::vector<Field> fields, bool is_task);

/// One element of `tests`.
Shape DataTestShape();

}  // namespace afluente::estate

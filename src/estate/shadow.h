// A job that runs beside today's pipeline until it takes its place: the key `shadow` of an
// integration.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "estate/address.h"

namespace afluente::estate {

struct Shadow {
  TableAddress live;         // What the file says under destination: today's pipeline fills it.
  TableAddress shadow;       // Written until the cut-over: live with "__shadow" behind it.
  TableAddress before;       // What stood there, after it: live with "__before" behind it.
  std::string compare_with;  // project.dataset.table or connection:schema.table; live by default.
  int days = 7;              // Without a difference, before the cut-over.
  std::string at = "06:00";  // When the service compares, in the estate's zone.
  Mark mark;
};

/// The `connection:schema.table` form in two parts; nullopt: it is a table of the warehouse.
std::optional<std::pair<std::string, std::string>> SourceTableOf(const std::string& compare_with);

}  // namespace afluente::estate

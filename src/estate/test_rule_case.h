// A row of the tables that test the rules of one integration.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "estate/test_estate.h"

namespace afluente::estate {

using Keys = std::vector<std::pair<std::string, std::string>>;

// A sound integration with some keys changed; a key without a value is left out.
inline std::string IntegrationText(const Keys& changes) {
  Keys keys = {{"integration", "x"},
               {"source", "{ connection: rapidpro, table: public.t }"},
               {"destination", "{ table: coltrane.d.t, key: [id] }"},
               {"mode", "snapshot"}};
  for (const auto& [key, value] : changes) {
    const auto old = std::find_if(keys.begin(), keys.end(), [&, name = key](const auto& entry) {
      return entry.first == name;
    });
    if (old == keys.end()) {
      keys.emplace_back(key, value);
    } else {
      old->second = value;
    }
  }
  std::string text;
  for (const auto& [key, value] : keys) {
    if (!value.empty()) text += key + ": " + value + "\n";
  }
  return text;
}

struct RuleCase {
  std::string name;
  Keys changes;
  std::string want;  // The only finding holds it; "": there is none.
};

inline std::ostream& operator<<(std::ostream& out, const RuleCase& row) { return out << row.name; }

inline void ExpectExactly(const RuleCase& row) {
  TestEstate files;
  files.Write("integrations/x.yaml", IntegrationText(row.changes));
  if (row.want.empty()) {
    EXPECT_THAT(files.Findings(), testing::IsEmpty());
  } else {
    EXPECT_THAT(files.Findings(), testing::ElementsAre(testing::HasSubstr(row.want)));
  }
}

inline constexpr const char* kTopicSource = "{ connection: events, topic: msgs }";
inline constexpr const char* kWarehouseSource = "{ warehouse_table: coltrane.d.s }";

}  // namespace afluente::estate

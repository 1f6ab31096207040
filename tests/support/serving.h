// What tests of the service share: it runs beside them, and they wait for what it does.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/following.h"

namespace afluente::test {

class ServingTest : public FollowingTest {
 protected:
  /// Asks again until `holds` or a minute has passed: each question takes its time itself.
  static bool Soon(const std::function<bool()>& holds) {
    constexpr auto kPatience = std::chrono::minutes(1);
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < end) {
      if (holds()) return true;
    }
    return false;
  }

  /// The row of `integration` in `list` of `lag --json`; null when there is none.
  nlohmann::json Lag(const std::string& integration, const std::string& list = "integrations") {
    const Outcome outcome = estate_.Run({"lag", "--json"});
    if (outcome.exit_code != 0) return nullptr;
    const auto document = nlohmann::json::parse(outcome.out);
    for (const auto& row : document.at(list)) {
      if (row.at("integration") == integration) return row;
    }
    return nullptr;
  }

  std::string StateOf(const std::string& integration) {
    const auto row = Lag(integration);
    return row.is_null() ? "" : row.at("state").get<std::string>();
  }

  void ServeUntilFollowing(const std::vector<std::string>& integrations) {
    service_.emplace(estate_.Afluente({"serve"}));
    for (const std::string& name : integrations) {
      ASSERT_TRUE(Soon([&] { return StateOf(name) == "following"; })) << service_->err();
    }
  }

  std::optional<Process> service_;
};

}  // namespace afluente::test

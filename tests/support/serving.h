// What tests of the service share: it runs beside them, and they wait for what it does.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "support/following.h"

namespace afluente::test {

class ServingTest : public FollowingTest {
 protected:
  /// Asks again until `holds` or a minute has passed: each question takes its time itself.
  static bool Soon(const std::function<bool()>& holds) {
    using std::chrono::steady_clock;
    constexpr auto kPatience = std::chrono::minutes(1);
    for (const auto end = steady_clock::now() + kPatience; steady_clock::now() < end;) {
      if (holds()) return true;
    }
    return false;
  }

  /// What `lag` says; nothing before the service answers.
  nlohmann::json Lag() const {
    const Outcome outcome = estate_.Run({"lag", "--json"});
    const auto none = nlohmann::json::array();
    return outcome.exit_code == 0
               ? nlohmann::json::parse(outcome.out)
               : nlohmann::json{{"integrations", none}, {"slots", none}, {"triggered", none}};
  }

  /// The row of `integration` in `list` of it; null when there is none.
  nlohmann::json Lag(const std::string& integration,
                     const std::string& list = "integrations") const {
    const auto document = Lag();
    for (const auto& row : document.at(list)) {
      if (row.at("integration") == integration) return row;
    }
    return nullptr;
  }

  std::string StateOf(const std::string& integration) const {
    const auto row = Lag(integration);
    return row.is_null() ? "" : row.at("state").get<std::string>();
  }

  /// Starts the service and waits until it follows `integrations`.
  void ServeUntilFollowing(const std::vector<std::string>& integrations) {
    service_.emplace(estate_.Afluente({"serve"}));
    const auto follows = [&](const std::string& name) { return StateOf(name) == "following"; };
    ASSERT_TRUE(Soon([&] {
      return std::all_of(integrations.begin(), integrations.end(), follows);
    })) << service_->err();
  }

  std::optional<Process> service_;
};

}  // namespace afluente::test

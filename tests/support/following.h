// What tests of mode cdc share: tables that are followed, and "is it the same on both sides".
#pragma once

#include <string>
#include <vector>

#include "support/movement.h"

namespace afluente::test {

class FollowingTest : public MovementTest {
 protected:
  /// Declares public.NAME -> dw.d.NAME in mode cdc, with `yaml` below it.
  void Follow(const std::string& name, const std::string& yaml = "") {
    Declare(name, "public." + name, "dw.d." + name, "mode: cdc\n" + yaml);
  }

  /// Runs `name` and expects that `sql` says the same on both sides; "{}" in it
  /// is what stands in front of a table's name.
  void ExpectSame(const std::string& name, const std::string& sql) {
    RunOk(name);
    EXPECT_EQ(WarehouseLines(With(sql, "dw.d.")), SourceLines(With(sql, "public.")));
  }

  static std::string With(std::string sql, const std::string& prefix) {
    for (std::size_t at = sql.find("{}"); at != std::string::npos; at = sql.find("{}")) {
      sql.replace(at, 2, prefix);
    }
    return sql;
  }

  /// Differences that `afluente reconcile` finds.
  int Differences(const std::string& name) {
    const Outcome outcome = estate_.Run({"reconcile", name, "--json"});
    EXPECT_LE(outcome.exit_code, 1) << outcome.ToString();
    if (outcome.exit_code > 1) return -1;
    return nlohmann::json::parse(outcome.out).at("differences").get<int>();
  }

  /// Runs any command line; expects the exit code and every one of `words` on stderr.
  void Fails(const std::vector<std::string>& args, int exit_code,
             const std::vector<std::string>& words) {
    const Outcome outcome = estate_.Run(args);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.ToString();
    for (const std::string& word : words) EXPECT_THAT(outcome.err, testing::HasSubstr(word));
  }
};

}  // namespace afluente::test

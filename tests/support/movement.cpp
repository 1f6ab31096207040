#include "support/movement.h"

#include <fmt/format.h>

#include <chrono>

#include "base/names.h"

namespace afluente::test {

MovementTest::MovementTest()
    : database_(PgCluster::Shared().CreateDatabase()), estate_({{"src", database_->dsn()}}) {}

void MovementTest::Declare(const std::string& name, const std::string& source_table,
                           const std::string& destination, const std::string& yaml) {
  const bool keyed = destination.find("key:") != std::string::npos;
  estate_.Integration(
      name,
      fmt::format("source: {{ connection: src, table: {} }}\n"
                  "destination: {{ table: {} }}\n{}",
                  QuoteLiteral(source_table), keyed ? destination : QuoteLiteral(destination),
                  yaml.find("mode:") == std::string::npos ? "mode: snapshot\n" + yaml : yaml));
}

RunReport MovementTest::RunOk(const std::string& integration,
                              const std::vector<std::string>& flags) {
  std::vector<std::string> args = {"run", integration, "--json"};
  args.insert(args.end(), flags.begin(), flags.end());
  const Outcome outcome = estate_.Run(args);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.ToString();
  if (outcome.exit_code != 0) return {};
  return ReadReport(outcome.out, integration);
}

Outcome MovementTest::RunFails(const std::string& integration, int exit_code,
                               const std::vector<std::string>& words) {
  Outcome outcome = estate_.Run({"run", integration});
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome.ToString();
  for (const std::string& word : words) {
    EXPECT_THAT(outcome.err, testing::HasSubstr(word));
  }
  return outcome;
}

void MovementTest::UntilSome(const std::string& sql) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (database_->Query(sql).empty()) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("never: " + sql);
  }
}

std::vector<std::string> MovementTest::WarehouseColumns(const std::string& table) {
  return WarehouseLines(
      fmt::format("select column_name || ' ' || data_type from information_schema.columns "
                  "where table_catalog = 'dw' and table_schema = 'd' and table_name = {} "
                  "order by ordinal_position",
                  QuoteLiteral(table)));
}

}  // namespace afluente::test

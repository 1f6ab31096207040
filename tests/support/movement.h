// What most tests of movement need: a source database, an estate, and short
// words for "run it" and "what stands there now".
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "support/estate_folder.h"
#include "support/pg_cluster.h"

namespace afluente::test {

/// A fresh database `src` and an estate that knows it, for each test.
class MovementTest : public testing::Test {
 protected:
  MovementTest();

  /// Declares integration `t`: public.t -> dw.d.t, with `yaml` below it.
  void Declare(const std::string& yaml) { Declare("t", "public.t", "dw.d.t", yaml); }
  void Declare(const std::string& name, const std::string& source_table,
               const std::string& destination, const std::string& yaml);

  /// Runs the integrations and expects exit code 0.
  RunReport RunOk(const std::string& integration, const std::vector<std::string>& flags = {});
  /// Runs it and expects `exit_code` and every one of `words` on stderr.
  Outcome RunFails(const std::string& integration, int exit_code,
                   const std::vector<std::string>& words);

  void Source(const std::string& sql) { database_->Exec(sql); }
  std::vector<std::string> SourceLines(const std::string& sql) {
    return Lines(database_->Query(sql));
  }
  std::vector<std::string> WarehouseLines(const std::string& sql) {
    return Lines(estate_.Query(sql));
  }
  /// Asks the source until `sql` yields a row.
  void UntilSome(const std::string& sql);
  /// "id INTEGER", "name VARCHAR": the columns of a warehouse table in order.
  std::vector<std::string> WarehouseColumns(const std::string& table = "t");

  std::unique_ptr<PgDatabase> database_;
  EstateFolder estate_;
};

}  // namespace afluente::test

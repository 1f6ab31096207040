// What the tests of forms soft_delete and history share.
#pragma once

#include <string>

#include "support/following.h"

namespace afluente::test {

/// Three rows with a blob that is stored out of line.
class FormsTest : public FollowingTest {
 protected:
  FormsTest() {
    Source(
        "create table t(id int primary key, name text, blob text);"
        "alter table t alter blob set storage external;"
        "insert into t select i, 'name ' || i, repeat(md5(i::text), 300) from "
        "generate_series(1, 3) i");
  }

  std::string Now() { return database_->Value("select clock_timestamp()::text"); }
  void SendLargeTransactionsEarly() {
    estate_.SetEnv("SRC_DSN", database_->dsn() + " options='-c logical_decoding_work_mem=64kB'");
  }
  /// Runs t and expects that reconcile finds no difference and has compared `columns` columns.
  void ExpectReconciled(int columns = 3) {
    RunOk("t");
    const Outcome outcome = estate_.Run({"reconcile", "t", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.ToString();
    const auto report = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(report.at("differences"), 0);
    EXPECT_EQ(report.at("source_rows"), report.at("destination_rows"));
    EXPECT_EQ(report.at("columns").size(), columns) << outcome.out;
  }
};

}  // namespace afluente::test

// Two integrations that would feed each other: what afluente wrote itself does not come again.
#include <fmt/format.h>

#include "support/following.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;

/// public.t is followed into dw.d.t, and `back` writes dw.d.t into public.t.
class CdcOriginTest : public FollowingTest {
 protected:
  CdcOriginTest() {
    Source("create table t(id int primary key, name text); insert into t values (1, 'one')");
    estate_.Integration("back",
                        "source: { warehouse_table: dw.d.t }\n"
                        "destination: { connection: src, table: public.t, key: [id] }\n"
                        "columns: { name: { mask: redact } }\nmode: snapshot\n");
  }
  void FollowT(const std::string& origin) {
    estate_.Integration("t", fmt::format("source: {{ connection: src, table: public.t{} }}\n"
                                         "destination: {{ table: dw.d.t }}\nmode: cdc\n",
                                         origin));
  }
  std::vector<std::string> Names() { return WarehouseLines("select name from dw.d.t order by id"); }
};

TEST_F(CdcOriginTest, ACircleIsAFinding) {
  FollowT("");
  const Outcome check = estate_.Run({"check", "--offline"});
  EXPECT_THAT(check.out + check.err,
              testing::HasSubstr("integration \"back\" writes back into this "
                                 "table"));
}

TEST_F(CdcOriginTest, WhatAfluenteWroteIsLeftOutAndTheRestIsNot) {
  FollowT(", origin: none");
  RunOk("t");
  RunOk("back");
  EXPECT_EQ(SourceLines("select name from t"), (std::vector<std::string>{"***"}));
  RunOk("t");
  EXPECT_THAT(Names(), ElementsAre("one"));
  Source("insert into t values (2, 'two'); update t set name = 'uno' where id = 1");
  RunOk("t");
  EXPECT_THAT(Names(), ElementsAre("uno", "two"));
}

// A message before its changes also where the server sends them before they commit.
TEST_F(CdcOriginTest, ALargeTransactionOfOursIsLeftOut) {
  estate_.SetEnv("SRC_DSN", database_->dsn() + " options='-c logical_decoding_work_mem=64kB'");
  Source("insert into t select i, repeat('x', 100) from generate_series(2, 15000) i");
  FollowT(", origin: none");
  RunOk("t");
  RunOk("back");
  RunOk("t");
  EXPECT_EQ(WarehouseLines("select count(*)::varchar from dw.d.t where name = '***'"),
            (std::vector<std::string>{"0"}));
}

TEST_F(CdcOriginTest, ReplicatedChangesHaveAnOriginToo) {
  FollowT(", origin: none");
  RunOk("t");
  PgSession session(database_->dsn());
  const std::string origin = "'elsewhere_' || current_database()";
  session.Exec("select pg_replication_origin_create(" + origin + ")");
  session.Exec("select pg_replication_origin_session_setup(" + origin + ")");
  session.Exec("insert into t values (2, 'replicated')");
  session.Exec("select pg_replication_origin_session_reset()");
  session.Exec("select pg_replication_origin_drop(" + origin + ")");
  session.Exec("insert into t values (3, 'own')");
  RunOk("t");
  EXPECT_THAT(Names(), ElementsAre("one", "own"));
}

}  // namespace
}  // namespace afluente::test

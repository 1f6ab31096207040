// The second sink: Parquet files in the lake, the raw zone.
#include <fmt/format.h>

#include "support/movement.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LakeTest : public MovementTest {
 protected:
  void DeclareLake(const std::string& yaml) {
    estate_.Integration("t",
                        "source: { connection: src, table: public.t }\n"
                        "destination: { lake: dw/raw/crm/t }\n" +
                            yaml);
  }
  std::filesystem::path folder() const {
    return estate_.state() / "lake" / "dw" / "raw" / "crm" / "t";
  }
  /// Through the name that `query` gives it.
  std::vector<std::string> LakeView(const std::string& select) {
    return WarehouseLines("select " + select + " from lake.\"dw/raw/crm/t\"");
  }
  /// As another program would read the folder.
  std::vector<std::string> Lake(const std::string& select) {
    return WarehouseLines(
        fmt::format("select {} from read_parquet('{}/**/*.parquet', union_by_name = true, "
                    "hive_partitioning = false)",
                    select, folder().string()));
  }
};

TEST_F(LakeTest, SnapshotWritesParquetThatQueryReads) {
  Source(
      "create table t(id int, v text, at timestamptz, n numeric(12,4), xs int[], j jsonb);"
      "insert into t select i, 'v' || i, '2026-01-01 10:00:00.5+00', i / 4.0, array[i, null], "
      "jsonb_build_object('i', i) from generate_series(1, 5000) i");
  DeclareLake("mode: snapshot");
  EXPECT_EQ(RunOk("t").rows, 5000);
  EXPECT_THAT(Lake("count(*)::varchar, sum(id)::varchar, sum(n)::varchar"),
              ElementsAre("5000|12502500|3125625.0000"));
  EXPECT_THAT(Lake("id, v, epoch_us(\"at\"), xs[1], len(xs), j").at(0), HasSubstr("v"));
}

TEST_F(LakeTest, SnapshotReplaces) {
  Source("create table t(id int); insert into t values (1), (2)");
  DeclareLake("mode: snapshot");
  RunOk("t");
  Source("delete from t where id = 1");
  RunOk("t");
  EXPECT_THAT(LakeView("id"), ElementsAre("2"));
  EXPECT_THAT(Lake("id"), ElementsAre("2"));
}

TEST_F(LakeTest, IncrementalAppends) {
  Source("create table t(id int, v text); insert into t values (1, 'a'), (2, 'b')");
  DeclareLake("mode: incremental\ncursor: [id]");
  EXPECT_EQ(RunOk("t").rows, 2);
  Source("insert into t values (3, 'c')");
  EXPECT_EQ(RunOk("t").rows, 1);
  EXPECT_EQ(RunOk("t").rows, 0);
  EXPECT_THAT(LakeView("count(*)::varchar, count(distinct id)::varchar, max(v)"),
              ElementsAre("3|3|c"));
  EXPECT_THAT(Lake("count(*)::varchar, count(distinct id)::varchar, max(v)"), ElementsAre("3|3|c"));
}

TEST_F(LakeTest, FailedRunLeavesNoFile) {
  Source("create table t(id int, n numeric(5,2)); insert into t values (1, 1), (2, 'NaN')");
  DeclareLake("mode: snapshot");
  RunFails("t", 1, {"\"n\""});
  std::vector<std::string> files;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder(), ignored)) {
    if (entry.path().extension() == ".parquet") files.push_back(entry.path());
  }
  EXPECT_THAT(files, IsEmpty());
}

TEST_F(LakeTest, TransformAndMasksApply) {
  Source("create table t(id int, phone text); insert into t values (1, '+5511999991234')");
  DeclareLake(
      "mode: snapshot\ncolumns: { phone: { mask: last4 } }\n"
      "transform: \"select id * 10 as id, phone from batch\"");
  RunOk("t");
  EXPECT_THAT(Lake("id, phone"), ElementsAre("10|***1234"));
}

TEST_F(LakeTest, QueryReachesTheLakeAndNothingElse) {
  const Outcome outcome =
      estate_.Run({"query", "select * from read_text('/etc/hostname')", "--format", "csv"});
  EXPECT_NE(outcome.exit_code, 0);
  const Outcome copy = estate_.Run(
      {"query", fmt::format("copy (select 1) to '{}/out.csv'", estate_.path().string())});
  EXPECT_NE(copy.exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(estate_.path() / "out.csv"));
}

}  // namespace
}  // namespace afluente::test

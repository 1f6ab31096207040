#include "connectors/bigquery/publish_sql.h"

#include <gmock/gmock.h>

namespace afluente::bigquery {
namespace {

std::vector<ColumnForm> Columns() {
  return {FormOf("id", "BIGINT").value(), FormOf("by", "JSON").value()};
}

constexpr const char* kRows = "SELECT `id` AS `id`, PARSE_JSON(`by`) AS `by` FROM `p.d.stage`";

TEST(PublishSqlTest, SaysWhatBecomesOfTheRows) {
  const estate::TableAddress target{"p", "d", "t"};
  const estate::TableAddress stage{"p", "d", "stage"};
  const std::string insert = std::string("INSERT INTO `p.d.t` (`id`, `by`) ") + kRows + ";\n";
  EXPECT_EQ(PublishSql(Publish::kInsert, target, stage, Columns(), {}), insert);
  EXPECT_EQ(PublishSql(Publish::kReplace, target, stage, Columns(), {}),
            "DELETE FROM `p.d.t` WHERE TRUE;\n" + insert);
  EXPECT_EQ(PublishSql(Publish::kMerge, target, stage, Columns(), {"id"}),
            std::string("MERGE INTO `p.d.t` AS t USING (") + kRows +
                ") AS s ON t.`id` = s.`id` WHEN MATCHED THEN UPDATE SET `by` = s.`by` WHEN NOT "
                "MATCHED THEN INSERT (`id`, `by`) VALUES (s.`id`, s.`by`);\n");
}

TEST(PublishSqlTest, ATableOfKeysHasNothingToUpdate) {
  const std::string merge =
      PublishSql(Publish::kMerge, {"p", "d", "t"}, {"p", "d", "stage"}, Columns(), {"id", "by"});
  EXPECT_THAT(merge, testing::HasSubstr("ON t.`id` = s.`id` AND t.`by` = s.`by` WHEN NOT MATCHED"));
  EXPECT_THAT(merge, testing::Not(testing::HasSubstr("UPDATE")));
}

}  // namespace
}  // namespace afluente::bigquery

#include "connectors/postgres/columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace afluente::postgres {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

CatalogColumn Column(const std::string& name, std::uint32_t oid, const std::string& type) {
  CatalogColumn column;
  column.name = name;
  column.type_name = type;
  column.type.oid = oid;
  return column;
}

std::vector<CatalogColumn> Contacts() {
  std::vector<CatalogColumn> columns = {
      Column("id", 20, "bigint"), Column("urn", 25, "text"), Column("fields", 3802, "jsonb"),
      Column("state", 1042, "character(2)"), Column("address", 869, "inet")};
  columns.front().nullable = false;
  columns.push_back(Column("addresses", 1041, "inet[]"));
  columns.back().type.element_oid = 869;
  return columns;
}

estate::Integration Integration(std::map<std::string, estate::ColumnRule> rules) {
  estate::Integration integration;
  integration.columns = std::move(rules);
  return integration;
}

estate::ColumnRule Include() {
  estate::ColumnRule rule;
  rule.include = true;
  return rule;
}

estate::ColumnRule Exclude() {
  estate::ColumnRule rule;
  rule.exclude = true;
  return rule;
}

estate::ColumnRule Type(const std::string& type) {
  estate::ColumnRule rule;
  rule.type = type;
  return rule;
}

std::vector<std::string> Names(const data::Schema& schema) {
  std::vector<std::string> names;
  for (const data::Column& column : schema) names.push_back(column.name);
  return names;
}

TEST(SelectColumnsTest, TakesAllAndSaysHowEachTravels) {
  const auto selected = SelectColumns(Contacts(), Integration({}));
  ASSERT_TRUE(selected.ok());
  EXPECT_EQ(selected.value().select_list,
            R"("id", "urn", "fields", "state", "address"::text, "addresses"::text[])");
  EXPECT_THAT(selected.value().forms,
              ElementsAre(TextForm::kPlain, TextForm::kPlain, TextForm::kJsonb, TextForm::kBpchar,
                          TextForm::kPlain, TextForm::kPlain));
  EXPECT_THAT(selected.value().cast_to_text, ElementsAre(false, false, false, false, true, true));
  EXPECT_FALSE(selected.value().schema.front().nullable);
  EXPECT_EQ(selected.value().schema.back().type.DuckdbName(), "VARCHAR[]");
}

TEST(SelectColumnsTest, SaysWhatOutputFunctionsPrint) {
  std::vector<CatalogColumn> columns = Contacts();
  columns.push_back(Column("boxes", 1020, "box[]"));
  columns.back().type.element_oid = 603;
  columns.back().type.delimiter = ';';
  columns.push_back(Column("active", 16, "boolean"));
  columns.push_back(Column("flag", 16, "boolean"));
  const auto selected =
      SelectColumns(columns, Integration({{"flag", Type("text")}, {"addresses", Type("text")}}));
  ASSERT_TRUE(selected.ok());
  std::vector<OutputForm> forms;
  for (const TextLayout& layout : selected.value().layouts) forms.push_back(layout.form);
  EXPECT_THAT(forms, ElementsAre(OutputForm::kPlain, OutputForm::kPlain, OutputForm::kPlain,
                                 OutputForm::kBpchar, OutputForm::kInet, OutputForm::kPlain,
                                 OutputForm::kPlain, OutputForm::kPlain, OutputForm::kBool));
  EXPECT_EQ(selected.value().layouts[6].delimiter, ';');
}

TEST(SelectColumnsTest, LeavesExcludedColumnsOut) {
  const auto selected =
      SelectColumns(Contacts(), Integration({{"urn", Exclude()}, {"addresses", Exclude()}}));
  ASSERT_TRUE(selected.ok());
  EXPECT_THAT(Names(selected.value().schema), ElementsAre("id", "fields", "state", "address"));
}

TEST(SelectColumnsTest, OneIncludeLeavesAllOthersOut) {
  const auto selected = SelectColumns(
      Contacts(), Integration({{"state", Include()}, {"id", Include()}, {"urn", Type("text")}}));
  ASSERT_TRUE(selected.ok());
  EXPECT_THAT(Names(selected.value().schema), ElementsAre("id", "state"));
}

TEST(SelectColumnsTest, TextFormOfAColumnIsPlain) {
  const auto selected = SelectColumns(
      Contacts(), Integration({{"fields", Type("text")}, {"addresses", Type("text")}}));
  ASSERT_TRUE(selected.ok());
  EXPECT_THAT(selected.value().select_list, HasSubstr(R"("fields"::text)"));
  EXPECT_THAT(selected.value().select_list, testing::EndsWith(R"("addresses"::text)"));
  EXPECT_EQ(selected.value().forms[2], TextForm::kPlain);
}

TEST(SelectColumnsTest, QuotesNames) {
  const auto selected = SelectColumns({Column(R"(a"b)", 23, "integer")}, Integration({}));
  ASSERT_TRUE(selected.ok());
  EXPECT_EQ(selected.value().select_list, R"("a""b")");
}

TEST(SelectColumnsTest, NamesTheRuleWithoutAColumn) {
  estate::ColumnRule rule = Exclude();
  rule.mark = {"integrations/contacts.yaml", 14, 3};
  const auto failed = SelectColumns(Contacts(), Integration({{"urns", rule}}));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kNotFound);
  EXPECT_EQ(failed.error().message(),
            "integrations/contacts.yaml:14:3: column \"urns\" is not in the source "
            "(did you mean \"urn\"?)");
}

TEST(SelectColumnsTest, RefusesToReadNothing) {
  const auto failed = SelectColumns({Column("id", 20, "bigint")}, Integration({{"id", Exclude()}}));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kInvalidConfig);
}

}  // namespace
}  // namespace afluente::postgres

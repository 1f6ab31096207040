#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "estate/test_estate.h"

namespace afluente::estate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kTemplate = R"(template: hourly-table
description: A table of the application, each hour
parameters:
  name: { type: text }
  key: { type: list, default: [id] }
  lanes: { type: integer, default: 2 }
  columns: { type: map, default: {} }
integration:
  integration: "{{ with.name }}"
  description: "{{ with.name }} of the application"
  source: { connection: app, table: "public.{{ with.name }}" }
  destination: { table: "operations-dashboards.analytics.dim_{{ with.name }}", key: "{{ with.key }}" }
  mode: snapshot
  parallel: "{{ with.lanes }}"
)";

class TemplatesTest : public testing::Test {
 protected:
  TemplatesTest() {
    std::string text = kTemplate;
    text.erase(text.find("  columns:"),
               text.find("integration:\n  integ") - text.find("  columns:"));
    estate_.Write("templates/hourly.yaml", text);
  }
  TestEstate estate_;
};

TEST_F(TemplatesTest, OneDefinitionMakesManyIntegrations) {
  estate_.Write("integrations/tables.yaml",
                "- { use: hourly-table, with: { name: users } }\n"
                "- { use: hourly-table, with: { name: orders, key: [id, part], lanes: 4 } }\n");
  const auto loaded = Load(estate_.folder(), "");
  ASSERT_TRUE(loaded.ok());
  EXPECT_THAT(estate_.Findings(), IsEmpty());
  const auto& made = loaded.value().estate.integrations;
  ASSERT_EQ(made.size(), 2U);
  EXPECT_EQ(made.at("users").source.table, "public.users");
  EXPECT_THAT(made.at("users").destination.key, ElementsAre("id"));
  EXPECT_EQ(made.at("users").parallel, 2);
  EXPECT_EQ(made.at("orders").destination.table->ToString(),
            "operations-dashboards.analytics.dim_orders");
  EXPECT_THAT(made.at("orders").destination.key, ElementsAre("id", "part"));
  EXPECT_EQ(made.at("orders").parallel, 4);
  EXPECT_EQ(made.at("orders").mark.ToString(), "integrations/tables.yaml:2:3");
}

TEST_F(TemplatesTest, DagsKeepWhatARunPutsIn) {
  estate_.Write("templates/load.yaml",
                "template: load\nparameters: { name: { type: text } }\ndag:\n"
                "  dag: \"load-{{ with.name }}\"\n  tasks:\n"
                "    a: { command: [load, \"{{ with.name }}\", \"{{ interval.start }}\"] }\n");
  estate_.Write("dags/load.yaml", "use: load\nwith: { name: msgs }\n");
  estate_.Write("integrations/tables.yaml", "use: hourly-table\nwith: { name: users }\n");
  EXPECT_THAT(estate_.Findings(), IsEmpty());
  const auto loaded = Load(estate_.folder(), "");
  const Dag& dag = loaded.value().estate.dags.at("load-msgs");
  EXPECT_THAT(std::get<CommandTask>(dag.tasks.at(0).action).arguments,
              ElementsAre("load", "msgs", "{{ interval.start }}"));
}

struct UseCase {
  std::string name;
  std::string use;
  std::string want;
};

class BadUseTest : public TemplatesTest, public testing::WithParamInterface<UseCase> {};

TEST_P(BadUseTest, SaysWhere) {
  estate_.Write("integrations/tables.yaml", GetParam().use);
  EXPECT_THAT(estate_.Findings(), ElementsAre(HasSubstr(GetParam().want)));
}

INSTANTIATE_TEST_SUITE_P(
    Uses, BadUseTest,
    testing::Values(
        UseCase{"UnknownTemplate", "use: hourly-tabel\nwith: { name: a }\n",
                "integrations/tables.yaml:1:6: no template \"hourly-tabel\" stands in templates/ "
                "(did you mean \"hourly-table\"?)"},
        UseCase{"UnknownParameter", "use: hourly-table\nwith: { name: a, kye: [b] }\n",
                "integrations/tables.yaml:2:18: the template has no parameter \"kye\" (did you "
                "mean \"key\"?)"},
        UseCase{"Missing", "use: hourly-table\nwith: { key: [b] }\n",
                "the template needs the parameter name"},
        UseCase{"WrongType", "use: hourly-table\nwith: { name: a, lanes: many }\n",
                "with.lanes: expected integer, not \"many\""},
        UseCase{"TextForList", "use: hourly-table\nwith: { name: a, key: id }\n",
                "with.key: expected list, not \"id\""},
        UseCase{"WhatItMakesIsChecked", "use: hourly-table\nwith: { name: a, lanes: 65 }\n",
                "integrations/tables.yaml:2:25: parallel: expected a whole number from 0 to 64"},
        UseCase{"OtherKeys", "use: hourly-table\nwith: { name: a }\nmode: cdc\n",
                "unknown key \"mode\""}),
    [](const auto& row) { return row.param.name; });

TEST(TemplateFileTest, SaysWhatIsWrongWithIt) {
  TestEstate estate;
  estate.Write("templates/t.yaml", kTemplate);
  EXPECT_THAT(estate.Findings(), ElementsAre(HasSubstr("parameter columns is used nowhere")));
  estate.Write("templates/t.yaml",
               "template: t\nparameters: {}\nintegration: { integration: \"{{ with.nam }}\" }\n");
  EXPECT_THAT(estate.Findings(), ElementsAre(HasSubstr("has no parameter \"nam\"")));
  estate.Write("templates/t.yaml", "template: t\n");
  EXPECT_THAT(estate.Findings(), ElementsAre(HasSubstr("exactly one of integration, dag")));
}

}  // namespace
}  // namespace afluente::estate

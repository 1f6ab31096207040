#include "estate/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

#include "estate/test_estate.h"

namespace afluente::estate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace std::chrono_literals;

TEST(LoadTest, ReadsTheSampleWhole) {
  TestEstate files;
  files.Write("integrations/contacts.yaml", kSampleIntegration);
  const Result<Loaded> loaded = Load(files.folder());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_THAT(files.Findings(), IsEmpty());

  const Estate& estate = loaded.value().estate;
  EXPECT_EQ(estate.name, "movva");
  EXPECT_EQ(estate.folder, files.folder().string());
  EXPECT_EQ(estate.time_zone, "America/Sao_Paulo");
  EXPECT_EQ(estate.currency, "BRL");
  EXPECT_EQ(estate.warehouse.engine, WarehouseEngine::kDuckdb);
  EXPECT_EQ(estate.warehouse.path, "warehouse");
  EXPECT_EQ(estate.lake_url, "file://lake");
  EXPECT_EQ(estate.mask_salt, "${env:MASK_SALT}");
  EXPECT_THAT(estate.projects, SizeIs(4));
  EXPECT_EQ(estate.projects.at("rapidpro-217518").description, "Messaging platform (RapidPro)");
  EXPECT_EQ(estate.projects.at("rapidpro-217518").mark.ToString(), "estate.yaml:10:3");
  const Connection& connection = estate.connections.at("rapidpro");
  EXPECT_EQ(connection.type, ConnectionType::kPostgres);
  EXPECT_EQ(connection.project, "rapidpro-217518");
  EXPECT_EQ(connection.dsn, "${env:RAPIDPRO_DSN}");

  const Integration& contacts = estate.integrations.at("contacts");
  EXPECT_EQ(contacts.source.connection, "rapidpro");
  EXPECT_EQ(contacts.source.table, "public.contacts");
  EXPECT_EQ(contacts.destination.table->ToString(), "operations-dashboards.analytics.dim_contacts");
  EXPECT_THAT(contacts.destination.key, ElementsAre("id"));
  EXPECT_EQ(contacts.mode, Mode::kCdc);
  EXPECT_EQ(contacts.trigger.kind, Trigger::Kind::kContinuous);
  EXPECT_EQ(contacts.columns.at("urn").mask, Mask::kHash);
  EXPECT_EQ(contacts.columns.at("urn").pii, "phone");
  EXPECT_EQ(contacts.columns.at("name").mark.ToString(), "integrations/contacts.yaml:9:3");
  EXPECT_EQ(contacts.service_account, "api-sa");
  EXPECT_EQ(contacts.sla->max_staleness, 60s);
  EXPECT_EQ(contacts.sla->alert, AlertLevel::kCritical);
  EXPECT_EQ(contacts.owner, "dados@movva.example");
  EXPECT_THAT(contacts.tags, ElementsAre("rapidpro", "pii"));
  EXPECT_EQ(contacts.EffectiveWrite(), Write::kUpsert);
  EXPECT_EQ(contacts.mark.ToString(), "integrations/contacts.yaml:1:14");
}

}  // namespace
}  // namespace afluente::estate

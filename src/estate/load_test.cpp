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
  EXPECT_EQ(estate.projects.at("rapidpro-217518").mark.ToString(), "estate.yaml:11:3");
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

TEST(LoadTest, AppliesAProfile) {
  TestEstate files;
  const Result<Loaded> loaded = Load(files.folder(), "gcp");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_THAT(loaded.value().findings, IsEmpty());
  const Estate& estate = loaded.value().estate;
  EXPECT_EQ(estate.warehouse.engine, WarehouseEngine::kBigquery);
  EXPECT_EQ(estate.warehouse.location, "southamerica-east1");
  EXPECT_EQ(estate.warehouse.path, "warehouse");  // What the profile does not name stays.
  EXPECT_EQ(estate.lake_url, "gs://movva-datalake-raw");
}

TEST(LoadTest, FillsInWhatTheIntegrationLeavesOpen) {
  TestEstate files;
  files.Write("integrations/all.yaml", R"(
- integration: a
  source: { connection: app, table: app.a }
  destination: { table: coltrane.d.a, key: id }
  mode: incremental
  cursor: updated_at
  lookback: 10m
  trigger: { cron: "@hourly" }
- integration: b
  source: { connection: app, table: app.b }
  destination: { lake: coltrane/raw/b/ }
  mode: event
  trigger: { on: change }
- integration: c
  source: { warehouse_table: coltrane.d.x }
  destination: { connection: app, table: app.c, key: [id, day] }
  mode: snapshot
  trigger: { on: asset }
  deletes: delete
  write: upsert
  parallel: 4
)");
  EXPECT_THAT(files.Findings(), IsEmpty());
  const Result<Loaded> loaded = Load(files.folder());
  const auto& integrations = loaded.value().estate.integrations;

  const Integration& a = integrations.at("a");
  EXPECT_THAT(a.cursor, ElementsAre("updated_at"));
  EXPECT_EQ(a.lookback, 10min);
  EXPECT_THAT(a.destination.key, ElementsAre("id"));
  EXPECT_EQ(a.EffectiveWrite(), Write::kUpsert);
  ASSERT_EQ(a.trigger.schedules.size(), 1U);
  EXPECT_EQ(a.trigger.schedules[0].zone, "America/Sao_Paulo");
  EXPECT_EQ(a.trigger.schedules[0].cron, "@hourly");

  const Integration& b = integrations.at("b");
  EXPECT_EQ(b.destination.lake->ToString(), "coltrane/raw/b");
  EXPECT_EQ(b.trigger.subject, "app:app.b");
  EXPECT_EQ(b.EffectiveWrite(), Write::kAppend);

  const Integration& c = integrations.at("c");
  EXPECT_EQ(c.destination.connection, "app");
  EXPECT_EQ(c.destination.connection_table, "app.c");
  EXPECT_FALSE(c.destination.table);
  EXPECT_EQ(c.trigger.subject, "coltrane.d.x");
  EXPECT_EQ(c.deletes, Deletes::kDelete);
  EXPECT_EQ(c.parallel, 4);
}

TEST(LoadTest, ReportsTenMistakesInOnePassInOrder) {
  TestEstate files;
  std::string estate = kSampleEstate;
  estate.replace(estate.find("currency: BRL"), 13, "currency: real");
  files.Write("estate.yaml", estate);
  files.Write("integrations/a.yaml", R"(integration: a
source: { connection: rapidpo, tabel: public.contacts }
destination: { table: operations-dashboards.analytics, key: [id] }
mode: incremental
mod: cdc
trigger: { cron: "0 25 * * *", zone: America/Sao_Paolo }
write: replace
sla: { max_staleness: 60 }
tags: [A]
)");
  EXPECT_THAT(
      files.Findings(),
      ElementsAre(
          HasSubstr("estate.yaml:3:11: currency: expected a currency's ISO 4217 code such as BRL, "
                    "not \"real\""),
          HasSubstr("integrations/a.yaml:2:32: unknown key \"tabel\" in source"),
          HasSubstr("integrations/a.yaml:3:23: destination.table: expected"),
          HasSubstr("integrations/a.yaml:4:7: mode: incremental needs a cursor"),
          HasSubstr("integrations/a.yaml:5:1: unknown key \"mod\" in integration (did you mean "
                    "\"mode\"?)"),
          HasSubstr("integrations/a.yaml:6:18: trigger.cron: expected"),
          HasSubstr("integrations/a.yaml:6:38: trigger.zone: expected"),
          HasSubstr("integrations/a.yaml:7:8: write: replace with mode incremental"),
          HasSubstr("integrations/a.yaml:8:23: sla.max_staleness: expected"),
          HasSubstr("integrations/a.yaml:9:8: tags: expected")));
}

TEST(LoadTest, RefusesWhatIsNoEstate) {
  TestEstate files;
  const auto message = [](const Result<Loaded>& loaded) {
    EXPECT_FALSE(loaded.ok());
    if (loaded.ok()) return std::string();
    EXPECT_EQ(loaded.error().kind(), ErrorKind::kInvalidConfig);
    return loaded.error().message();
  };
  EXPECT_THAT(message(Load(files.folder() / "nowhere")), HasSubstr("nowhere is not a folder"));
  EXPECT_THAT(message(Load(files.folder(), "gcpp")),
              HasSubstr("no profile \"gcpp\" is declared in estate.yaml (did you mean \"gcp\"?)"));
  std::filesystem::rename(files.folder() / "estate.yaml", files.folder() / "estate.yml");
  EXPECT_THAT(message(Load(files.folder())),
              HasSubstr("estate.yaml does not exist; rename estate.yml to estate.yaml"));
  std::filesystem::create_directory(files.folder() / "estate.yaml");
  EXPECT_THAT(message(Load(files.folder())), HasSubstr("estate.yaml is a folder, not a file"));
}

TEST(LoadTest, SaysWhichFilesItCannotRead) {
  TestEstate files;
  files.Write("integrations/a.yml", kSampleIntegration);
  files.Write("integrations/sub/b.yaml", kSampleIntegration);
  files.Write("integrations/README.md", "not read, and nobody expects it");
  files.Write("integrations/.b.yaml", "an editor's own: {");
  files.Write("integrations/c.yaml/x", "");
  ASSERT_EQ(mkfifo((files.folder() / "integrations/d.yaml").c_str(), 0600), 0);
  std::filesystem::create_symlink("nowhere", files.folder() / "integrations/e.yaml");
  std::vector<std::string> want = {
      "integrations/a.yml: this file is not read: rename it to a.yaml",
      "integrations/c.yaml: this file is a folder, not a file: rename it",
      "integrations/d.yaml: this file is not a regular file: replace it by one",
      "integrations/e.yaml: this file does not exist",
      "integrations/sub: files in this folder are not read: move them to integrations/"};
  if (geteuid() != 0) {  // Root reads everything.
    files.Write("integrations/f.yaml", kSampleIntegration);
    std::filesystem::permissions(files.folder() / "integrations/f.yaml",
                                 std::filesystem::perms::none);
    want.insert(want.begin() + 4,
                "integrations/f.yaml: this file cannot be read: check its permissions");
  }
  EXPECT_THAT(files.Findings(), testing::ElementsAreArray(want));
}

TEST(LoadTest, BrokenEstateFileDoesNotBlameTheIntegrations) {
  TestEstate files;
  files.Write("estate.yaml", "estate: [\n");
  files.Write("integrations/a.yaml", kSampleIntegration);
  EXPECT_THAT(files.Findings(), ElementsAre(HasSubstr("estate.yaml:2:1: YAML: a [ is not closed")));
  files.Write("estate.yaml", "estate: a\nconnection: {}\nprojects: [x]\n");
  EXPECT_THAT(files.Findings(),
              ElementsAre(HasSubstr("unknown key \"connection\" in estate"),
                          HasSubstr("projects: expected a map"), HasSubstr("needs a secret key")));
}

TEST(FindEstateFolderTest, LooksUpwards) {
  TestEstate files;
  std::filesystem::create_directories(files.folder() / "a/b");
  const Result<std::filesystem::path> found = FindEstateFolder(files.folder() / "a/b");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found.value(), files.folder());
  std::filesystem::remove(files.folder() / "estate.yaml");
  const Result<std::filesystem::path> none = FindEstateFolder(files.folder() / "a/b");
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message(), HasSubstr("or say --estate DIR"));
}

}  // namespace
}  // namespace afluente::estate

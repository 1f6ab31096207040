// Files of earlier versions, as they were kept, are upgraded with a copy put aside; newer ones
// are refused and stay as they are.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>

#include "base/test_folder.h"
#include "connectors/duckdb/warehouse.h"
#include "connectors/objectstore/manifest.h"
#include "connectors/postgres/replication/kept_files.h"
#include "orchestrator/event_store.h"
#include "orchestrator/run_store.h"

namespace afluente::orchestrator {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class FormatVersionsTest : public testing::Test {
 protected:
  /// A fixture under the name that a state has for it.
  fs::path Place(const std::string& fixture, const std::string& name) const {
    const fs::path target = folder_.path() / name;
    fs::copy_file(fs::path(AFLUENTE_FIXTURES) / "formats" / fixture, target);
    return target;
  }

  static std::string Bytes(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
  }

  static fs::path Aside(const fs::path& file, int version) {
    return file.string() + fmt::format(".v{}.bak", version);
  }

  template <class T>
  static void ExpectRefused(const Result<T>& opened) {
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().kind(), ErrorKind::kSchemaMismatch);
    EXPECT_THAT(opened.error().message(), HasSubstr("use the version that wrote"));
    EXPECT_THAT(opened.error().message(), HasSubstr("or a newer one"));
  }

  duck::WarehouseOptions Warehouse(duck::Access access) const {
    duck::WarehouseOptions options;
    options.folder = folder_.path();
    options.access = access;
    options.create = {"dw"};
    return options;
  }

  TestFolder folder_;
};

class OldRunStoreTest : public FormatVersionsTest, public testing::WithParamInterface<int> {};

TEST_P(OldRunStoreTest, IsUpgradedAndTheOldOneStaysAside) {
  const int version = GetParam();
  const fs::path file = Place(fmt::format("run_store_v{}.sqlite", version), "runs.sqlite");
  for (int opened = 0; opened < 2; ++opened) {  // The second time it is of today.
    const auto store = RunStore::Open(file);
    ASSERT_TRUE(store.ok()) << store.error().message();
    const auto latest = store.value()->Latest();
    ASSERT_THAT(latest.value(), SizeIs(2));
    EXPECT_EQ(latest.value()[0].error, "connection refused");
    EXPECT_EQ(latest.value()[1].rows, 42U);
    EXPECT_THAT(store.value()->Verifications().value(), SizeIs(version == 1 ? 0 : 1));
  }
  // What was put aside is a store of the old version.
  const auto aside = SqliteFile::Open(Aside(file, version), {"run store", version, ""});
  ASSERT_TRUE(aside.ok()) << aside.error().message();
  EXPECT_THAT(aside.value()->Select("SELECT count(*) FROM runs").value(),
              ElementsAre(ElementsAre("2")));
  EXPECT_FALSE(aside.value()->Select("SELECT state FROM shadows").ok());
}

INSTANTIATE_TEST_SUITE_P(Versions, OldRunStoreTest, testing::Values(1, 2, 3));

TEST_F(FormatVersionsTest, ANewRunStoreHasNothingPutAside) {
  const fs::path file = folder_.path() / "runs.sqlite";
  ASSERT_TRUE(RunStore::Open(file).ok());
  EXPECT_FALSE(fs::exists(Aside(file, 0)));
}

TEST_F(FormatVersionsTest, ARunStoreOfTheFutureIsRefused) {
  const fs::path file = Place("run_store_v99.sqlite", "runs.sqlite");
  const std::string before = Bytes(file);
  ExpectRefused(RunStore::Open(file));
  EXPECT_EQ(Bytes(file), before);
}

TEST_F(FormatVersionsTest, AnOldEventStoreIsUpgraded) {
  const fs::path file = Place("event_store_v1.sqlite", "events.sqlite");
  const auto store = EventStore::Open(file);
  ASSERT_TRUE(store.ok()) << store.error().message();
  EXPECT_THAT(store.value()->Peek("flows", 10).value().keys, ElementsAre(EventKey{"7"}));
  EXPECT_TRUE(store.value()->SetTableState("flows", "{}").ok());
  EXPECT_TRUE(fs::exists(Aside(file, 1)));
}

TEST_F(FormatVersionsTest, AnEventStoreOfTheFutureIsRefused) {
  ExpectRefused(EventStore::Open(Place("event_store_v99.sqlite", "events.sqlite")));
}

TEST_F(FormatVersionsTest, AnOldWarehouseIsReadAsItIsAndUpgradedWhenItIsWritten) {
  const fs::path file = Place("warehouse_v1.duckdb", "dw.duckdb");
  const std::string before = Bytes(file);
  {
    auto options = Warehouse(duck::Access::kReadOnly);
    options.create = {};
    const auto read = duck::Warehouse::Open(options);
    ASSERT_TRUE(read.ok()) << read.error().message();
  }
  EXPECT_EQ(Bytes(file), before);
  for (int opened = 0; opened < 2; ++opened) {
    const auto warehouse = duck::Warehouse::Open(Warehouse(duck::Access::kReadWrite));
    ASSERT_TRUE(warehouse.ok()) << warehouse.error().message();
    const auto connection = warehouse.value()->Connect();
    const auto rows = data::QueryCells(
        connection.value().get(),
        "SELECT (SELECT version FROM dw._afluente.format), (SELECT count(*) FROM dw.d.t), "
        "(SELECT (key = 'id=3') AND position IS NULL FROM dw._afluente.dead_letters)");
    ASSERT_TRUE(rows.ok()) << rows.error().message();
    EXPECT_EQ(rows.value()[0][0].text, std::to_string(duck::kFormatVersion));
    EXPECT_EQ(rows.value()[0][1].text, "2");
    EXPECT_EQ(rows.value()[0][2].text, "true");
  }
  EXPECT_EQ(Bytes(Aside(file, 1)), before);
}

TEST_F(FormatVersionsTest, AWarehouseOfTheFutureIsRefused) {
  const fs::path file = Place("warehouse_v99.duckdb", "dw.duckdb");
  const std::string before = Bytes(file);
  ExpectRefused(duck::Warehouse::Open(Warehouse(duck::Access::kReadWrite)));
  EXPECT_EQ(Bytes(file), before);
}

TEST_F(FormatVersionsTest, AManifestOfTheFutureIsRefused) {
  folder_.Write("_manifest.json", R"({"format": 99})");
  const auto read = lake::ReadManifest(folder_.path());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().kind(), ErrorKind::kSchemaMismatch);
}

TEST_F(FormatVersionsTest, KeptChangesOfTheFutureAreRefused) {
  folder_.Write("t.kept", "aflkept1" + std::string(24, '\0'));
  EXPECT_TRUE(postgres::CheckKeptVersions(folder_.path()).ok());
  folder_.Write("u.kept", "aflkept9" + std::string(24, '\0'));
  ExpectRefused(postgres::CheckKeptVersions(folder_.path()));
  EXPECT_TRUE(postgres::CheckKeptVersions(folder_.path() / "none").ok());
}

}  // namespace
}  // namespace afluente::orchestrator

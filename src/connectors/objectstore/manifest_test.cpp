#include "connectors/objectstore/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/test_folder.h"

namespace afluente::lake {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

Manifest Sample() {
  Manifest manifest;
  manifest.integration = "raw-events";
  manifest.position = {"cursor", R"({"columns":["id"],"values":["São \"7\""]})"};
  manifest.columns = {{"id", "BIGINT"}, {"payload", "JSON"}};
  manifest.files = {{"part-1.parquet", 10, 1000},
                    {"part-2.parquet", std::uint64_t{1} << 62U, std::uint64_t{1} << 63U}};
  manifest.dead_letters = {{"id=3", "column \"payload\" is not UTF-8"}};
  return manifest;
}

class ManifestTest : public testing::Test {
 protected:
  ManifestTest() {
    folder_.Write("part-1.parquet", "1");
    folder_.Write("part-2.parquet", "2");
  }

  bool Exists(const std::string& name) const {
    return std::filesystem::exists(folder_.path() / name);
  }

  TestFolder folder_;
};

TEST_F(ManifestTest, ComesBackAsItWas) {
  const Manifest sample = Sample();
  ASSERT_TRUE(WriteManifest(folder_.path(), sample).ok());
  const auto read = ReadManifest(folder_.path());
  ASSERT_TRUE(read.ok() && read.value().has_value());
  const Manifest& manifest = *read.value();
  EXPECT_EQ(manifest.integration, sample.integration);
  EXPECT_EQ(manifest.position, sample.position);
  ASSERT_THAT(manifest.columns, SizeIs(2));
  EXPECT_EQ(manifest.columns[1].name, "payload");
  EXPECT_EQ(manifest.columns[1].type, "JSON");
  ASSERT_THAT(manifest.files, SizeIs(2));
  EXPECT_EQ(manifest.files[0].name, "part-1.parquet");
  EXPECT_EQ(manifest.files[1].rows, std::uint64_t{1} << 62U);
  EXPECT_EQ(manifest.files[1].bytes, std::uint64_t{1} << 63U);
  ASSERT_THAT(manifest.dead_letters, SizeIs(1));
  EXPECT_EQ(manifest.dead_letters[0].key, "id=3");
}

TEST_F(ManifestTest, TheNextOneTakesItsPlace) {
  ASSERT_TRUE(WriteManifest(folder_.path(), Sample()).ok());
  Manifest next = Sample();
  next.files.pop_back();
  next.dead_letters.clear();
  ASSERT_TRUE(WriteManifest(folder_.path(), next).ok());
  const auto read = ReadManifest(folder_.path());
  EXPECT_THAT(read.value()->files, SizeIs(1));
  EXPECT_THAT(read.value()->dead_letters, SizeIs(0));
  EXPECT_FALSE(Exists("_manifest.json.new"));
}

TEST_F(ManifestTest, ThereIsNoneAtFirst) {
  EXPECT_FALSE(ReadManifest(folder_.path()).value().has_value());
  EXPECT_FALSE(ReadManifest(folder_.path() / "nowhere").value().has_value());
}

TEST_F(ManifestTest, AListedFileThatIsMissingKeepsTheOldManifest) {
  ASSERT_TRUE(WriteManifest(folder_.path(), Sample()).ok());
  const std::string before = folder_.Read("_manifest.json");
  Manifest next = Sample();
  next.files.push_back({"part-3.parquet", 1, 1});
  const Status failed = WriteManifest(folder_.path(), next);
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().message(), HasSubstr("part-3.parquet"));
  EXPECT_EQ(folder_.Read("_manifest.json"), before);
}

TEST_F(ManifestTest, ANewerFormatIsRefused) {
  folder_.Write("_manifest.json", R"({"format": 99, "anything": []})");
  const auto failed = ReadManifest(folder_.path());
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kSchemaMismatch);
}

// None would mean "start over", and the files that it lists would go.
TEST_F(ManifestTest, OneThatCannotBeOpenedIsNotNone) {
  std::filesystem::create_symlink("_manifest.json", folder_.path() / "_manifest.json");
  const auto failed = ReadManifest(folder_.path());
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kInternal);
  EXPECT_THAT(failed.error().message(), HasSubstr("_manifest.json"));
}

struct DamageCase {
  std::string name;
  std::string text;
};

std::ostream& operator<<(std::ostream& out, const DamageCase& row) { return out << row.text; }

class DamagedManifestTest : public testing::TestWithParam<DamageCase> {};

TEST_P(DamagedManifestTest, IsRefusedWithTheCure) {
  const TestFolder folder;
  folder.Write("_manifest.json", GetParam().text);
  const auto failed = ReadManifest(folder.path());
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind(), ErrorKind::kInternal);
  EXPECT_THAT(failed.error().message(), HasSubstr("--full-refresh"));
}

INSTANTIATE_TEST_SUITE_P(
    Texts, DamagedManifestTest,
    testing::Values(
        DamageCase{"Empty", ""}, DamageCase{"Cut", R"({"format": 1, "integ)"},
        DamageCase{"NotAnObject", "[1]"}, DamageCase{"NoFormat", "{}"},
        DamageCase{"NoPosition", R"({"format":1,"integration":"x","columns":[],"files":[]})"},
        DamageCase{"RowsOfWrongType", R"({"format":1,"integration":"x",
           "position":{"kind":"a","value":"b"},"columns":[],
           "files":[{"name":"x","rows":"many","bytes":1}]})"},
        DamageCase{"PositionOfWrongType",
                   R"({"format":1,"integration":"x","position":7,"columns":[],"files":[]})"},
        DamageCase{"DeadLettersOfWrongType", R"({"format":1,"integration":"x",
           "position":{"kind":"a","value":"b"},"columns":[],"files":[],"dead_letters":7})"},
        DamageCase{"Nul", std::string("{\"format\":1\0}", 13)}),
    [](const auto& row) { return row.param.name; });

TEST_F(ManifestTest, EveryCutOfAManifestIsDamageOrNothingLost) {
  ASSERT_TRUE(WriteManifest(folder_.path(), Sample()).ok());
  const std::string whole = folder_.Read("_manifest.json");
  for (std::size_t size = 0; size + 2 < whole.size(); size += 7) {
    folder_.Write("_manifest.json", whole.substr(0, size));
    EXPECT_FALSE(ReadManifest(folder_.path()).ok()) << size;
  }
}

TEST_F(ManifestTest, OnlyUnlistedParquetFilesAreRemoved) {
  folder_.Write("part-3.parquet", "left by a crash");
  folder_.Write("notes.txt", "not ours");
  std::filesystem::create_directory(folder_.path() / "other.parquet");
  folder_.Write("other.parquet/part-9.parquet", "of another prefix");
  RemoveUnlisted(folder_.path(), Sample());
  EXPECT_TRUE(Exists("part-1.parquet"));
  EXPECT_TRUE(Exists("part-2.parquet"));
  EXPECT_FALSE(Exists("part-3.parquet"));
  EXPECT_TRUE(Exists("notes.txt"));
  EXPECT_TRUE(Exists("other.parquet/part-9.parquet"));
}

}  // namespace
}  // namespace afluente::lake

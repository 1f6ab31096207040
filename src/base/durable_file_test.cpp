#include "base/durable_file.h"

#include <gtest/gtest.h>

#include "base/test_folder.h"

namespace afluente {
namespace {

TEST(DurableFile, ReplacesWhatStoodThereAndLeavesNothingElse) {
  const TestFolder folder;
  const auto path = folder.path() / "versions.json";
  for (const std::string text : {"first", "second, which is longer", ""}) {
    ASSERT_TRUE(ReplaceFile(path, text).ok());
    EXPECT_EQ(folder.Read("versions.json"), text);
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "versions.json.new"));
}

TEST(DurableFile, AFolderThatIsNotThereIsNamedAndTheOldFileStays) {
  const TestFolder folder;
  folder.Write("kept", "old");
  const auto missing = ReplaceFile(folder.path() / "nowhere" / "file", "text");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message().find("nowhere"), std::string::npos);
  std::filesystem::create_directory(folder.path() / "kept.new");  // Nothing can be written there.
  EXPECT_FALSE(ReplaceFile(folder.path() / "kept", "new").ok());
  EXPECT_EQ(folder.Read("kept"), "old");
}

}  // namespace
}  // namespace afluente

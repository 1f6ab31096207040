#include "connectors/inbox/base64.h"

#include <gtest/gtest.h>

#include <string>

namespace afluente::inbox {
namespace {

TEST(DecodeBase64Test, TakesNothingElse) {
  EXPECT_EQ(DecodeBase64(""), "");
  EXPECT_EQ(DecodeBase64("YQ=="), "a");
  EXPECT_EQ(DecodeBase64("YWI="), "ab");
  EXPECT_EQ(DecodeBase64("YWJj"), "abc");
  EXPECT_EQ(DecodeBase64(std::string("AAEC")), std::string("\0\1\2", 3));
  for (const char* text :
       {"Y", "YQ", "YQ=", "====", "YQ==YQ==", "Y Q=", "YW\nJj", "Y=Q=", "*w=="}) {
    EXPECT_EQ(DecodeBase64(text), std::nullopt) << text;
  }
}

TEST(EncodeBase64Test, ComesBack) {
  for (const char* text : {"", "a", "ab", "abc", "\xff\xfe"}) {
    EXPECT_EQ(DecodeBase64(EncodeBase64(text)), text);
  }
  EXPECT_EQ(EncodeBase64("ab"), "YWI=");
}

}  // namespace
}  // namespace afluente::inbox

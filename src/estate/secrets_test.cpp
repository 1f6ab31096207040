#include "estate/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "estate/test_estate.h"

namespace afluente::estate {
namespace {

using testing::HasSubstr;
using testing::Not;

class SecretsTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("AFL_SECRET", "s3cret${env:HOME}", 1);  // NOLINT(concurrency-mt-unsafe)
    unsetenv("AFL_MISSING");                       // NOLINT(concurrency-mt-unsafe)
  }

  TestEstate files_;
};

TEST_F(SecretsTest, ResolvesEnvironmentAndFiles) {
  files_.Write("secrets/salt", "pepper\r\n");
  const Result<std::string> text =
      ResolveSecrets("a=${env:AFL_SECRET} b=${file:secrets/salt} $ {c}", files_.folder());
  ASSERT_TRUE(text.ok()) << text.error().message();
  // What a secret holds is not read for references again.
  EXPECT_EQ(text.value(), "a=s3cret${env:HOME} b=pepper $ {c}");
}

TEST_F(SecretsTest, DropsOnlyTheLastLineBreak) {
  files_.Write("salt", "a\n\n");
  EXPECT_EQ(ResolveSecrets("${file:salt}", files_.folder()).value(), "a\n");
}

TEST_F(SecretsTest, TakesAbsolutePaths) {
  files_.Write("salt", "a");
  const std::string path = (files_.folder() / "salt").string();
  EXPECT_EQ(ResolveSecrets("${file:" + path + "}", "/nowhere").value(), "a");
}

TEST_F(SecretsTest, NamesWhatIsMissing) {
  files_.Write("folder/x", "");
  files_.Write("large", std::string(70'000, 'x'));
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"${env:AFL_MISSING}", "the environment variable AFL_MISSING is not set"},
      {"${file:nowhere}", "nowhere does not exist"},
      {"${file:folder}", "folder is not a regular file"},
      {"${file:large}", "large is larger than 64 KiB"},
      {"${env:AFL_SECRET", "a ${ is not closed with }"},
      {"${AFL_SECRET}", "does not say where its secret lies"},
      {"${vault:x}", "neither to an environment variable nor to a file"},
      {"${env:}", "letters, digits and _ only"},
      {"${env:A B}", "letters, digits and _ only"},
      {"${file:}", "names no file"},
  };
  for (const auto& [text, want] : cases) {
    const Result<std::string> resolved =
        ResolveSecrets("${env:AFL_SECRET}" + text, files_.folder());
    ASSERT_FALSE(resolved.ok()) << text;
    EXPECT_EQ(resolved.error().kind(), ErrorKind::kInvalidConfig);
    EXPECT_THAT(resolved.error().message(), HasSubstr(want));
    EXPECT_THAT(resolved.error().message(), Not(HasSubstr("s3cret")));
  }
}

TEST(PasswordTest, FindsWhatIsSpelledOut) {
  for (const std::string dsn :
       {"host=h password=x", "host=h password = 'x y'", "PASSWORD=x", "sslpassword=x host=h",
        "postgres://u:x@h/d", "postgresql://u:x/y@h/d", "postgres://u@h/d?password=x",
        "postgres://u:${env:A}x@h/d", "password=x${env:A}", "https://u:x@api.example.com",
        "password=${env:A} sslpassword=x"}) {
    EXPECT_TRUE(HoldsPassword(dsn)) << dsn;
  }
  for (const std::string dsn :
       {"host=h user=u", "host=h password=${env:A}", "host=h password='${file:a}' user=x",
        "host=h password=", "postgres://u@h:5432/d", "postgres://h:5432/d",
        "postgres://u:${env:A}@h:5432/d", "postgres://u:@h/d", "${env:DSN}",
        "postgres://h:5432/d?options=a@b", "host=h passfile=/x/y"}) {
    EXPECT_FALSE(HoldsPassword(dsn)) << dsn;
  }
}

}  // namespace
}  // namespace afluente::estate

#include "server/signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <ostream>

namespace afluente::server {
namespace {

// The specification's own example.
constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr const char* kTime = "1614265330";
constexpr const char* kBody = R"({"test": 2432232314})";
constexpr const char* kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
constexpr std::int64_t kSeconds = 1'614'265'330;

// GitHub's own example.
constexpr const char* kHubSecret = "It's a Secret to Everybody";
constexpr const char* kHubBody = "Hello, World!";
constexpr const char* kHubSignature =
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

struct Case {
  std::string name;
  SignatureHeaders headers;
  std::string body = kBody;
  std::string secret = kSecret;
  std::int64_t seconds_later = 0;
  std::string refused = {};  // What the refusal says; "": it is taken.
};

std::ostream& operator<<(std::ostream& out, const Case& row) { return out << row.name; }

class SignatureTest : public testing::TestWithParam<Case> {};

TEST_P(SignatureTest, IsTakenOrRefused) {
  const Case& row = GetParam();
  const auto secrets = SigningSecrets::Parse(row.secret);
  ASSERT_TRUE(secrets.ok()) << secrets.error().message();
  const WallTime now{std::chrono::seconds(kSeconds + row.seconds_later)};
  const Status verified = secrets.value().Verify(row.headers, row.body, now);
  if (row.refused.empty()) {
    EXPECT_TRUE(verified.ok()) << verified.error().message();
    return;
  }
  ASSERT_FALSE(verified.ok());
  EXPECT_EQ(verified.error().kind(), ErrorKind::kUnauthorized);
  EXPECT_THAT(verified.error().message(), testing::HasSubstr(row.refused));
}

const std::string kOther = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

INSTANTIATE_TEST_SUITE_P(
    StandardWebhooks, SignatureTest,
    testing::Values(
        Case{"Example", {kId, kTime, kSignature, ""}},
        Case{"OneOfSeveral", {kId, kTime, std::string("v1,AAAA v1a,x ") + kSignature, ""}},
        Case{"OneOfTwoSecrets", {kId, kTime, kSignature, ""}, kBody, kOther + "\n" + kSecret},
        Case{"OtherSecret", {kId, kTime, kSignature, ""}, kBody, kOther, 0, "not that of this id"},
        Case{"OtherBody", {kId, kTime, kSignature, ""}, "{}", kSecret, 0, "not that of this id"},
        Case{"OtherId", {"msg_2", kTime, kSignature, ""}, kBody, kSecret, 0, "not that of"},
        Case{"OtherTime", {kId, "1614265331", kSignature, ""}, kBody, kSecret, 0, "not that of"},
        Case{"OtherVersion",
             {kId, kTime, "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", ""},
             kBody,
             kSecret,
             0,
             "not that of"},
        Case{"Shorter", {kId, kTime, "v1,g0hM9SsE", ""}, kBody, kSecret, 0, "not that of"},
        Case{"NoBase64", {kId, kTime, "v1,****", ""}, kBody, kSecret, 0, "not that of"},
        Case{"FiveMinutesLater", {kId, kTime, kSignature, ""}, kBody, kSecret, 300},
        Case{"TooLate", {kId, kTime, kSignature, ""}, kBody, kSecret, 301, "five minutes"},
        Case{"TooEarly", {kId, kTime, kSignature, ""}, kBody, kSecret, -301, "five minutes"},
        Case{"NoNumber", {kId, "now", kSignature, ""}, kBody, kSecret, 0, "seconds since 1970"},
        Case{"HugeNumber",
             {kId, "99999999999999999999", kSignature, ""},
             kBody,
             kSecret,
             0,
             "seconds since 1970"},
        Case{"NoTime", {kId, "", kSignature, ""}, kBody, kSecret, 0, "not signed"},
        Case{"NoId", {"", kTime, kSignature, ""}, kBody, kSecret, 0, "not signed"},
        Case{"Nothing", {}, kBody, kSecret, 0, "not signed"},
        // The other form does not help out a signature that is wrong.
        Case{"BothFormsOneWrong",
             {kId, kTime, "v1,AAAA", kHubSignature},
             kHubBody,
             kHubSecret,
             0,
             "not that of"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Hub, SignatureTest,
    testing::Values(Case{"Example", {"", "", "", kHubSignature}, kHubBody, kHubSecret},
                    Case{"OtherBody",
                         {"", "", "", kHubSignature},
                         "Hello, world!",
                         kHubSecret,
                         0,
                         "not that of this body"},
                    Case{"NoScheme", {"", "", "", "757107ea"}, kHubBody, kSecret, 0, "sha256="},
                    Case{"NoHex", {"", "", "", "sha256=xyz!"}, kHubBody, kSecret, 0, "sha256="},
                    Case{"Empty", {"", "", "", "sha256="}, kHubBody, kSecret, 0, "not that of"}),
    [](const auto& row) { return row.param.name; });

struct SecretCase {
  std::string text;
  std::string refused;
};

TEST(SigningSecretsTest, RefusesWhatCanBeGuessed) {
  const SecretCase cases[] = {
      {"", "is empty"},        {"\n\n", "is empty"},
      {"short", "5 bytes"},    {"whsec_c2hvcnQ=", "5 bytes"},
      {"whsec_***", "base64"}, {std::string(kSecret) + "\nshort", "5 bytes"}};
  for (const SecretCase& row : cases) {
    const auto parsed = SigningSecrets::Parse(row.text);
    ASSERT_FALSE(parsed.ok()) << row.text;
    EXPECT_THAT(parsed.error().message(), testing::HasSubstr(row.refused));
    EXPECT_EQ(parsed.error().message().find("c2hvcnQ"), std::string::npos);
  }
}

}  // namespace
}  // namespace afluente::server

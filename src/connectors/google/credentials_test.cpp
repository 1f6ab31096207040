#include "connectors/google/credentials.h"

#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/c_handle.h"
#include "connectors/google/jwt.h"
#include "connectors/google/test_server.h"

namespace afluente::google {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class TestClock final : public Clock {
 public:
  WallTime Now() const override { return WallTime(std::chrono::hours(500'000)) + passed; }
  std::chrono::nanoseconds Monotonic() const override { return passed; }
  std::chrono::seconds passed{0};
};

using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

std::string Pem(EVP_PKEY* key) {
  const std::unique_ptr<BIO, FreeWith<BIO_free_all>> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string FromBase64Url(std::string text) {
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  const std::size_t padding = (4 - text.size() % 4) % 4;
  text.append(padding, '=');
  std::string bytes(text.size() / 4 * 3, '\0');
  EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                  reinterpret_cast<const unsigned char*>(text.data()),
                  static_cast<int>(text.size()));
  bytes.resize(bytes.size() - padding);
  return bytes;
}

class CredentialsTest : public testing::Test {
 protected:
  CredentialsTest() : key_(EVP_RSA_gen(2048)) {}

  void Serve(int status, const std::string& body) {
    server_ = std::make_unique<TestServer>([=, this](const auto& request, auto& response) {
      ++asked_;
      form_ = request.params;
      response.status = status;
      response.set_content(body, "application/json");
    });
  }
  std::string AccountFile() const {
    return json{{"type", "service_account"},
                {"client_email", "etl@movva.iam"},
                {"private_key_id", "k1"},
                {"private_key", Pem(key_.get())},
                {"token_uri", server_->url() + "/token"}}
        .dump();
  }

  TestClock clock_;
  Key key_;
  int asked_ = 0;
  httplib::Params form_;
  std::unique_ptr<TestServer> server_;
};

TEST_F(CredentialsTest, AServiceAccountSignsForItsToken) {
  Serve(200, R"({"access_token":"abc","expires_in":3599})");
  const auto account = CredentialsOf(AccountFile(), clock_);
  ASSERT_TRUE(account.ok()) << account.error().message();
  const auto token = account.value()->Token({});
  ASSERT_TRUE(token.ok()) << token.error().message();
  EXPECT_EQ(token.value(), "abc");

  const std::string assertion = form_.find("assertion")->second;
  const std::size_t first = assertion.find('.');
  const std::size_t last = assertion.rfind('.');
  EXPECT_EQ(json::parse(FromBase64Url(assertion.substr(0, first))),
            (json{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "k1"}}));
  const json claims = json::parse(FromBase64Url(assertion.substr(first + 1, last - first - 1)));
  EXPECT_EQ(claims["iss"], "etl@movva.iam");
  EXPECT_EQ(claims["aud"], "https://oauth2.googleapis.com/token");
  EXPECT_EQ(claims["exp"].get<int>() - claims["iat"].get<int>(), 3600);
  const std::string signature = FromBase64Url(assertion.substr(last + 1));
  const std::string covered = assertion.substr(0, last);
  const std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
  EXPECT_EQ(
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                       signature.size(), reinterpret_cast<const unsigned char*>(covered.data()),
                       covered.size()),
      1);
}

TEST_F(CredentialsTest, ATokenIsKeptUntilItGrowsOld) {
  Serve(200, R"({"access_token":"abc","expires_in":3600})");
  const auto account = CredentialsOf(AccountFile(), clock_);
  ASSERT_TRUE(account.value()->Token({}).ok());
  clock_.passed = std::chrono::minutes(54);
  ASSERT_TRUE(account.value()->Token({}).ok());
  EXPECT_EQ(asked_, 1);
  clock_.passed = std::chrono::minutes(56);
  ASSERT_TRUE(account.value()->Token({}).ok());
  EXPECT_EQ(asked_, 2);
  account.value()->Forget();
  ASSERT_TRUE(account.value()->Token({}).ok());
  EXPECT_EQ(asked_, 3);
}

TEST_F(CredentialsTest, ARevokedKeySaysSo) {
  Serve(400, R"({"error":"invalid_grant","error_description":"Invalid JWT Signature."})");
  const auto account = CredentialsOf(AccountFile(), clock_);
  const auto token = account.value()->Token({});
  ASSERT_FALSE(token.ok());
  EXPECT_EQ(token.error().kind(), ErrorKind::kUnauthorized);
  EXPECT_THAT(token.error().message(), HasSubstr("etl@movva.iam"));
  EXPECT_THAT(token.error().message(), HasSubstr("Invalid JWT Signature"));
  EXPECT_THAT(token.error().message(), HasSubstr("clock"));
}

TEST_F(CredentialsTest, ATokenServerThatIsDownIsWorthAnotherTry) {
  Serve(503, "");
  const auto account = CredentialsOf(AccountFile(), clock_);
  EXPECT_EQ(account.value()->Token({}).error().kind(), ErrorKind::kTransient);
}

TEST_F(CredentialsTest, AMachineAsksItsMetadataServer) {
  std::string path;
  std::string flavor;
  const TestServer metadata([&](const auto& request, auto& response) {
    path = request.path;
    flavor = request.get_header_value("Metadata-Flavor");
    response.set_header("Metadata-Flavor", "Google");
    response.set_content(R"({"access_token":"m","expires_in":300})", "application/json");
  });
  setenv("GCE_METADATA_HOST", metadata.host().c_str(), 1);
  setenv("CLOUDSDK_CONFIG", "/nonexistent", 1);
  unsetenv("GOOGLE_APPLICATION_CREDENTIALS");
  const auto machine = DefaultCredentials(clock_);
  ASSERT_TRUE(machine.ok()) << machine.error().message();
  EXPECT_EQ(machine.value()->Token({}).value(), "m");
  EXPECT_EQ(path, "/computeMetadata/v1/instance/service-accounts/default/token");
  EXPECT_EQ(flavor, "Google");
}

TEST_F(CredentialsTest, WhatIsNoCredentialIsToldWithoutItsContent) {
  for (const char* text : {"", "not json", R"({"type":"service_account","private_key":"SECRET"})",
                           R"({"type":"unheard_of","x":"SECRET"})"}) {
    const auto made = CredentialsOf(text, clock_);
    ASSERT_FALSE(made.ok()) << text;
    EXPECT_EQ(made.error().kind(), ErrorKind::kInvalidConfig);
    EXPECT_THAT(made.error().message(), Not(HasSubstr("SECRET")));
  }
}

TEST(SignJwtTest, AKeyThatIsNoneIsUnauthorized) {
  for (const char* key :
       {"", "SECRET", "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n"}) {
    const auto token = SignJwt("{}", key, "k");
    ASSERT_FALSE(token.ok());
    EXPECT_EQ(token.error().kind(), ErrorKind::kUnauthorized);
    EXPECT_THAT(token.error().message(), Not(HasSubstr("SECRET")));
  }
}

}  // namespace
}  // namespace afluente::google

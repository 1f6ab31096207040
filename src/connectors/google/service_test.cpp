#include "connectors/google/service.h"

#include <gmock/gmock.h>

#include <atomic>
#include <vector>

#include "connectors/google/test_server.h"

namespace afluente::google {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Gives "t1", "t2", ... and remembers what was forgotten.
class Numbered final : public Credentials {
 public:
  Result<std::string> Token(const std::stop_token&) override {
    return "t" + std::to_string(number_);
  }
  void Forget() override { ++number_; }
  std::string Who() const override { return "service account etl@test"; }

 private:
  std::atomic<int> number_{1};
};

std::string ErrorBody(const std::string& reason) {
  return R"({"error":{"code":400,"message":"because","errors":[{"reason":")" + reason + "\"}]}}";
}

class ServiceTest : public testing::Test {
 protected:
  /// Answers with these, one after the other; the last one for ever.
  void Serve(std::vector<std::pair<int, std::string>> answers) {
    answers_ = std::move(answers);
    server_ = std::make_unique<TestServer>([this](const auto& request, auto& response) {
      tokens_.push_back(request.get_header_value("Authorization"));
      const auto& [status, body] = answers_[std::min(asked_++, answers_.size() - 1)];
      response.status = status;
      response.set_content(body, "application/json");
    });
  }
  Result<nlohmann::json> Do(std::chrono::nanoseconds patience = std::chrono::minutes(1)) {
    ServiceOptions options;
    options.name = "Test";
    options.base_url = server_->url();
    options.patience = patience;
    options.first_pause = std::chrono::microseconds(10);
    Service service(options, std::make_unique<Numbered>(), SystemClock());
    return service.Do({.path = "/things"}, std::stop_token());
  }

  std::vector<std::pair<int, std::string>> answers_;
  std::vector<std::string> tokens_;
  std::size_t asked_ = 0;
  std::unique_ptr<TestServer> server_;
};

TEST_F(ServiceTest, TriesAgainWhatPasses) {
  Serve({{503, ""},
         {429, ""},
         {403, ErrorBody("rateLimitExceeded")},
         {400, ErrorBody("backendError")},
         {200, R"({"a":1})"}});
  const auto done = Do();
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(done.value()["a"], 1);
  EXPECT_EQ(asked_, 5);
}

TEST_F(ServiceTest, TellsAtOnceWhatDoesNotPass) {
  struct Case {
    int status;
    const char* reason;
    ErrorKind kind;
  };
  for (const Case& one : {Case{400, "invalidQuery", ErrorKind::kInvalidConfig},
                          Case{403, "accessDenied", ErrorKind::kUnauthorized},
                          Case{403, "quotaExceeded", ErrorKind::kTransient},
                          Case{404, "notFound", ErrorKind::kNotFound}}) {
    asked_ = 0;
    Serve({{one.status, ErrorBody(one.reason)}});
    const auto done = Do();
    ASSERT_FALSE(done.ok()) << one.reason;
    EXPECT_EQ(done.error().kind(), one.kind) << one.reason;
    EXPECT_THAT(done.error().message(), HasSubstr(std::string(one.reason) + ": because"));
    EXPECT_EQ(asked_, 1) << one.reason;
  }
}

TEST_F(ServiceTest, ARefusedTokenIsMadeAnewOnce) {
  Serve({{401, ErrorBody("authError")}, {200, "{}"}});
  ASSERT_TRUE(Do().ok());
  EXPECT_THAT(tokens_, ElementsAre("Bearer t1", "Bearer t2"));
  asked_ = 0;
  tokens_.clear();
  Serve({{401, ErrorBody("authError")}});
  const auto done = Do();
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind(), ErrorKind::kUnauthorized);
  EXPECT_THAT(done.error().message(), HasSubstr("service account etl@test"));
  EXPECT_EQ(asked_, 2);
}

TEST_F(ServiceTest, PatienceEnds) {
  Serve({{503, ""}});
  const auto done = Do(std::chrono::nanoseconds(0));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind(), ErrorKind::kTransient);
  EXPECT_THAT(done.error().message(), HasSubstr("Test: 503"));
}

}  // namespace
}  // namespace afluente::google

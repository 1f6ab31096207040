// Pub/Sub: topics that are pulled from Google's emulator, and Google's client that publishes to us.
#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>

#include "support/pubsub_emulator.h"
#include "support/serving.h"

namespace afluente::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class PubsubTest : public ServingTest {
 protected:
  void Connect(const std::string& engine, const std::string& inbox) {
    estate_.SetEnv("INBOX_SECRET", "secret of the tests, long enough");
    estate_.Write("estate.yaml", ReadFile(estate_.path() / "estate.yaml") +
                                     "  events: { type: pubsub, project: dw, engine: " + engine +
                                     " }\ninbox: { listen: \"127.0.0.1:0\", secret: "
                                     "\"${env:INBOX_SECRET}\"" +
                                     inbox + " }\n");
  }
  void Stream(const std::string& topic, const std::string& yaml, const std::string& source = "") {
    estate_.Integration(topic, "source: { connection: events, topic: " + topic + source +
                                   " }\nmode: stream\ntrigger: continuous\n"
                                   "destination: { table: dw.d." +
                                   topic + " }\n" + yaml);
  }
  void Serve() {
    service_.emplace(estate_.Afluente({"serve"}));
    ASSERT_TRUE(Soon([&] { return !Pubsub().is_null(); })) << service_->err();
  }
  // The part of `lag --json`; null while nobody answers.
  nlohmann::json Pubsub() const {
    const Outcome lag = estate_.Run({"lag", "--json"});
    return lag.exit_code == 0 ? nlohmann::json::parse(lag.out).at("pubsub") : nlohmann::json();
  }
  std::vector<std::string> Arrived(const std::string& sql) {
    const Outcome asked = estate_.Run({"query", sql, "--format", "json"});
    return asked.exit_code == 0 ? WarehouseLines(sql) : std::vector<std::string>();
  }
  bool ArrivesSoon(const std::string& sql, const std::vector<std::string>& wanted) {
    return Soon([&] { return Arrived(sql) == wanted; });
  }
};

class PullTest : public PubsubTest {
 protected:
  void SetUp() override {
    if (const auto missing = PubsubEmulator::Missing()) GTEST_SKIP() << *missing;
    emulator_.emplace("dw");
    estate_.SetEnv("PUBSUB_EMULATOR_HOST", emulator_->host());
    Connect("pubsub", "");
  }
  // Of the only subscription.
  nlohmann::json Report() const {
    const auto pubsub = Pubsub();
    return pubsub.is_null() ? pubsub : pubsub.at("subscriptions").at(0);
  }
  bool IsAllAcknowledged() const {
    const auto report = Report();
    return !report.is_null() && report.at("outstanding") == 0;
  }

  std::optional<PubsubEmulator> emulator_;
};

constexpr const char* kNumbers = "transform: SELECT CAST(body->>'$.n' AS BIGINT) AS n FROM batch\n";

TEST_F(PullTest, AMessageArrivesWithWhatItHasAndIsAcknowledged) {
  emulator_->CreateTopic("messages");
  Stream("messages", "");
  Serve();
  ASSERT_TRUE(Soon([&] { return Report().at("error").is_null(); })) << service_->err();
  const auto ids = emulator_->Publish("messages", {R"({ "n": 1.0 })"},
                                      {{"attributes", {{"k", "v"}}}, {"orderingKey", "o"}});
  EXPECT_TRUE(
      ArrivesSoon("select message_id, body::varchar, attributes->>'k', "
                  "attributes->>'orderingKey', (received_at - "
                  "(attributes->>'publishTime')::timestamptz < interval 1 minute)::varchar "
                  "from dw.d.messages",
                  {ids.at(0) + R"(|{ "n": 1.0 }|v|o|true)"}))
      << service_->err();
  EXPECT_TRUE(Soon([&] { return IsAllAcknowledged(); })) << Report();
  const auto subscription = emulator_->Subscription("afluente.trial.messages");
  EXPECT_EQ(subscription.at("topic"), "projects/dw/topics/messages");
  EXPECT_EQ(subscription.at("enableMessageOrdering"), true);
}

TEST_F(PullTest, KilledAgainAndAgainNothingIsLostOrDoubled) {
  emulator_->CreateTopic("messages");
  Stream("messages", kNumbers);
  Serve();
  ASSERT_TRUE(Soon([&] { return Report().at("error").is_null(); })) << service_->err();
  // The emulator delivers again what a dead client had, a hundred each thirty seconds.
  constexpr int kRounds = 6;
  constexpr int kEach = 16;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::string> batch;
    for (int i = 0; i < kEach; ++i)
      batch.push_back(fmt::format(R"({{"n": {}}})", round * kEach + i));
    emulator_->Publish("messages", batch);
    service_->EndsWithin(std::chrono::milliseconds(40 * round));
    service_->Signal(SIGKILL);
    service_->Wait();
    service_.emplace(estate_.Afluente({"serve"}));
  }
  Serve();
  constexpr int kAll = kRounds * kEach;
  const std::string counts =
      "select count(*)::varchar, count(distinct n)::varchar, max(n)::varchar from dw.d.messages";
  const std::vector<std::string> wanted = {fmt::format("{0}|{0}|{1}", kAll, kAll - 1)};
  EXPECT_TRUE(ArrivesSoon(counts, wanted) || ArrivesSoon(counts, wanted))
      << testing::PrintToString(Arrived(counts)) << Report() << service_->err();
}

TEST_F(PullTest, WhatIsNotJsonIsSetAsideWithItsPayload) {
  emulator_->CreateTopic("messages");
  Stream("messages", std::string(kNumbers) + "on_bad_row: dead_letter\n");
  Serve();
  ASSERT_TRUE(Soon([&] { return Report().at("error").is_null(); })) << service_->err();
  emulator_->Publish("messages",
                     {R"({"n": 1})", "{\"n\": ", "\xff\xfe", R"({"n": "x"})", R"({"n": 2})"});
  EXPECT_TRUE(ArrivesSoon("select n::varchar from dw.d.messages order by n", {"1", "2"}))
      << service_->err();
  const auto letters =
      Arrived("select row->>'body', reason from dw._afluente.dead_letters order by 1");
  ASSERT_EQ(letters.size(), 3U);
  EXPECT_THAT(letters[0], HasSubstr("//4=|the message's data is not JSON in UTF-8"));
  EXPECT_THAT(letters[1], HasSubstr("{\"n\": |the message's data is not JSON in UTF-8"));
  EXPECT_THAT(letters[2], HasSubstr("{\"n\": \"x\"}|"));
  EXPECT_TRUE(Soon([&] { return IsAllAcknowledged(); })) << Report();
}

TEST_F(PullTest, AnEmulatorThatIsAwayIsWaitedFor) {
  emulator_->CreateTopic("messages");
  Stream("messages", kNumbers);
  Serve();
  ASSERT_TRUE(Soon([&] { return Report().at("error").is_null(); })) << service_->err();
  emulator_->Restart();  // It has forgotten topic and subscription.
  ASSERT_TRUE(Soon([&] { return Report().at("error").is_string(); })) << service_->err();
  emulator_->CreateTopic("messages");
  ASSERT_TRUE(Soon([&] { return Report().at("error").is_null(); })) << service_->err();
  emulator_->Publish("messages", {R"({"n": 1})"});
  EXPECT_TRUE(ArrivesSoon("select n::varchar from dw.d.messages", {"1"})) << service_->err();
}

TEST_F(PullTest, ATopicThatIsNotThereIsNamed) {
  Stream("messages", kNumbers);
  Serve();
  ASSERT_TRUE(Soon([&] { return Report().at("error").is_string(); })) << service_->err();
  EXPECT_THAT(
      Report().at("error").get<std::string>(),
      testing::AllOf(HasSubstr("projects/dw/topics/messages"),
                     HasSubstr("subscription projects/dw/subscriptions/"
                               "afluente.trial.messages does not exist and cannot be made")));
  const Outcome lag = estate_.Run({"lag"});
  EXPECT_THAT(lag.out, HasSubstr("cannot be made"));
}

TEST_F(PullTest, ASubscriptionOfAnotherTopicIsRefused) {
  emulator_->CreateTopic("messages");
  emulator_->CreateTopic("others");
  Stream("messages", kNumbers, ", subscription: mine");
  Serve();
  ASSERT_TRUE(Soon([&] { return Report().at("error").is_null(); })) << service_->err();
  service_.reset();
  fs::remove(estate_.path() / "integrations" / "messages.yaml");
  Stream("others", kNumbers, ", subscription: mine");
  Serve();
  ASSERT_TRUE(Soon([&] { return Report().at("error").is_string(); })) << service_->err();
  EXPECT_THAT(Report().at("error").get<std::string>(),
              HasSubstr("is of projects/dw/topics/messages, not of projects/dw/topics/others"));
}

// Google's client in Python, which `./dev setup --extras` installs.
class PublishTest : public PubsubTest {
 protected:
  void SetUp() override {
    if (!fs::exists(Python())) {
      if (std::getenv("AFLUENTE_NO_SKIP_EXTRAS") != nullptr) FAIL() << kMissing;
      GTEST_SKIP() << kMissing;
    }
    Connect("inbox", ", pubsub_listen: \"127.0.0.1:0\"");
  }
  static fs::path Python() { return fs::path(AFLUENTE_EXTRAS) / "bin" / "python3"; }

  Outcome Publish(const std::string& topic, const std::string& lines, const std::string& key = "") {
    std::ofstream(estate_.path() / "lines") << lines;
    Command command;
    command.args = {"/bin/sh", "-c",
                    fmt::format("exec {} {} {} {} < {}", Python().string(), AFLUENTE_PUBLISH, topic,
                                key, (estate_.path() / "lines").string())};
    command.env = {{"PUBSUB_EMULATOR_HOST", Pubsub().at("listen").get<std::string>()},
                   {"GRPC_VERBOSITY", "NONE"}};
    return RunCommand(command);
  }

  static constexpr const char* kMissing =
      "Google's Pub/Sub client is missing: ./dev setup --extras";
};

TEST_F(PublishTest, WhatGooglesClientPublishesArrivesOnceAndInOrder) {
  Stream("messages", "");
  Serve();
  constexpr int kMessages = 2500;
  std::string lines;
  for (int i = 0; i < kMessages; ++i) lines += fmt::format("{{\"n\": {}}}\n", i);
  const Outcome published = Publish("projects/dw/topics/messages", lines, "one");
  ASSERT_EQ(published.exit_code, 0) << published.ToString();
  EXPECT_TRUE(
      ArrivesSoon("select count(*)::varchar, count(distinct message_id)::varchar, "
                  "count(distinct body->>'n')::varchar, min(attributes->>'origin'), "
                  "min(attributes->>'orderingKey') from dw.d.messages",
                  {fmt::format("{0}|{0}|{0}|test|one", kMessages)}))
      << service_->err();
  const auto first = published.out.substr(0, published.out.find('\n'));
  EXPECT_THAT(Arrived("select message_id from dw.d.messages where body->>'n' = '0'"),
              ElementsAre(first));
}

TEST_F(PublishTest, WhatWasAnsweredSurvivesAKill) {
  Stream("messages", kNumbers);
  Serve();
  const Outcome published = Publish("projects/dw/topics/messages", "{\"n\": 1}\n{\"n\": 2}\n");
  ASSERT_EQ(published.exit_code, 0) << published.ToString();
  service_->Signal(SIGKILL);
  service_->Wait();
  Serve();
  EXPECT_TRUE(ArrivesSoon("select n::varchar from dw.d.messages order by n", {"1", "2"}))
      << service_->err();
}

TEST_F(PublishTest, ATopicThatNobodyReadsIsRefused) {
  Stream("messages", kNumbers);
  Serve();
  for (const char* topic : {"projects/dw/topics/others", "projects/other/topics/messages"}) {
    const Outcome published = Publish(topic, "{}\n");
    EXPECT_NE(published.exit_code, 0);
    EXPECT_THAT(published.err, HasSubstr("no integration of this estate reads it"));
  }
}

TEST_F(PublishTest, APortThatOthersReachIsRefused) {
  Stream("messages", kNumbers);
  std::string yaml = ReadFile(estate_.path() / "estate.yaml");
  yaml.replace(yaml.find("pubsub_listen: \"127.0.0.1:0\""), 28, "pubsub_listen: \"0.0.0.0:0\"  ");
  estate_.Write("estate.yaml", yaml);
  const Outcome checked = estate_.Run({"check"});
  EXPECT_EQ(checked.exit_code, 1) << checked.ToString();
  EXPECT_THAT(checked.out + checked.err, HasSubstr("can be reached by others"));
}

}  // namespace
}  // namespace afluente::test

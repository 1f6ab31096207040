// The inbox's door: who gets in, what is refused, and what it sets off.
#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <ctime>
#include <thread>

#include "support/inbox_fixture.h"

namespace afluente::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class InboxDoorTest : public InboxTest {
 protected:
  void StreamMessages() { Stream("messages", "destination: { table: dw.d.messages }\n"); }
  std::vector<std::string> Ids() {
    return Arrived("select message_id from dw.d.messages order by 1");
  }

  /// public.flows, of which a webhook names those that changed.
  void DeclareFlows(const std::string& trigger) {
    Source(
        "create table flows(id int primary key, name text);"
        "insert into flows select i, 'flow ' || i from generate_series(1, 5) i");
    estate_.Integration("flows",
                        "source: { connection: src, table: public.flows }\n"
                        "destination: { table: dw.d.flows, key: [id] }\nmode: event\n"
                        "trigger: " +
                            trigger + "\n");
  }
  std::vector<std::string> Flows() {
    return Arrived("select id::varchar, name from dw.d.flows order by id");
  }
};

TEST_F(InboxDoorTest, OnlyWhatIsSignedGetsIn) {
  StreamMessages();
  Serve();
  const std::string path = "/topics/messages";
  const long now = std::time(nullptr);
  const auto signed_at = [&](long seconds) {
    return std::map<std::string, std::string>{
        {"webhook-id", "m"},
        {"webhook-timestamp", std::to_string(seconds)},
        {"webhook-signature", Sign(kSecret, "m", seconds, "1")}};
  };
  EXPECT_EQ(Post(address_, path, {}, "1").status, 401);
  EXPECT_EQ(
      Post(address_, path, SignedHeaders("another secret of that length", "m", "1"), "1").status,
      401);
  EXPECT_EQ(Post(address_, path, SignedHeaders(kSecret, "m", "1"), "2").status, 401);
  EXPECT_EQ(Post(address_, path, signed_at(now - 600), "1").status, 401);
  EXPECT_EQ(Post(address_, path, {{"X-Hub-Signature-256", HubSign("another", "1")}}, "1").status,
            401);
  EXPECT_EQ(Post(address_, path, signed_at(now), "1").status, 200);
  EXPECT_EQ(
      Post(address_, path,
           {{"X-Hub-Signature-256", HubSign(kSecret, "2")}, {"X-GitHub-Delivery", "hub"}}, "2")
          .status,
      200);
  EXPECT_TRUE(Soon([&] { return Ids() == std::vector<std::string>{"hub", "m"}; }))
      << service_->err();
  EXPECT_THAT(service_->err(), Not(HasSubstr(kSecret)));
}

TEST_F(InboxDoorTest, WhatIsNoMessageIsRefused) {
  StreamMessages();
  Serve();
  const std::string path = "/topics/messages";
  EXPECT_EQ(Send("/topics/other", "m", "1").status, 404);
  EXPECT_EQ(Send("/api/query", "m", R"({"sql": "select 1"})").status, 404);
  EXPECT_EQ(Send("/", "m", "1").status, 404);
  EXPECT_EQ(Send("/topics/messages/../messages", "m", "1").status, 404);
  EXPECT_EQ(Send(path, "m", "").status, 400);
  EXPECT_EQ(Send(path, "m", "hello").status, 400);
  EXPECT_EQ(Send(path, "m", "\xff").status, 400);
  EXPECT_EQ(Send(path, "m", std::string(500'000, '[')).status, 400);
  EXPECT_EQ(Send(path, "m", std::string(300'000, '[') + std::string(300'000, ']')).status, 400);
  EXPECT_EQ(Send(path, std::string(300, 'i'), "1").status, 400);
  EXPECT_EQ(Send(path, "m", '"' + std::string((1U << 20U) - 2, 'x') + '"').status, 200);
  EXPECT_EQ(Send(path, "n", '"' + std::string((1U << 20U) - 1, 'x') + '"').status, 413);
  auto compressed = SignedHeaders(kSecret, "m", "1");
  compressed["Content-Encoding"] = "gzip";
  EXPECT_EQ(Post(address_, path, compressed, "1").status, 415);
  EXPECT_EQ(Send(path, "last", "1").status, 200);
  EXPECT_TRUE(Soon([&] { return Ids() == std::vector<std::string>{"last", "m"}; }))
      << service_->err();
}

TEST_F(InboxDoorTest, HundredsAtOnceAllArriveOnce) {
  StreamMessages();
  Serve();
  constexpr int kThreads = 100;
  constexpr int kEach = 20;
  std::atomic<int> answered{0};
  {
    std::vector<std::jthread> senders;
    for (int thread = 0; thread < kThreads; ++thread) {
      senders.emplace_back([&, thread] {
        for (int i = 0; i < kEach; ++i) {
          const std::string id = fmt::format("{:03}-{:03}", thread, i);
          if (Send("/topics/messages", id, R"({"n": 1})").status == 200) ++answered;
        }
      });
    }
  }
  EXPECT_EQ(answered, kThreads * kEach);
  const std::string sql =
      "select count(*)::varchar, count(distinct message_id)::varchar from dw.d.messages";
  EXPECT_TRUE(Soon([&] { return Arrived(sql) == std::vector<std::string>{"2000|2000"}; }))
      << service_->err();
}

TEST_F(InboxDoorTest, AFullInboxSaysWhenToComeAgain) {
  estate_.Write("estate.yaml", [&] {
    std::string yaml = ReadFile(estate_.path() / "estate.yaml");
    return yaml.replace(yaml.rfind(" }"), 2, ", max_pending: 1kB }");
  }());
  Stream("messages",
         "destination: { table: dw.d.messages }\n"
         "transform: SELECT message_id, CAST(body AS INTEGER) AS n FROM batch\n");
  Serve();
  const std::string body = '"' + std::string(400, 'x') + '"';
  EXPECT_EQ(Send("/topics/messages", "a", body).status, 200);
  EXPECT_EQ(Send("/topics/messages", "b", body).status, 200);
  const Answer refused = Send("/topics/messages", "c", body);
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(refused.headers.at("retry-after"), "30");
  EXPECT_EQ(Send("/topics/messages", "a", body).status, 200);
}

TEST_F(InboxDoorTest, ADiskThatIsFullIsSaid) {
  StreamMessages();
  Command command = estate_.Afluente({"serve"});
  constexpr std::uint64_t kFileBytesMax = 2U << 20U;
  command.file_bytes_max = kFileBytesMax;
  Serve(command);
  const std::string body = '"' + std::string(900'000, 'x') + '"';
  int refused = 0;
  for (int i = 0; i < 20 && refused == 0; ++i) {
    const Answer answer = Send("/topics/messages", fmt::format("m{}", i), body);
    if (answer.status == 200) continue;
    EXPECT_EQ(answer.status, 503) << answer.body;
    EXPECT_EQ(answer.headers.at("retry-after"), "30");
    ++refused;
  }
  EXPECT_EQ(refused, 1);
}

TEST_F(InboxDoorTest, AWebhookFetchesTheRowsThatItNames) {
  DeclareFlows("{ on: webhook, path: /hooks/flows, key: flow.id }");
  Serve();
  EXPECT_EQ(Send("/hooks/flows", "e1", R"({"flow": {"id": 1}})").status, 200);
  EXPECT_TRUE(Soon([&] { return Flows().size() == 5; })) << service_->err();
  Source(
      "update flows set name = 'second' where id = 2; delete from flows where id = 3;"
      "update flows set name = 'unseen' where id = 4; insert into flows values (6, 'sixth')");
  for (const int id : {2, 3, 6}) {
    EXPECT_EQ(Send("/hooks/flows", fmt::format("e-{}", id),
                   fmt::format(R"({{"flow": {{"id": {}}}}})", id))
                  .status,
              200);
  }
  const std::vector<std::string> wanted = {"1|flow 1", "2|second", "4|flow 4", "5|flow 5",
                                           "6|sixth"};
  EXPECT_TRUE(Soon([&] { return Flows() == wanted; }))
      << service_->err() << testing::PrintToString(Flows());
  EXPECT_EQ(Lag("flows", "triggered").at("on"), "webhook");
  EXPECT_EQ(Lag("flows", "triggered").at("subject"), "/hooks/flows");
  // What is no key is everything, and does not stand in the way.
  EXPECT_EQ(Send("/hooks/flows", "e3", R"({"flow": {"id": "x'); drop table flows; --"}})").status,
            200);
  const std::vector<std::string> whole = {"1|flow 1", "2|second", "4|unseen", "5|flow 5",
                                          "6|sixth"};
  EXPECT_TRUE(Soon([&] { return Flows() == whole; }))
      << service_->err() << testing::PrintToString(Flows());
}

TEST_F(InboxDoorTest, ATopicTriggersAWholeRunAndAKillLosesNone) {
  DeclareFlows("{ on: topic, topic: flow-events }");
  Serve();
  EXPECT_EQ(Send("/topics/flow-events", "e1", "{}").status, 200);
  EXPECT_TRUE(Soon([&] { return Flows().size() == 5; })) << service_->err();
  Source("insert into flows values (6, 'sixth')");
  EXPECT_EQ(Send("/topics/flow-events", "e2", "{}").status, 200);
  service_->Signal(SIGKILL);
  service_->Wait();
  Serve();
  EXPECT_TRUE(Soon([&] { return Flows().size() == 6; })) << service_->err();
}

TEST_F(InboxDoorTest, CheckAsksForASecretAndServeForItsValue) {
  StreamMessages();
  estate_.SetEnv("INBOX_SECRET", "short");
  Fails({"serve"}, 2, {"topic messages", "5 bytes"});
  estate_.Write("estate.yaml", [&] {
    const std::string yaml = ReadFile(estate_.path() / "estate.yaml");
    return yaml.substr(0, yaml.find("inbox:"));
  }());
  const Outcome checked = estate_.Run({"check"});
  EXPECT_EQ(checked.exit_code, 1);
  EXPECT_THAT(checked.out, HasSubstr("integrations/messages.yaml:2:"));
  EXPECT_THAT(checked.out, HasSubstr("add \"inbox: { secret: '${env:INBOX_SECRET}' }\""));
}

TEST_F(InboxDoorTest, APortThatIsTakenIsNamed) {
  StreamMessages();
  Serve();
  const EstateFolder other;
  other.Write("estate.yaml", ReadFile(estate_.path() / "estate.yaml"));
  other.Write("integrations/messages.yaml",
              ReadFile(estate_.path() / "integrations/messages.yaml"));
  Command command = estate_.Afluente({"serve", "--listen", address_});
  command.args.insert(command.args.end(), {"--state", (other.path() / "state").string()});
  const Outcome outcome = RunCommand(command);
  EXPECT_EQ(outcome.exit_code, 2) << outcome.ToString();
  EXPECT_THAT(outcome.err, HasSubstr(address_));
  EXPECT_THAT(outcome.err, HasSubstr("--listen"));
}

// What docs/inbox.md shows: the integration, and how curl and openssl send to it.
TEST_F(InboxDoorTest, ThePageTellsSendersTheTruth) {
  const std::string page = ReadFile(AFLUENTE_DOCS "/inbox.md");
  const auto block = [&](const std::string& opening) {
    const std::size_t begin = page.find(opening) + opening.find('\n') + 1;
    return page.substr(begin, page.find("```", begin) - begin);
  };
  std::string yaml = block("```yaml\nintegration:");
  yaml.replace(yaml.find("analytics.crm.message_events"), 28, "dw.d.message_events");
  estate_.Write("integrations/message-processing.yaml", yaml);
  Serve();
  std::string script = block("```sh\nid=");
  script.replace(script.find("127.0.0.1:8090"), 14, address_);
  Command command;
  command.args = {"/bin/bash", "-euc", script};
  command.env["INBOX_SECRET"] = kSecret;
  const Outcome sent = RunCommand(command);
  EXPECT_THAT(sent.out, HasSubstr(R"("duplicate":false)")) << sent.ToString();
  EXPECT_TRUE(Soon([&] {
    return Arrived("select msg_id::varchar, status from dw.d.message_events") ==
           std::vector<std::string>{"7|delivered"};
  })) << service_->err();
}

}  // namespace
}  // namespace afluente::test

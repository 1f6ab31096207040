#include "estate/test_rule_case.h"

namespace afluente::estate {
namespace {

class InboxRuleTest : public testing::TestWithParam<RuleCase> {};

TEST_P(InboxRuleTest, FindsExactlyThis) { ExpectExactly(GetParam()); }

constexpr const char* kHook = "{ webhook: /hooks/a }";
constexpr const char* kOnHook = "{ on: webhook, path: /hooks/a }";

INSTANTIATE_TEST_SUITE_P(
    Inbox, InboxRuleTest,
    testing::Values(
        RuleCase{"Stream", {{"source", kTopicSource}, {"mode", "stream"}}, ""},
        RuleCase{
            "Webhook", {{"source", kHook}, {"mode", "event"}, {"trigger", "{ on: webhook }"}}, ""},
        RuleCase{"KeyOfAWebhook",
                 {{"mode", "event"},
                  {"trigger",
                   "{ on: webhook, path: /hooks/a, key: flow.id, secret: \"${env:FLOWS}\" }"}},
                 ""},
        RuleCase{"KeyOfASnapshot",
                 {{"trigger", "{ on: webhook, path: /hooks/a, key: flow.id }"}},
                 "x.yaml:5:46: trigger.key names rows to fetch: it needs mode event"},
        RuleCase{"KeyOfATopic",
                 {{"source", kTopicSource},
                  {"mode", "event"},
                  {"trigger", "{ on: topic, key: flow.id }"}},
                 "trigger.key names rows to fetch"},
        RuleCase{"TooManyKeys",
                 {{"mode", "event"}, {"trigger", "{ on: topic, topic: t, key: [a, b] }"}},
                 "trigger.key has 2 places in the body and destination.key 1 columns"},
        RuleCase{"KeyWithAGap",
                 {{"mode", "event"}, {"trigger", "{ on: topic, topic: t, key: a..b }"}},
                 "a name between its dots is missing"},
        RuleCase{"SpelledOutSecret",
                 {{"trigger", "{ on: webhook, path: /hooks/a, secret: hunter2 }"}},
                 "trigger.secret: expected ${env:NAME} or ${file:path}"},
        RuleCase{"PathOfTheInboxItself",
                 {{"trigger", "{ on: webhook, path: /topics/a }"}},
                 "webhook /topics/a: the inbox uses that path itself"},
        RuleCase{
            "SourcePathOfTheInboxItself",
            {{"source", "{ webhook: /health }"}, {"mode", "event"}, {"trigger", "{ on: webhook }"}},
            "webhook /health: the inbox uses that path itself"},
        RuleCase{"AnotherTopicThanTheSources",
                 {{"source", kTopicSource},
                  {"mode", "event"},
                  {"trigger", "{ on: topic, topic: other }"}},
                 "trigger: topic other does not bring what the source reads, topic msgs"},
        RuleCase{"AWebhookForATopic",
                 {{"source", kTopicSource}, {"mode", "event"}, {"trigger", kOnHook}},
                 "trigger: webhook /hooks/a does not bring what the source reads, topic msgs"}),
    [](const auto& row) { return row.param.name; });

std::vector<std::string> FindingsWith(const std::string& estate, const std::string& integration) {
  TestEstate files;
  std::string text = kSampleEstate;
  const std::string old = "inbox: { secret: \"${env:INBOX_SECRET}\" }\n";
  text.replace(text.find(old), old.size(), estate);
  files.Write("estate.yaml", text);
  files.Write("integrations/x.yaml", integration);
  return files.Findings();
}

TEST(InboxSecretTest, AnUnsignedInboxIsRefused) {
  const std::string stream =
      IntegrationText({{"source", kTopicSource}, {"mode", "stream"}, {"trigger", "continuous"}});
  const std::string hook = IntegrationText({{"trigger", kOnHook}});
  const std::string own =
      IntegrationText({{"trigger", "{ on: webhook, path: /hooks/a, secret: \"${env:OWN}\" }"}});
  for (const char* without : {"", "inbox: { listen: \"0.0.0.0:80\" }\n"}) {
    EXPECT_THAT(
        FindingsWith(without, stream),
        testing::ElementsAre(testing::HasSubstr(
            "x.yaml:2:38: topic msgs: nobody could tell who sent what arrives there: add")));
    EXPECT_THAT(FindingsWith(without, hook),
                testing::ElementsAre(testing::HasSubstr("x.yaml:5:10: webhook /hooks/a: nobody")));
    EXPECT_THAT(FindingsWith(without, own), testing::IsEmpty());
  }
}

TEST(InboxEndpointTest, OnePlaceHasOneSecretAndOneTopic) {
  const auto two = [](const std::string& first, const std::string& second) {
    TestEstate files;
    files.Write("estate.yaml",
                std::string(kSampleEstate) + "  others:   { type: pubsub, project: coltrane }\n");
    files.Write("integrations/a.yaml",
                "integration: a\ndestination: { table: coltrane.d.a }\n" + first);
    files.Write("integrations/b.yaml",
                "integration: b\ndestination: { table: coltrane.d.b }\n" + second);
    return files.Findings();
  };
  const std::string snapshot =
      "source: { connection: rapidpro, table: public.t }\nmode: snapshot\n";
  const std::string plain = snapshot + "trigger: { on: webhook, path: /hooks/a }\n";
  const std::string own =
      snapshot + "trigger: { on: webhook, path: /hooks/a, secret: \"${env:OWN}\" }\n";
  EXPECT_THAT(two(plain, plain), testing::IsEmpty());
  EXPECT_THAT(two(own, own), testing::IsEmpty());
  EXPECT_THAT(two(plain, own), testing::ElementsAre(testing::HasSubstr(
                                   "webhook /hooks/a has another secret in integration \"a\"")));
  const auto stream = [](const std::string& connection) {
    return "source: { connection: " + connection + ", topic: msgs }\nmode: stream\n";
  };
  EXPECT_THAT(two(stream("events"), stream("events")), testing::IsEmpty());
  EXPECT_THAT(two(stream("events"), stream("others")),
              testing::ElementsAre(
                  testing::HasSubstr("the inbox knows topics by their names alone; rename one")));
}

TEST(PubsubTopicTest, IsPulledAndNeedsNoSecret) {
  TestEstate files;
  std::string text = kSampleEstate;
  const std::string secret = "inbox: { secret: \"${env:INBOX_SECRET}\" }\n";
  text.replace(text.find(secret), secret.size(), "");
  files.Write("estate.yaml",
              text + "  pulled:   { type: pubsub, project: coltrane, engine: pubsub }\n");
  const auto stream = [](const std::string& name, const std::string& source) {
    return "integration: " + name + "\nsource: { " + source +
           " }\nmode: stream\ndestination: { table: coltrane.d." + name + " }\n";
  };
  files.Write("integrations/a.yaml", stream("a", "connection: pulled, topic: t, subscription: s"));
  EXPECT_THAT(files.Findings(), testing::IsEmpty());
  files.Write("integrations/b.yaml", stream("b", "connection: pulled, topic: t"));
  EXPECT_THAT(files.Findings(), testing::ElementsAre(testing::HasSubstr(
                                    "topic t has another subscription in integration \"a\"")));
}

TEST(PubsubTopicTest, ASubscriptionIsThatOfAPulledTopic) {
  EXPECT_THAT(FindingsWith("inbox: { secret: \"${env:INBOX_SECRET}\" }\n",
                           IntegrationText(
                               {{"source", "{ connection: events, topic: msgs, subscription: s }"},
                                {"mode", "stream"},
                                {"trigger", "continuous"}})),
              testing::ElementsAre(testing::HasSubstr("source.subscription needs a topic")));
}

TEST(PubsubListenTest, IsOfThisMachineAlone) {
  const std::string integration = IntegrationText({});
  const auto findings = [&](const std::string& listen) {
    return FindingsWith("inbox: { pubsub_listen: \"" + listen + "\" }\n", integration);
  };
  for (const char* own : {"127.0.0.1:8085", "[::1]:0", "localhost:8085"}) {
    EXPECT_THAT(findings(own), testing::IsEmpty()) << own;
  }
  for (const char* others :
       {"0.0.0.0:8085", "10.0.0.1:8085", "[::]:8085", "127.example.com:8085"}) {
    EXPECT_THAT(findings(others),
                testing::ElementsAre(testing::HasSubstr("can be reached by others")))
        << others;
  }
}

struct ListenCase {
  std::string text;
  std::string host;
  int port = -1;  // -1: refused.
};

TEST(ParseListenTest, ReadsHostAndPort) {
  const ListenCase cases[] = {{"127.0.0.1:8090", "127.0.0.1", 8090},
                              {"[::1]:80", "::1", 80},
                              {"localhost:0", "localhost", 0},
                              {"8090", "", -1},
                              {":8090", "", -1},
                              {"::1:80", "", -1},
                              {"[]:80", "", -1},
                              {"a:65536", "", -1},
                              {"a:-1", "", -1},
                              {"a:", "", -1},
                              {"a:80x", "", -1},
                              {"a b:80", "", -1},
                              {"a:99999999999", "", -1}};
  for (const ListenCase& row : cases) {
    const auto parsed = ParseListen(row.text);
    ASSERT_EQ(parsed.ok(), row.port >= 0) << row.text;
    if (row.port < 0) continue;
    EXPECT_EQ(parsed.value().host, row.host);
    EXPECT_EQ(parsed.value().port, row.port);
  }
}

}  // namespace
}  // namespace afluente::estate

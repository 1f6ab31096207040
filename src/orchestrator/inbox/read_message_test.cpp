#include "orchestrator/inbox/read_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

namespace afluente::orchestrator {
namespace {

estate::Integration ByKey(const std::vector<std::string>& key) {
  estate::Integration integration;
  integration.name = "flows";
  integration.trigger.key = key;
  return integration;
}

std::string Nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

struct Case {
  std::string name;
  std::string body;
  std::string refused;
  std::string wanted_id = "msg_1";
  std::string wanted_attributes = "{}";
  std::string wanted_body = {};  // "": as it came.
  bool is_topic = true;
};

std::ostream& operator<<(std::ostream& out, const Case& row) { return out << row.name; }

class ArrivalTest : public testing::TestWithParam<Case> {};

TEST_P(ArrivalTest, IsReadOrRefused) {
  const Case& row = GetParam();
  InboxEndpoint endpoint;
  endpoint.is_topic = row.is_topic;
  const auto arrival = ReadArrival(endpoint, "msg_1", row.body);
  if (!row.refused.empty()) {
    ASSERT_FALSE(arrival.ok());
    EXPECT_EQ(arrival.error().kind(), ErrorKind::kInvalidConfig);
    EXPECT_THAT(arrival.error().message(), testing::HasSubstr(row.refused));
    return;
  }
  ASSERT_TRUE(arrival.ok()) << arrival.error().message();
  EXPECT_EQ(arrival.value().id, row.wanted_id);
  EXPECT_EQ(arrival.value().attributes, row.wanted_attributes);
  EXPECT_EQ(arrival.value().body, row.wanted_body.empty() ? row.body : row.wanted_body);
}

const std::string kEnvelope =
    R"({"message": {"attributes": {"k": "v"}, "data": "eyJhIjogMX0=", "messageId": "77",)"
    R"( "publishTime": "2026-11-25T10:00:00Z"}, "subscription": "projects/p/subscriptions/s"})";

INSTANTIATE_TEST_SUITE_P(
    Bodies, ArrivalTest,
    testing::Values(
        Case{"Object", R"({"a": 1})", ""}, Case{"Number", "1.50", ""}, Case{"Null", "null", ""},
        Case{"KeptByteForByte", "{ \"a\" :\t1.0, \"a\": 2 }", ""},
        Case{"Envelope", kEnvelope, "", "77", R"({"k":"v","publishTime":"2026-11-25T10:00:00Z"})",
             R"({"a": 1})"},
        Case{"EnvelopeToAWebhook", kEnvelope, "", "msg_1", "{}", "", false},
        Case{"EnvelopeOfAttributes",
             R"({"message": {"attributes": {"k": "v"}, "message_id": "7"}})", "", "7",
             R"({"k":"v"})", "null"},
        Case{"MessageThatIsNoEnvelope", R"({"message": {"text": "hi"}})", ""},
        Case{"EnvelopeOfText", R"({"message": {"data": "aGVsbG8=", "messageId": "7"}})",
             "data is not JSON"},
        Case{"EnvelopeWithoutBase64", R"({"message": {"data": "%", "messageId": "7"}})",
             "not base64"},
        Case{"EnvelopeOfNumber", R"({"message": {"data": 1, "messageId": "7"}})", "not base64"},
        Case{"EnvelopeIdNoText", R"({"message": {"data": "MQ==", "messageId": 7}})",
             "messageId is no text"},
        Case{"EnvelopeAttributesNoObject",
             R"({"message": {"data": "MQ==", "attributes": 1, "messageId": "7"}})",
             "attributes are no object"},
        Case{"Empty", "", "not JSON"}, Case{"Text", "hello", "not JSON"},
        Case{"Two", "{} {}", "not JSON"}, Case{"Open", R"({"a": )", "not JSON"},
        Case{"NotUtf8", "\"\xff\"", "not JSON"}, Case{"Surrogate", R"("\ud800")", "not JSON"},
        Case{"Infinite", "1e999", "not JSON"},
        Case{"ZeroByte", std::string("\"a\0b\"", 5), "not JSON"}, Case{"Deep", Nested(100), ""},
        Case{"TooDeep", Nested(101), "deeper than 100"},
        Case{"FarTooDeep", Nested(500'000), "deeper than 100"},
        Case{"OpenAndDeep", std::string(1'000'000, '['), "deeper than 100"}),
    [](const auto& row) { return row.param.name; });

struct KeyCase {
  std::string body;
  std::vector<std::string> key;
  std::optional<EventKey> wanted;
};

TEST(ArrivalKeyTest, IsWhereThePathsSay) {
  const KeyCase cases[] = {
      {R"({"flow": {"id": 7}})", {"flow.id"}, {{"7"}}},
      {R"({"flow": {"id": "a\"b"}, "n": true})", {"flow.id", "n"}, {{"a\"b", "true"}}},
      {R"({"flows": [{"id": 1}, {"id": 2}]})", {"flows.1.id"}, {{"2"}}},
      {R"({"id": 12345678901234567890})", {"id"}, {{"12345678901234567890"}}},
      {R"({"id": -3})", {"id"}, {{"-3"}}},
      // Without a whole key the integration runs as a whole.
      {R"({"flow": {}})", {"flow.id"}, std::nullopt},
      {R"({"flow": {"id": null}})", {"flow.id"}, std::nullopt},
      {R"({"flow": {"id": {}}})", {"flow.id"}, std::nullopt},
      {R"({"flow": 1})", {"flow.id"}, std::nullopt},
      {R"({"flows": [1]})", {"flows.1"}, std::nullopt},
      {R"({"flows": [1]})", {"flows.99999999999999999999"}, std::nullopt},
      {R"({"flows": [1]})", {"flows.-1"}, std::nullopt},
      {R"([])", {"id"}, std::nullopt},
      {R"({"id": "a\u0000b"})", {"id"}, std::nullopt},
  };
  for (const KeyCase& row : cases) {
    const estate::Integration flows = ByKey(row.key);
    InboxEndpoint endpoint;
    endpoint.triggered = {&flows};
    const auto arrival = ReadArrival(endpoint, "msg_1", row.body);
    ASSERT_TRUE(arrival.ok()) << row.body;
    const auto found = arrival.value().keys.find("flows");
    if (row.wanted) {
      ASSERT_NE(found, arrival.value().keys.end()) << row.body;
      EXPECT_EQ(found->second, *row.wanted) << row.body;
    } else {
      EXPECT_EQ(found, arrival.value().keys.end()) << row.body;
    }
  }
}

TEST(ArrivalIdTest, IsBoundedAndNeverMissing) {
  const InboxEndpoint endpoint;
  EXPECT_TRUE(ReadArrival(endpoint, std::string(256, 'x'), "1").ok());
  EXPECT_FALSE(ReadArrival(endpoint, std::string(257, 'x'), "1").ok());
  EXPECT_FALSE(ReadArrival(endpoint, "\xff", "1").ok());
  const auto one = ReadArrival(endpoint, "", "1");
  const auto other = ReadArrival(endpoint, "", "1");
  EXPECT_NE(one.value().id, "");
  EXPECT_NE(one.value().id, other.value().id);
}

TEST(ReadPublishedTest, KeepsWhatTheMessageHas) {
  InboxEndpoint endpoint;
  pubsub::Message message;
  message.id = "77";
  message.data = R"({ "a": 1.0 })";
  message.attributes = {{"k", "v"}};
  message.ordering_key = "o";
  message.published_at = "2026-11-26T10:00:00Z";
  const Arrival arrival = ReadPublished(endpoint, message);
  EXPECT_EQ(arrival.id, "77");
  EXPECT_EQ(arrival.body, R"({ "a": 1.0 })");
  EXPECT_EQ(arrival.attributes,
            R"({"k":"v","orderingKey":"o","publishTime":"2026-11-26T10:00:00Z"})");
  EXPECT_EQ(arrival.fault, "");
  EXPECT_EQ(arrival.endpoint, &endpoint);
}

TEST(ReadPublishedTest, NamesTheFaultAndKeepsThePayload) {
  const InboxEndpoint endpoint;
  const struct {
    std::string data, body;
    bool is_json;
  } cases[] = {{"", "null", true},
               {"1", "1", true},
               {"{", "{", false},
               {std::string("\xff\xfe"), "//4=", false},
               {Nested(101), Nested(101), false}};
  for (const auto& row : cases) {
    pubsub::Message message;
    message.data = row.data;
    const Arrival arrival = ReadPublished(endpoint, message);
    EXPECT_EQ(arrival.body, row.body);
    EXPECT_EQ(arrival.fault.empty(), row.is_json) << row.data;
    EXPECT_NE(arrival.id, "");
  }
}

TEST(ReadPublishedTest, FindsTheKeysOfATrigger) {
  const estate::Integration flows = ByKey({"flow.id"});
  InboxEndpoint endpoint;
  endpoint.triggered = {&flows};
  pubsub::Message message;
  message.data = R"({"flow": {"id": 7}})";
  EXPECT_EQ(ReadPublished(endpoint, message).keys.at("flows"), EventKey{"7"});
}

}  // namespace
}  // namespace afluente::orchestrator

// What tests of the inbox share: a service that listens, and a sender with its secret.
#pragma once

#include <string>
#include <vector>

#include "support/inbox_client.h"
#include "support/serving.h"

namespace afluente::test {

class InboxTest : public ServingTest {
 protected:
  InboxTest() {
    estate_.SetEnv("INBOX_SECRET", kSecret);
    estate_.Write("estate.yaml", ReadFile(estate_.path() / "estate.yaml") +
                                     "  events: { type: pubsub, project: dw }\n"
                                     "inbox: { listen: \"127.0.0.1:0\", secret: "
                                     "\"${env:INBOX_SECRET}\" }\n");
  }

  /// Stream `name`: topic `name` -> dw.d.NAME, with `yaml` below it.
  void Stream(const std::string& name, const std::string& yaml) {
    estate_.Integration(name, "source: { connection: events, topic: " + name +
                                  " }\nmode: stream\ntrigger: continuous\n" + yaml);
  }

  /// Starts the service and finds out where its inbox listens.
  void Serve() { Serve(estate_.Afluente({"serve"})); }
  void Serve(const Command& command) {
    service_.emplace(command);
    ASSERT_TRUE(Soon([&] {
      const Outcome lag = estate_.Run({"lag", "--json"});
      if (lag.exit_code != 0) return false;
      const auto inbox = nlohmann::json::parse(lag.out).at("inbox");
      if (inbox.is_null()) return false;
      address_ = inbox.at("listen");
      return true;
    })) << service_->err();
  }

  Answer Send(const std::string& path, const std::string& id, const std::string& body) const {
    return Post(address_, path, SignedHeaders(kSecret, id, body), body);
  }

  /// Rows of a table that may not be there yet.
  std::vector<std::string> Arrived(const std::string& sql) {
    const Outcome asked = estate_.Run({"query", sql, "--format", "json"});
    if (asked.exit_code != 0) return {};
    return WarehouseLines(sql);
  }

  static constexpr const char* kSecret = "secret of the tests, long enough";
  std::string address_;
};

}  // namespace afluente::test

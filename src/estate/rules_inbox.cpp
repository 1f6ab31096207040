// What arrives by HTTP: who signs it, where it arrives, and what its body names.
#include <algorithm>
#include <map>

#include "estate/rules.h"

namespace afluente::estate {
namespace {

bool IsInboxTrigger(const Trigger& trigger) {
  return trigger.kind == Trigger::Kind::kWebhook || trigger.kind == Trigger::Kind::kTopic;
}

const std::string& Or(const std::string& text, const std::string& fallback) {
  return text.empty() ? fallback : text;
}

std::string EndpointOf(bool is_topic, const std::string& name) {
  return (is_topic ? "topic " : "webhook ") + name;
}

// Anybody who can reach the port could write into the warehouse.
void CheckSecret(const RuleScope& scope, const Mark& mark, const std::string& endpoint) {
  if (!scope.docs.root || !scope.docs.root->Lacks({"inbox", "secret"})) return;
  if (!scope.Lacks({"trigger", "secret"})) return;
  scope.findings.push_back(
      {mark, endpoint + ": nobody could tell who sent what arrives there: add \"inbox: { secret: "
                        "'${env:INBOX_SECRET}' }\" to estate.yaml, or a secret to the trigger"});
}

void CheckPath(const RuleScope& scope, const Mark& mark, const std::string& path) {
  if (path != "/health" && !path.starts_with("/topics/")) return;
  scope.findings.push_back(
      {mark, "webhook " + path + ": the inbox uses that path itself: choose another, such as " +
                 "/hooks/name"});
}

// Its own arrivals are what a topic or webhook is read for.
void CheckOwnSubject(const RuleScope& scope) {
  const Trigger& trigger = scope.integration.trigger;
  const Source& source = scope.integration.source;
  const bool is_topic = trigger.kind == Trigger::Kind::kTopic;
  const std::string& own = is_topic ? source.topic : source.webhook;
  const std::string& other = is_topic ? source.webhook : source.topic;
  if ((own.empty() || own == trigger.subject) && other.empty()) return;
  const std::string read = EndpointOf(!source.topic.empty(), Or(source.topic, source.webhook));
  scope.Report({"trigger"}, "trigger: " + EndpointOf(is_topic, trigger.subject) +
                                " does not bring what the source reads, " + read +
                                ": trigger by that");
}

void CheckKey(const RuleScope& scope) {
  if (!scope.Has({"trigger", "key"})) return;
  const Integration& integration = scope.integration;
  const bool has_rows = !integration.source.table.empty() || !integration.source.query.empty();
  if (integration.mode != Mode::kEvent || !has_rows || !integration.destination.table) {
    scope.Report({"trigger", "key"},
                 "trigger.key names rows to fetch: it needs mode event, a table or query of a "
                 "connection and a table of the warehouse: remove it");
  } else if (!scope.Lacks({"destination", "key"}) && !scope.Has({"destination", "key"})) {
    return;  // Broken: told elsewhere.
  } else if (integration.trigger.key.size() != integration.destination.key.size()) {
    scope.Report({"trigger", "key"},
                 "trigger.key has " + std::to_string(integration.trigger.key.size()) +
                     " places in the body and destination.key " +
                     std::to_string(integration.destination.key.size()) +
                     " columns: name one place for each column, in the same order");
  }
}

}  // namespace

void CheckInbox(const RuleScope& scope) {
  const Source& source = scope.integration.source;
  const Trigger& trigger = scope.integration.trigger;
  if (IsInboxTrigger(trigger)) {
    if (trigger.subject.empty()) return;  // Told elsewhere.
    const bool is_topic = trigger.kind == Trigger::Kind::kTopic;
    CheckSecret(scope, trigger.mark, EndpointOf(is_topic, trigger.subject));
    if (!is_topic) CheckPath(scope, trigger.mark, trigger.subject);
    CheckOwnSubject(scope);
    CheckKey(scope);
  } else if (!source.topic.empty() || !source.webhook.empty()) {
    const bool is_topic = !source.topic.empty();
    const std::string_view key = is_topic ? "topic" : "webhook";
    if (!scope.Has({"source", key})) return;
    const Mark mark = scope.node.MarkOf({"source", key});
    if (PubsubOf(scope.docs.estate, scope.integration) == nullptr) {
      CheckSecret(scope, mark, EndpointOf(is_topic, Or(source.topic, source.webhook)));
    }
    if (!is_topic) CheckPath(scope, mark, source.webhook);
  }
}

void CheckInboxEndpoints(const EstateDocs& docs, std::vector<Finding>& findings) {
  std::map<std::string, const Integration*> by_endpoint;
  std::map<std::string, const Integration*> by_topic;  // That read it.
  for (const IntegrationDoc& doc : docs.integrations) {
    const Integration& integration = doc.integration;
    const Source& source = integration.source;
    const Trigger& trigger = integration.trigger;
    if (!source.topic.empty() && !source.connection.empty()) {
      const auto [found, fresh] = by_topic.emplace(source.topic, &integration);
      if (!fresh && found->second->source.connection != source.connection) {
        findings.push_back(
            {source.mark, "topic " + source.topic + " of connection \"" + source.connection +
                              "\" arrives where integration \"" + found->second->name +
                              "\" reads that of \"" + found->second->source.connection +
                              "\": the inbox knows topics by their names alone; rename one"});
      } else if (!fresh && found->second->source.subscription != source.subscription) {
        findings.push_back(
            {source.mark, "topic " + source.topic + " has another subscription in integration \"" +
                              found->second->name + "\": one feeds both; write the same"});
      }
    }
    std::string endpoint;
    if (IsInboxTrigger(trigger) && !trigger.subject.empty()) {
      endpoint = EndpointOf(trigger.kind == Trigger::Kind::kTopic, trigger.subject);
    } else if (!source.topic.empty() || !source.webhook.empty()) {
      endpoint = EndpointOf(!source.topic.empty(), Or(source.topic, source.webhook));
    }
    if (endpoint.empty()) continue;
    const auto [found, fresh] = by_endpoint.emplace(endpoint, &integration);
    if (fresh || found->second->trigger.secret == trigger.secret) continue;
    const Mark& mark = trigger.mark.file.empty() ? source.mark : trigger.mark;
    findings.push_back(
        {mark, endpoint + " has another secret in integration \"" + found->second->name +
                   "\": one place has one secret; write the same, or leave both to inbox.secret"});
  }
}

}  // namespace afluente::estate

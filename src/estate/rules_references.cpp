// Connections, projects, and what a trigger watches: does everything that is named exist?
#include <algorithm>

#include "base/names.h"
#include "estate/rules.h"

namespace afluente::estate {
namespace {

bool Holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void CheckProject(const RuleScope& scope, RuleScope::Path path, const std::string& what,
                  const std::string& project) {
  if (!scope.projects || Holds(*scope.projects, project)) return;
  scope.Report(path, what + ": no project \"" + project +
                         "\" is declared under projects of estate.yaml" +
                         DidYouMean(project, *scope.projects));
}

void CheckConnection(const RuleScope& scope, RuleScope::Path path, const std::string& what,
                     const std::string& name, ConnectionType wanted) {
  if (!scope.connections) return;
  if (!Holds(*scope.connections, name)) {
    scope.Report(path, what + ": no connection \"" + name +
                           "\" is declared under connections of estate.yaml" +
                           DidYouMean(name, *scope.connections));
    return;
  }
  if (scope.docs.root->Find({"connections", name, "type"}) == nullptr) return;
  const ConnectionType type = scope.docs.estate.connections.at(name).type;
  if (type == wanted) return;
  scope.Report(path, what + ": connection \"" + name + "\" is of type " +
                         std::string(NameOf(type)) + ", and type " + std::string(NameOf(wanted)) +
                         " is needed here");
}

void CheckSource(const RuleScope& scope) {
  const Source& source = scope.integration.source;
  for (const std::string_view kind : {"table", "query", "topic"}) {
    if (!scope.Has({"source", kind})) continue;
    if (scope.Lacks({"source", "connection"})) {
      scope.Report({"source", kind},
                   "source." + std::string(kind) + " needs a connection: add \"connection: NAME\"");
    }
    if (!scope.Has({"source", "connection"})) continue;
    CheckConnection(scope, {"source", "connection"}, "source.connection", source.connection,
                    kind == "topic" ? ConnectionType::kPubsub : ConnectionType::kPostgres);
  }
  if (scope.Has({"source", "subscription"}) &&
      PubsubOf(scope.docs.estate, scope.integration) == nullptr) {
    scope.Report({"source", "subscription"},
                 "source.subscription needs a topic of a connection with engine pubsub: remove it");
  }
  for (const std::string_view kind : {"webhook", "warehouse_table"}) {
    if (!scope.Has({"source", kind}) || !scope.Has({"source", "connection"})) continue;
    scope.Report({"source", "connection"},
                 "source.connection has no meaning with " + std::string(kind) + ": remove it");
  }
  if (source.warehouse_table) {
    CheckProject(scope, {"source", "warehouse_table"}, "source.warehouse_table",
                 source.warehouse_table->project);
  }
}

void CheckDestination(const RuleScope& scope) {
  const Destination& destination = scope.integration.destination;
  const bool has_connection = scope.Has({"destination", "connection"});
  if (has_connection && scope.Has({"destination", "lake"})) {
    scope.Report({"destination", "connection"},
                 "destination.connection has no meaning with lake: remove it");
  } else if (has_connection) {
    CheckConnection(scope, {"destination", "connection"}, "destination.connection",
                    destination.connection, ConnectionType::kPostgres);
  }
  if (const YamlNode* table = scope.node.Find({"destination", "table"})) {
    const Result<std::vector<std::string>> parts = ParseTableName(table->text);
    if (has_connection && (!parts.ok() || parts.value().size() != 2)) {
      scope.Report({"destination", "table"},
                   "destination.table: expected schema.table of connection \"" +
                       destination.connection + "\", not \"" + table->text + "\"");
    }
    if (scope.Lacks({"destination", "connection"}) && !destination.table) {
      scope.Report({"destination", "table"},
                   "destination.table: expected project.dataset.table of the warehouse, not \"" +
                       table->text + "\"; for a table of PostgreSQL add \"connection: NAME\"");
    }
  }
  if (destination.table) {
    CheckProject(scope, {"destination", "table"}, "destination.table", destination.table->project);
  }
  if (destination.lake) {
    CheckProject(scope, {"destination", "lake"}, "destination.lake", destination.lake->project);
  }
}

// Whether what `destination` says is what `source` reads.
bool Feeds(const Destination& destination, const Source& source) {
  if (source.warehouse_table && source.warehouse_table == destination.table) return true;
  if (source.connection.empty() || source.connection != destination.connection) return false;
  const auto from = ParseTableName(source.table);
  const auto to = ParseTableName(destination.connection_table);
  return from.ok() && to.ok() && from.value() == to.value();
}

void CheckLoop(const RuleScope& scope) {
  const Integration& integration = scope.integration;
  if (Feeds(integration.destination, integration.source)) {
    scope.Report({"destination", "table"},
                 "destination.table is what the source reads: write to another table");
  }
  if (integration.mode != Mode::kCdc || integration.source.origin == Origin::kNone) return;
  for (const IntegrationDoc& doc : scope.docs.integrations) {
    const Integration& other = doc.integration;
    const bool in_a_circle = &other != &integration &&
                             Feeds(integration.destination, other.source) &&
                             Feeds(other.destination, integration.source);
    if (!in_a_circle) continue;
    scope.Report({"source"}, "integration \"" + other.name +
                                 "\" writes back into this table what comes from it, and it "
                                 "would come again: add \"origin: none\", which leaves out what "
                                 "afluente wrote");
  }
}

void CheckTrigger(const RuleScope& scope) {
  const Trigger& trigger = scope.integration.trigger;
  const auto needs = [&](std::string_view key, std::string_view source_key) {
    const bool nowhere = scope.Lacks({"trigger", key}) && scope.Lacks({"source", source_key});
    if (!trigger.subject.empty() || !nowhere) return;
    scope.Report({"trigger"}, "trigger needs the key \"" + std::string(key) +
                                  "\": the source names no " + std::string(source_key));
  };
  switch (trigger.kind) {
    case Trigger::Kind::kNone:
    case Trigger::Kind::kSchedule:
    case Trigger::Kind::kContinuous:
      return;
    case Trigger::Kind::kChange: {
      needs("table", "table");
      const YamlNode* table = scope.node.Find({"trigger", "table"});
      if (table == nullptr) return;
      if (trigger.subject.empty()) {
        if (!scope.Lacks({"source", "connection"})) return;
        scope.Report(
            {"trigger", "table"},
            "trigger.table: the source has no connection, so write connection:" + table->text);
      } else if (trigger.subject == table->text) {
        const std::string connection = trigger.subject.substr(0, trigger.subject.find(':'));
        CheckConnection(scope, {"trigger", "table"}, "trigger.table", connection,
                        ConnectionType::kPostgres);
      }
      return;
    }
    case Trigger::Kind::kAsset: {
      needs("table", "warehouse_table");
      if (!scope.Has({"trigger", "table"})) return;
      const Result<TableAddress> address = ParseTableAddress(trigger.subject);
      if (address.ok()) {
        CheckProject(scope, {"trigger", "table"}, "trigger.table", address.value().project);
      }
      return;
    }
    case Trigger::Kind::kWebhook:
      return needs("path", "webhook");
    case Trigger::Kind::kTopic:
      return needs("topic", "topic");
  }
}

}  // namespace

void CheckReferences(const RuleScope& scope) {
  CheckSource(scope);
  CheckDestination(scope);
  CheckLoop(scope);
  CheckTrigger(scope);
}

}  // namespace afluente::estate

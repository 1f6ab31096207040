#include "estate/rules.h"

#include <algorithm>
#include <utility>

#include "base/names.h"
#include "estate/quantities.h"

namespace afluente::estate {
namespace {

using Names = std::optional<std::vector<std::string>>;

// The keys of a section; empty when the section is broken, so that nobody can know them.
Names NamesIn(const YamlNode& root, std::string_view section) {
  if (!root.sound) return std::nullopt;
  std::vector<std::string> names;
  if (const YamlNode* node = root.Find({section})) {
    for (const YamlEntry& entry : node->entries) names.push_back(entry.key);
  } else if (!root.Lacks({section})) {
    return std::nullopt;
  }
  return names;
}

// Nobody should lose a slot without a warning.
void CheckRetainedWal(const Connection& connection, const YamlNode& node,
                      std::vector<Finding>& findings) {
  if (!connection.drop_slot_above || connection.type != ConnectionType::kPostgres) return;
  const auto report = [&](const std::string& message) {
    findings.push_back({node.MarkOf({"drop_slot_above"}),
                        "connections." + connection.name + ".drop_slot_above" + message});
  };
  if (node.Lacks({"max_retained_wal"})) {
    report(" needs a max_retained_wal below it, which warns first: add one");
  } else if (connection.max_retained_wal &&
             *connection.drop_slot_above <= *connection.max_retained_wal) {
    report(" is not more than max_retained_wal (" + FormatSize(*connection.max_retained_wal) +
           "): raise it");
  }
}

void CheckConnection(const Connection& connection, const YamlNode& node, const Names& projects,
                     std::vector<Finding>& findings) {
  const auto report = [&](const Mark& mark, const std::string& message) {
    findings.push_back({mark, "connections." + connection.name + message});
  };
  if (node.Find({"project"}) != nullptr && projects) {
    bool known = false;
    for (const std::string& project : *projects) known = known || project == connection.project;
    if (!known) {
      report(node.MarkOf({"project"}), ".project: no project \"" + connection.project +
                                           "\" is declared under projects" +
                                           DidYouMean(connection.project, *projects));
    }
  }
  if (node.Find({"type"}) == nullptr) return;
  const std::string type(NameOf(connection.type));
  if (connection.type != ConnectionType::kHttp && node.Lacks({"project"})) {
    report(node.mark, ": type " + type + " needs the project that owns it: add \"project: NAME\"");
  }
  if (connection.type != ConnectionType::kPubsub && node.Lacks({"dsn"})) {
    report(node.mark, ": type " + type + " needs a dsn: add \"dsn: ${env:NAME}\", in quotes");
  }
  for (const std::string_view key : {"tls", "max_retained_wal", "drop_slot_above", "max_spool"}) {
    if (connection.type == ConnectionType::kPostgres || node.Find({key}) == nullptr) continue;
    report(node.MarkOf({key}), "." + std::string(key) + " is for type postgres: remove it");
  }
  if (connection.type != ConnectionType::kPubsub && node.Find({"engine"}) != nullptr) {
    report(node.MarkOf({"engine"}), ".engine is for type pubsub: remove it");
  }
  CheckRetainedWal(connection, node, findings);
}

// What comes in there is signed by nobody.
void CheckPubsubListen(const YamlNode& root, const Estate& estate, std::vector<Finding>& findings) {
  if (root.Find({"inbox", "pubsub_listen"}) == nullptr) return;
  const auto address = ParseListen(estate.inbox.pubsub_listen);
  if (!address.ok()) return;  // Told elsewhere.
  const std::string& host = address.value().host;
  // A name may begin so, too.
  const bool is_loopback =
      host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
  if (host == "localhost" || host == "::1" || is_loopback) return;
  findings.push_back({root.MarkOf({"inbox", "pubsub_listen"}),
                      "inbox.pubsub_listen: " + host +
                          " can be reached by others, and nothing that is published there is "
                          "signed: write 127.0.0.1, or post to the inbox"});
}

void CheckWarehouse(const YamlNode& root, const Estate& estate, std::vector<Finding>& findings) {
  const bool bigquery = estate.warehouse.engine == WarehouseEngine::kBigquery;
  if (bigquery && root.Lacks({"warehouse", "location"})) {
    findings.push_back({root.MarkOf({"warehouse", "engine"}),
                        "warehouse: engine bigquery needs a location: add \"location: "
                        "southamerica-east1\" or another one"});
  }
}

}  // namespace

void CheckProject(const Names& projects, const Mark& mark, const std::string& what,
                  const std::string& project, std::vector<Finding>& findings) {
  if (!projects || project.empty()) return;
  if (std::find(projects->begin(), projects->end(), project) != projects->end()) return;
  findings.push_back({mark, what + ": no project \"" + project +
                                "\" is declared under projects of estate.yaml" +
                                DidYouMean(project, *projects)});
}

void CheckProfiles(const YamlNode& root, std::vector<Finding>& findings) {
  const YamlNode* profiles = root.Find({"profiles"});
  const Names connections = NamesIn(root, "connections");
  if (profiles == nullptr || !connections) return;
  for (const YamlEntry& profile : profiles->entries) {
    const YamlNode* overrides = profile.value.Find({"connections"});
    if (overrides == nullptr) continue;
    for (const YamlEntry& entry : overrides->entries) {
      bool known = false;
      for (const std::string& name : *connections) known = known || name == entry.key;
      if (known) continue;
      findings.push_back({entry.mark, "profiles." + profile.key + ": no connection \"" + entry.key +
                                          "\" is declared under connections" +
                                          DidYouMean(entry.key, *connections)});
    }
  }
}

void CheckRules(const EstateDocs& docs, std::vector<Finding>& findings) {
  const Names projects = docs.root ? NamesIn(*docs.root, "projects") : std::nullopt;
  const Names connections = docs.root ? NamesIn(*docs.root, "connections") : std::nullopt;
  if (docs.root) {
    for (const auto& [name, connection] : docs.estate.connections) {
      const YamlNode* node = docs.root->Find({"connections", name});
      if (node != nullptr) CheckConnection(connection, *node, projects, findings);
    }
    CheckWarehouse(*docs.root, docs.estate, findings);
    CheckPubsubListen(*docs.root, docs.estate, findings);
  }
  CheckInboxEndpoints(docs, findings);
  for (const IntegrationDoc& doc : docs.integrations) {
    const RuleScope scope{.docs = docs,
                          .integration = doc.integration,
                          .node = *doc.node,
                          .projects = projects,
                          .connections = connections,
                          .findings = findings};
    CheckReferences(scope);
    CheckModes(scope);
    CheckColumns(scope);
    CheckForms(scope);
    CheckInbox(scope);
    CheckSchedules(docs, doc.integration.trigger, *doc.node, findings);
    CheckPolicy(docs, doc.integration.policy, *doc.node, findings);
    CheckShadow(scope);
  }
  CheckModelRules(docs, projects, findings);
  CheckDagRules(docs, projects, findings);
  CheckClaims(docs, findings);
}

}  // namespace afluente::estate

// Names and places that can belong to one job only.
#include <map>
#include <utility>

#include "estate/rules.h"

namespace afluente::estate {
namespace {

struct Claim {
  std::string job;   // Several claims of one job are no quarrel.
  std::string what;  // "integration \"contacts\""
  Mark mark;
};

// Where the integration writes, the same text for the same place; "" when unknown.
std::string DestinationOf(const Integration& integration) {
  const Destination& destination = integration.destination;
  if (destination.table) return destination.table->ToString();
  if (destination.lake) return "lake " + destination.lake->ToString();
  if (destination.connection_table.empty()) return "";
  const Result<std::vector<std::string>> parts = ParseTableName(destination.connection_table);
  if (!parts.ok() || parts.value().size() != 2) return "";
  return destination.connection + ":" + parts.value()[0] + "." + parts.value()[1];
}

// What a task writes under its own name; nothing of what it leaves to a job.
std::vector<std::string> WrittenBy(const TaskAction& action) {
  if (const auto* train = std::get_if<TrainTask>(&action)) {
    return {"the trained model " + train->model};
  }
  if (const auto* predict = std::get_if<PredictTask>(&action)) return {predict->into.ToString()};
  if (const auto* split = std::get_if<SplitTask>(&action))
    return {"lake " + split->into.ToString()};
  std::vector<std::string> places;
  if (const auto* sql = std::get_if<SqlTask>(&action)) {
    for (const TableAddress& table : sql->writes) places.push_back(table.ToString());
  }
  return places;
}

class Claims {
 public:
  explicit Claims(std::vector<Finding>& findings) : findings_(findings) {}

  void Name(const std::string& name, const Claim& claim) {
    if (name.empty()) return;
    const auto [first, fresh] = names_.emplace(name, claim);
    if (fresh) return;
    findings_.push_back({claim.mark, "the name \"" + name + "\" is taken by " + first->second.what +
                                         " (" + first->second.mark.ToString() +
                                         "): give one of the two another name"});
  }

  void Place(const std::string& place, const Claim& claim) {
    if (place.empty()) return;
    const auto [first, fresh] = places_.emplace(place, claim);
    if (fresh || first->second.job == claim.job) return;
    findings_.push_back({claim.mark, place + " is already written by " + first->second.what + " (" +
                                         first->second.mark.ToString() +
                                         "): give each its own destination"});
  }

 private:
  std::map<std::string, Claim> names_;
  std::map<std::string, Claim> places_;
  std::vector<Finding>& findings_;
};

}  // namespace

void CheckClaims(const EstateDocs& docs, std::vector<Finding>& findings) {
  Claims claims(findings);
  for (const IntegrationDoc& doc : docs.integrations) {
    const Integration& integration = doc.integration;
    const std::string what = "integration \"" + integration.name + "\"";
    claims.Name(integration.name, {"", what, integration.mark});
    // In shadow it writes beside what another one fills. Two of one name are two jobs all the same.
    claims.Place(
        integration.shadow ? integration.shadow->shadow.ToString() : DestinationOf(integration),
        {what + integration.mark.ToString(), what, integration.destination.mark});
  }
  for (const ModelDoc& doc : docs.models) {
    const std::string address = doc.model.table.ToString();
    const std::string what = "the model of " + address;
    claims.Name(doc.model.name, {"", what, doc.model.mark});
    claims.Place(address, {what, what, doc.model.sql_mark});
  }
  for (const DagDoc& doc : docs.dags) {
    const std::string what = "DAG \"" + doc.dag.name + "\"";
    claims.Name(doc.dag.name, {"", what, doc.dag.mark});
    for (const Task& task : doc.dag.tasks) {
      for (const std::string& place : WrittenBy(task.action)) {
        claims.Place(place, {what + doc.dag.mark.ToString(), what, task.mark});
      }
    }
  }
}

}  // namespace afluente::estate

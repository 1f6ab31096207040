// Models: their keys among themselves, and what they name in the estate. What their SQL reads is
// checked where it can be parsed (src/pipeline/model_graph.h).
#include <algorithm>
#include <functional>
#include <map>

#include "base/names.h"
#include "estate/model_values.h"
#include "estate/rules.h"
#include "estate/scalars.h"
#include "estate/utf8.h"

namespace afluente::estate {
namespace {

using Names = std::optional<std::vector<std::string>>;

struct ModelScope {
  const EstateDocs& docs;
  const ModelDoc& doc;
  const Names& projects;
  std::vector<Finding>& findings;

  const Model& model() const { return doc.model; }
  bool Has(RuleScope::Path path) const {
    return doc.node != nullptr && doc.node->Find(path) != nullptr;
  }
  void Report(RuleScope::Path path, std::string message) const {
    findings.push_back(
        {doc.node == nullptr ? doc.model.mark : doc.node->MarkOf(path), std::move(message)});
  }
};

void CheckMaterialize(const ModelScope& scope) {
  const bool has_key = scope.Has({"key"});
  const bool has_partition = scope.Has({"partition"});
  if (scope.model().materialize != Materialize::kIncremental) {
    for (const std::string_view key : {"key", "partition", "where_new"}) {
      if (!scope.Has({key})) continue;
      scope.Report({key}, std::string(key) +
                              " is for materialize: incremental: remove it, or say "
                              "\"materialize: incremental\"");
    }
    return;
  }
  if (has_key && has_partition) {
    scope.Report({"partition"}, "the model has both a key and a partition: keep one of them");
  } else if (!has_key && !has_partition && scope.doc.node->Lacks({"key"}) &&
             scope.doc.node->Lacks({"partition"})) {
    scope.Report({"materialize"},
                 "materialize: incremental needs to know what new rows replace: add \"key: "
                 "[COLUMN]\" or \"partition: COLUMN\"");
  }
}

void CheckTrigger(const ModelScope& scope) {
  const Trigger& trigger = scope.model().trigger;
  switch (trigger.kind) {
    case Trigger::Kind::kNone:
    case Trigger::Kind::kSchedule:
      return;
    case Trigger::Kind::kAsset: {
      if (!scope.Has({"trigger", "table"})) {
        scope.Report({"trigger"}, "trigger needs the key \"table\": the table to watch");
        return;
      }
      const auto address = ParseTableAddress(trigger.subject);
      if (!address.ok()) return;
      CheckProject(scope.projects, trigger.mark, "trigger.table", address.value().project,
                   scope.findings);
      return;
    }
    case Trigger::Kind::kContinuous:
    case Trigger::Kind::kChange:
    case Trigger::Kind::kWebhook:
    case Trigger::Kind::kTopic:
      break;
  }
  scope.Report(
      {"trigger"},
      "a model reads tables of the warehouse: expected a schedule, or \"on: asset\" with a "
      "table");
}

void CheckAfter(const ModelScope& scope) {
  if (scope.model().after.empty()) return;
  std::vector<std::string> names;
  for (const IntegrationDoc& doc : scope.docs.integrations) names.push_back(doc.integration.name);
  for (const ModelDoc& doc : scope.docs.models) names.push_back(doc.model.name);
  for (const std::string& name : scope.model().after) {
    if (name == scope.model().name) {
      scope.Report({"after"}, "after names the model itself: remove it");
    } else if (std::find(names.begin(), names.end(), name) == names.end()) {
      scope.Report({"after"},
                   "after: no integration or model \"" + name + "\"" + DidYouMean(name, names));
    }
  }
}

void CheckTemplates(const ModelScope& scope, const std::string& text, const std::string& what,
                    const std::function<Mark(std::size_t)>& mark_at) {
  const TemplateValues known = ModelValues(scope.docs.estate, {});
  const bool is_view = scope.model().materialize == Materialize::kView;
  TemplateParts found = References(text, Quoting::kSql);
  for (TemplateProblem& problem : found.problems) {
    scope.findings.push_back({mark_at(problem.offset), what + std::move(problem.message)});
  }
  std::vector<std::string> names;
  for (const auto& [name, value] : known) names.push_back(name);
  for (const TemplatePart& part : found.parts) {
    if (part.ref) continue;
    if (!known.contains(part.name)) {
      scope.findings.push_back({mark_at(part.offset), what + "nothing here has the name " +
                                                          Quoted(part.name) + "; expected one of " +
                                                          JoinNames(names) +
                                                          DidYouMean(part.name, names)});
    } else if (is_view && part.name.starts_with("interval.")) {
      scope.findings.push_back(
          {mark_at(part.offset), what + part.name +
                                     " in a view would stay what it was when the view was made: "
                                     "use now(), or materialize a table"});
    }
  }
}

void CheckTests(const ModelScope& scope) {
  for (const DataTest& test : scope.model().tests) {
    const auto report = [&](std::string message) {
      scope.findings.push_back({test.mark, std::move(message)});
    };
    if (test.to)
      CheckProject(scope.projects, test.mark, "relationships.to", test.to->project, scope.findings);
    if (test.min && test.max && *test.min > *test.max) report("row_count: min is more than max");
    if (test.kind == DataTest::Kind::kSql && !test.where.empty()) {
      report("a test in SQL has its conditions in the SQL: put \"where\" there");
    }
    const auto here = [&](std::size_t) { return test.mark; };
    CheckTemplates(scope, test.sql, "test: ", here);
    CheckTemplates(scope, test.where, "test: ", here);
  }
}

void CheckRowCounts(const ModelScope& scope) {
  const YamlNode* tests = scope.doc.node == nullptr ? nullptr : scope.doc.node->Find({"tests"});
  if (tests == nullptr) return;
  for (const YamlNode& item : tests->items) {
    const YamlNode* row_count = item.Find({"row_count"});
    if (row_count == nullptr || !row_count->Lacks({"min"}) || !row_count->Lacks({"max"})) continue;
    scope.findings.push_back({item.mark, "row_count needs min or max: add one"});
  }
}

void CheckModel(const ModelScope& scope) {
  const Model& model = scope.model();
  CheckProject(scope.projects, model.sql_mark, "models/" + model.table.project, model.table.project,
               scope.findings);
  if (const std::string problem = kName.problem(model.name);
      !problem.empty() && !scope.Has({"model"})) {
    scope.Report({}, "the table's name gives no name for the job: " + problem +
                         "; say \"model: NAME\" in the YAML file beside the SQL");
  }
  CheckMaterialize(scope);
  CheckTrigger(scope);
  CheckAfter(scope);
  TextPlaces places(model.sql);
  CheckTemplates(scope, model.sql, "", [&](std::size_t offset) {
    return places.MarkAtOffset(model.sql_mark.file, offset);
  });
  CheckTemplates(scope, model.where_new,
                 "where_new: ", [&](std::size_t) { return model.where_new_mark; });
  CheckTests(scope);
  CheckRowCounts(scope);
  if (scope.doc.node == nullptr) return;
  CheckSchedules(scope.docs, model.trigger, *scope.doc.node, scope.findings);
  CheckPolicy(scope.docs, model.policy, *scope.doc.node, scope.findings);
}

}  // namespace

void CheckModelRules(const EstateDocs& docs, const Names& projects,
                     std::vector<Finding>& findings) {
  for (const ModelDoc& doc : docs.models) CheckModel({docs, doc, projects, findings});
}

}  // namespace afluente::estate

// What must hold between keys, between files, and between an integration and the estate.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "estate/read.h"

namespace afluente::estate {

/// Appends every broken rule. Says nothing about what CheckShape has reported:
/// a rule speaks only where all that it looks at is sound.
void CheckRules(const EstateDocs& docs, std::vector<Finding>& findings);

/// The rules of `profiles`. `root` is as the file has it: once a profile is
/// merged into it, what the profile adds would look declared.
void CheckProfiles(const YamlNode& root, std::vector<Finding>& findings);

/// What the rules of one integration look at, and where they report.
struct RuleScope {
  const EstateDocs& docs;
  const Integration& integration;
  const YamlNode& node;
  /// Empty when estate.yaml is too broken to know; then references are not checked.
  const std::optional<std::vector<std::string>>& projects;
  const std::optional<std::vector<std::string>>& connections;
  std::vector<Finding>& findings;

  using Path = std::initializer_list<std::string_view>;
  bool Has(Path path) const { return node.Find(path) != nullptr; }
  bool Lacks(Path path) const { return node.Lacks(path); }
  void Report(Path path, std::string message) const {
    findings.push_back({node.MarkOf(path), std::move(message)});
  }
};

/// The groups of rules of one integration.
void CheckReferences(const RuleScope& scope);  // rules_references.cpp
void CheckModes(const RuleScope& scope);       // rules_modes.cpp
void CheckColumns(const RuleScope& scope);     // rules_columns.cpp
void CheckForms(const RuleScope& scope);       // rules_forms.cpp
void CheckInbox(const RuleScope& scope);       // rules_inbox.cpp
void CheckShadow(const RuleScope& scope);      // rules_shadow.cpp

/// The schedules of one job.
void CheckSchedules(const EstateDocs& docs, const Trigger& trigger, const YamlNode& job,
                    std::vector<Finding>& findings);  // rules_schedule.cpp

/// What the keys of one job say of its runs and tries, and the pool that it names.
void CheckPolicy(const EstateDocs& docs, const TaskPolicy& policy, const YamlNode& node,
                 std::vector<Finding>& findings);  // rules_dags.cpp

/// Reports a project that estate.yaml does not declare.
void CheckProject(const std::optional<std::vector<std::string>>& projects, const Mark& mark,
                  const std::string& what, const std::string& project,
                  std::vector<Finding>& findings);

/// Names and warehouse tables that two jobs claim.
void CheckClaims(const EstateDocs& docs, std::vector<Finding>& findings);  // rules_claims.cpp

/// The rules of DAGs and their tasks.
void CheckDagRules(const EstateDocs& docs, const std::optional<std::vector<std::string>>& projects,
                   std::vector<Finding>& findings);  // rules_dags.cpp, rules_tasks.cpp

/// The rules of models.
void CheckModelRules(const EstateDocs& docs,
                     const std::optional<std::vector<std::string>>& projects,
                     std::vector<Finding>& findings);  // rules_models.cpp

/// Where several integrations meet in the inbox.
void CheckInboxEndpoints(const EstateDocs& docs, std::vector<Finding>& findings);

}  // namespace afluente::estate

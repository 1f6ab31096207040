// What goes with which form of mode cdc.
#include <strings.h>

#include <array>

#include "estate/rules.h"

namespace afluente::estate {
namespace {

struct FormColumn {
  Form form;
  const char* name;
};

// Source: pipeline/form.h, which this room does not see.
constexpr std::array<FormColumn, 5> kFormColumns = {{{Form::kSoftDelete, "_deleted_at"},
                                                     {Form::kHistory, "_op"},
                                                     {Form::kHistory, "_lsn"},
                                                     {Form::kHistory, "_ordinal"},
                                                     {Form::kHistory, "_committed_at"}}};

}  // namespace

void CheckForms(const RuleScope& scope) {
  const Integration& integration = scope.integration;
  if (!scope.Has({"form"})) return;
  const std::string form = "form: " + std::string(NameOf(integration.form));
  if (integration.form == Form::kHistory && scope.Has({"transform"})) {
    scope.Report({"transform"},
                 "transform does not go with " + form +
                     ", which keeps rows as the source had them: remove it, and let a view over " +
                     "the table do what it does");
  }
  for (const auto& [name, rule] : integration.columns) {
    for (const FormColumn& added : kFormColumns) {
      if (added.form != integration.form || rule.exclude) continue;
      if (strcasecmp(added.name, rule.rename.c_str()) != 0) continue;
      scope.Report({"columns", name, "rename"}, "columns." + name + ".rename: " + form +
                                                    " adds a column of that name: choose another");
    }
  }
}

}  // namespace afluente::estate

// Which keys go with which mode, source and destination.
#include "estate/rules.h"

namespace afluente::estate {
namespace {

constexpr std::string_view kNotASource = "";

// The one kind of source that the integration has; "" when it is not clear.
std::string_view SourceKind(const RuleScope& scope) {
  std::string_view only = kNotASource;
  for (const std::string_view kind : {"table", "query", "topic", "webhook", "warehouse_table"}) {
    if (scope.Lacks({"source", kind})) continue;
    if (only != kNotASource) return kNotASource;
    only = kind;
  }
  return only;
}

void CheckModeAndSource(const RuleScope& scope, std::string_view source) {
  if (source == kNotASource) return;
  const Mode mode = scope.integration.mode;
  const std::string has = "; the source has \"" + std::string(source) + "\"";
  if (mode == Mode::kCdc && source != "table") {
    scope.Report({"mode"}, "mode: cdc follows a table of PostgreSQL" + has +
                               ": name a table, or choose another mode");
  } else if (mode == Mode::kStream && source != "topic") {
    scope.Report({"mode"},
                 "mode: stream follows a topic" + has + ": name a topic, or choose another mode");
  } else if (source == "topic" && mode != Mode::kStream && mode != Mode::kEvent) {
    scope.Report({"mode"}, "mode: a topic is read with mode stream or event, not " +
                               std::string(NameOf(mode)));
  } else if (source == "webhook" && mode != Mode::kEvent) {
    scope.Report({"mode"},
                 "mode: a webhook is read with mode event, not " + std::string(NameOf(mode)));
  }
}

// Without an event nothing would ever run it.
void CheckEvent(const RuleScope& scope) {
  if (!scope.Has({"mode"}) || scope.integration.mode != Mode::kEvent) return;
  if (!scope.Lacks({"trigger"}) && !scope.Has({"trigger"})) return;  // Broken: told elsewhere.
  switch (scope.integration.trigger.kind) {
    case Trigger::Kind::kChange:
    case Trigger::Kind::kAsset:
    case Trigger::Kind::kWebhook:
    case Trigger::Kind::kTopic:
      return;
    case Trigger::Kind::kNone:
    case Trigger::Kind::kSchedule:
    case Trigger::Kind::kContinuous:
      break;
  }
  scope.Report({"mode"},
               "mode: event runs for each event of its trigger: add \"trigger: { on: change }\" "
               "(or asset, webhook, topic), or choose another mode");
}

void CheckIncremental(const RuleScope& scope) {
  const Integration& integration = scope.integration;
  if (integration.mode != Mode::kIncremental) {
    const std::string only =
        " is for mode incremental, not " + std::string(NameOf(integration.mode)) + ": remove it";
    if (scope.Has({"cursor"})) scope.Report({"cursor"}, "cursor" + only);
    if (scope.Has({"lookback"})) scope.Report({"lookback"}, "lookback" + only);
    return;
  }
  if (scope.Lacks({"cursor"})) {
    scope.Report({"mode"},
                 "mode: incremental needs a cursor: add \"cursor: [updated_at, id]\" or the "
                 "columns that grow in this source");
  }
  // A broken key or write may well be the upsert that is looked for.
  const bool clear = (scope.Has({"write"}) || scope.Lacks({"write"})) &&
                     (scope.Has({"destination", "key"}) || scope.Lacks({"destination", "key"}));
  if (!clear || integration.lookback.count() == 0) return;
  if (integration.EffectiveWrite() != Write::kUpsert || integration.destination.key.empty()) {
    scope.Report({"lookback"},
                 "lookback reads rows a second time, which doubles them unless they are upserted: "
                 "add destination.key with write: upsert, or remove lookback");
  }
}

void CheckWrite(const RuleScope& scope) {
  if (!scope.Has({"write"})) return;
  const Integration& integration = scope.integration;
  const Write write = *integration.write;
  const std::string mode(NameOf(integration.mode));
  if (write == Write::kUpsert && scope.Has({"destination", "lake"})) {
    scope.Report({"write"}, "write: upsert is not possible into a lake: choose append or replace");
  } else if (write == Write::kUpsert && scope.Lacks({"destination", "key"})) {
    scope.Report({"write"},
                 "write: upsert needs destination.key: add the columns that identify a row");
  }
  if (!scope.Has({"mode"})) return;
  if (write == Write::kReplace && integration.mode != Mode::kSnapshot) {
    scope.Report({"write"}, "write: replace with mode " + mode +
                                " would keep only the rows of the last run: choose append or "
                                "upsert, or mode snapshot");
  }
  if (write == Write::kAppend && integration.mode == Mode::kCdc &&
      scope.Has({"destination", "key"})) {
    scope.Report({"write"},
                 "write: append with mode cdc follows what is inserted into a table without a key, "
                 "and destination.key names one: remove one of the two; form: history keeps every "
                 "version of a row");
  }
}

void CheckOptions(const RuleScope& scope, std::string_view source) {
  const Integration& integration = scope.integration;
  if (scope.Has({"form"}) && scope.Has({"mode"}) && integration.mode != Mode::kCdc) {
    scope.Report({"form"}, "form is for mode cdc, not " + std::string(NameOf(integration.mode)) +
                               ": remove it");
  }
  if (scope.Has({"source", "origin"}) && scope.Has({"mode"}) && integration.mode != Mode::kCdc) {
    scope.Report({"source", "origin"}, "source.origin is for mode cdc, not " +
                                           std::string(NameOf(integration.mode)) + ": remove it");
  }
  if (scope.Has({"deletes"})) {
    if (source != kNotASource && source != "warehouse_table") {
      scope.Report({"deletes"}, "deletes is for source.warehouse_table (reverse ETL): remove it" +
                                    std::string(integration.mode == Mode::kCdc
                                                    ? "; form says what cdc does with deletes"
                                                    : ""));
    } else if (source == "warehouse_table" && scope.Lacks({"destination", "key"})) {
      scope.Report({"deletes"},
                   "deletes needs destination.key: add the columns that identify a "
                   "row");
    }
  }
  if (scope.Has({"where"}) && source == "query") {
    scope.Report({"where"}, "where does not go with source.query: put the condition there");
  } else if (scope.Has({"where"}) && (source == "topic" || source == "webhook")) {
    scope.Report({"where"}, "where needs a source that speaks SQL, not a " + std::string(source) +
                                ": filter in transform");
  }
}

void CheckVerify(const RuleScope& scope) {
  if (!scope.Has({"verify"})) return;
  const Integration& integration = scope.integration;
  if (scope.Has({"mode"}) && integration.mode != Mode::kCdc) {
    scope.Report({"verify"}, "verify is for mode cdc, not " +
                                 std::string(NameOf(integration.mode)) +
                                 ": remove it; `afluente reconcile` compares at any time");
  } else if (integration.verify->every.count() == 0 &&
             (scope.Has({"verify", "every"}) ||
              scope.node.Find({"verify"})->kind == YamlNode::Kind::kScalar)) {
    scope.Report({"verify"}, "verify must be more than nothing");
  }
}

void CheckLists(const RuleScope& scope) {
  const auto empty = [&](RuleScope::Path path, const std::string& name) {
    const YamlNode* list = scope.node.Find(path);
    if (list == nullptr || list->kind != YamlNode::Kind::kList || !list->items.empty()) return;
    scope.Report(path, name + " is empty: name at least one column, or remove it");
  };
  empty({"cursor"}, "cursor");
  empty({"destination", "key"}, "destination.key");
}

void CheckSla(const RuleScope& scope) {
  if (!scope.Has({"sla"})) return;
  const Sla& sla = *scope.integration.sla;
  bool promises = false;
  for (const std::string_view key : {"max_staleness", "max_duration", "deadline"}) {
    promises = promises || !scope.Lacks({"sla", key});
  }
  if (!promises) {
    scope.Report({"sla"}, "sla promises nothing: add max_staleness, max_duration or deadline");
  }
  const auto positive = [&](std::string_view key, const auto& duration) {
    if (!duration || duration->count() != 0) return;
    scope.Report({"sla", key}, "sla." + std::string(key) + " must be more than nothing");
  };
  positive("max_staleness", sla.max_staleness);
  positive("max_duration", sla.max_duration);
}

}  // namespace

void CheckModes(const RuleScope& scope) {
  const std::string_view source = SourceKind(scope);
  if (scope.Has({"mode"})) {
    CheckModeAndSource(scope, source);
    CheckEvent(scope);
    CheckIncremental(scope);
  }
  CheckWrite(scope);
  CheckOptions(scope, source);
  CheckVerify(scope);
  CheckLists(scope);
  CheckSla(scope);
}

}  // namespace afluente::estate

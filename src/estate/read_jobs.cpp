// The keys that all jobs share.
#include <utility>

#include "estate/calendar.h"
#include "estate/quantities.h"
#include "estate/read_values.h"

namespace afluente::estate {
namespace {

// The change trigger's table as connection:schema.table.
std::string ChangeSubject(std::string table, const Source& source) {
  if (table.empty()) table = source.table;
  if (table.empty()) return "";
  const std::size_t colon = table.find(':');
  if (colon != std::string::npos && colon < table.find('"')) return table;
  return source.connection.empty() ? "" : source.connection + ":" + table;
}

std::string Or(const std::string& text, const std::string& fallback) {
  return text.empty() ? fallback : text;
}

ScheduleSpec ReadSchedule(const YamlNode& node, const Estate& estate) {
  ScheduleSpec spec;
  spec.mark = node.mark;
  spec.cron = ReadText(node, {"cron"});
  spec.every = ReadDuration(node, {"every"}).value_or(spec.every);
  spec.anchor = ParseTime(ReadText(node, {"anchor"})).value_or(spec.anchor);
  spec.zone = ReadText(node, {"zone"}, estate.time_zone);
  spec.gap = ReadWord<Gap>(node, {"gap"});
  spec.overlap = ReadWord<Overlap>(node, {"overlap"});
  spec.except = ReadList(node, {"except"});
  spec.jitter = ReadDuration(node, {"jitter"}).value_or(spec.jitter);
  spec.from = ParseDay(ReadText(node, {"from"}));
  spec.until = ParseDay(ReadText(node, {"until"}));
  return spec;
}

// A schedule without its time is told elsewhere.
void AddSchedule(const YamlNode& node, const Estate& estate, Trigger& trigger) {
  if (!node.sound || (!node.Find({"cron"}) && !node.Find({"every"}))) return;
  trigger.kind = Trigger::Kind::kSchedule;
  trigger.schedules.push_back(ReadSchedule(node, estate));
}

std::optional<DataTest> ReadDataTest(const YamlNode& node) {
  using Kind = DataTest::Kind;
  constexpr std::pair<std::string_view, Kind> kKinds[] = {
      {"unique", Kind::kUnique},
      {"not_null", Kind::kNotNull},
      {"accepted_values", Kind::kAcceptedValues},
      {"relationships", Kind::kRelationships},
      {"freshness", Kind::kFreshness},
      {"row_count", Kind::kRowCount},
      {"sql", Kind::kSql}};
  for (const auto& [key, kind] : kKinds) {
    const YamlNode* body = node.Find({key});
    if (body == nullptr) continue;
    DataTest test;
    test.kind = kind;
    test.mark = node.mark;
    const bool has_columns = kind == Kind::kUnique || kind == Kind::kNotNull;
    test.columns = has_columns ? ReadList(node, {key}) : ReadList(*body, {"column"});
    test.values = ReadList(*body, {"values"});
    test.to = ReadTable(*body, {"to"});
    test.field = ReadText(*body, {"field"});
    test.max_age = ReadDuration(*body, {"max_age"}).value_or(test.max_age);
    test.min = ReadCount(*body, {"min"});
    test.max = ReadCount(*body, {"max"});
    if (kind == Kind::kSql) {
      test.sql = body->text;
      test.mark = body->mark;
    }
    test.where = ReadText(node, {"where"});
    test.severity = ReadWord<Severity>(node, {"severity"}).value_or(test.severity);
    return test;
  }
  return std::nullopt;
}

}  // namespace

Trigger ReadTrigger(const YamlNode& integration, const Source& source, const Estate& estate) {
  Trigger trigger;
  const YamlNode* node = integration.Find({"trigger"});
  if (node == nullptr) return trigger;
  trigger.mark = node->mark;
  const std::string on = ReadText(*node, {"on"});
  if (node->kind == YamlNode::Kind::kScalar) {
    trigger.kind = Trigger::Kind::kContinuous;
  } else if (node->kind == YamlNode::Kind::kList) {
    for (const YamlNode& item : node->items) AddSchedule(item, estate, trigger);
  } else if (!node->Lacks({"cron"}) || !node->Lacks({"every"})) {
    AddSchedule(*node, estate, trigger);
  } else if (on == "change") {
    trigger.kind = Trigger::Kind::kChange;
    trigger.subject = ChangeSubject(ReadText(*node, {"table"}), source);
  } else if (on == "asset") {
    trigger.kind = Trigger::Kind::kAsset;
    trigger.subject = Or(ReadText(*node, {"table"}),
                         source.warehouse_table ? source.warehouse_table->ToString() : "");
  } else if (on == "webhook") {
    trigger.kind = Trigger::Kind::kWebhook;
    trigger.subject = Or(ReadText(*node, {"path"}), source.webhook);
    trigger.key = ReadList(*node, {"key"});
    trigger.secret = ReadText(*node, {"secret"});
  } else if (on == "topic") {
    trigger.kind = Trigger::Kind::kTopic;
    trigger.subject = Or(ReadText(*node, {"topic"}), source.topic);
    trigger.key = ReadList(*node, {"key"});
    trigger.secret = ReadText(*node, {"secret"});
  }
  return trigger;
}

std::optional<Sla> ReadSla(const YamlNode& node) {
  if (node.Find({"sla"}) == nullptr) return std::nullopt;
  return Sla{.max_staleness = ReadDuration(node, {"sla", "max_staleness"}),
             .max_duration = ReadDuration(node, {"sla", "max_duration"}),
             .deadline = ReadText(node, {"sla", "deadline"}),
             .alert = ReadWord<AlertLevel>(node, {"sla", "alert"}).value_or(AlertLevel::kWarning)};
}

RunPolicy ReadRunPolicy(const YamlNode& job) {
  RunPolicy policy;
  policy.catch_up = ReadWord<CatchUp>(job, {"catch_up"}).value_or(policy.catch_up);
  policy.catch_up_window = ReadDuration(job, {"catch_up_window"}).value_or(policy.catch_up_window);
  policy.overlap = ReadWord<RunOverlap>(job, {"on_overlap"}).value_or(policy.overlap);
  policy.max_active_runs =
      static_cast<int>(ReadCount(job, {"max_active_runs"}).value_or(policy.max_active_runs));
  policy.priority = static_cast<int>(ReadCount(job, {"priority"}).value_or(policy.priority));
  return policy;
}

TaskPolicy ReadTaskPolicy(const YamlNode& node, TaskPolicy policy) {
  RetryPolicy& retry = policy.retry;
  retry.retries = static_cast<int>(ReadCount(node, {"retries"}).value_or(retry.retries));
  retry.delay = ReadDuration(node, {"retry_delay"}).value_or(retry.delay);
  retry.factor = ReadNumber(node, {"retry_factor"}).value_or(retry.factor);
  retry.max_delay = ReadDuration(node, {"max_retry_delay"}).value_or(retry.max_delay);
  if (node.Find({"retry_on"}) != nullptr) retry.retry_on = ReadList(node, {"retry_on"});
  policy.timeout = ReadDuration(node, {"timeout"}).value_or(policy.timeout);
  if (const YamlNode* pool = node.Find({"pool"})) {
    policy.pool = pool->kind == YamlNode::Kind::kScalar ? pool->text : ReadText(*pool, {"name"});
    policy.slots = static_cast<int>(ReadCount(*pool, {"slots"}).value_or(1));
  }
  return policy;
}

std::vector<DataTest> ReadDataTests(const YamlNode& node) {
  std::vector<DataTest> tests;
  if (const YamlNode* list = node.Find({"tests"})) {
    for (const YamlNode& item : list->items) {
      if (auto test = ReadDataTest(item)) tests.push_back(*std::move(test));
    }
  }
  return tests;
}

}  // namespace afluente::estate

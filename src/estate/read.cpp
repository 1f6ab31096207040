#include "estate/read.h"

#include <charconv>
#include <utility>

#include "estate/calendar.h"
#include "estate/quantities.h"
#include "estate/words.h"

namespace afluente::estate {
namespace {

using Path = std::initializer_list<std::string_view>;

std::string ReadText(const YamlNode& node, Path path, const std::string& fallback = "") {
  const YamlNode* found = node.Find(path);
  return found == nullptr ? fallback : found->text;
}

template <class E>
std::optional<E> ReadWord(const YamlNode& node, Path path) {
  const YamlNode* found = node.Find(path);
  return found == nullptr ? std::nullopt : ParseWord<E>(found->text);
}

bool ReadFlag(const YamlNode& node, Path path) { return ReadText(node, path) == "true"; }

std::optional<std::chrono::milliseconds> ReadDuration(const YamlNode& node, Path path) {
  const YamlNode* found = node.Find(path);
  return found == nullptr ? std::nullopt : ParseDuration(found->text);
}

std::optional<std::int64_t> ReadSize(const YamlNode& node, Path path) {
  const YamlNode* found = node.Find(path);
  return found == nullptr ? std::nullopt : ParseSize(found->text);
}

std::vector<std::string> ReadList(const YamlNode& node, Path path) {
  const YamlNode* found = node.Find(path);
  std::vector<std::string> texts;
  if (found == nullptr) return texts;
  if (found->kind == YamlNode::Kind::kScalar) return {found->text};
  for (const YamlNode& item : found->items) {
    if (item.sound) texts.push_back(item.text);
  }
  return texts;
}

std::optional<TableAddress> ReadTable(const YamlNode& node, Path path) {
  const YamlNode* found = node.Find(path);
  if (found == nullptr) return std::nullopt;
  Result<TableAddress> address = ParseTableAddress(found->text);
  if (!address.ok()) return std::nullopt;
  return std::move(address).value();
}

Connection ReadConnection(const std::string& name, const YamlNode& node) {
  Connection connection;
  connection.name = name;
  connection.type = ReadWord<ConnectionType>(node, {"type"}).value_or(ConnectionType::kPostgres);
  connection.project = ReadText(node, {"project"});
  connection.dsn = ReadText(node, {"dsn"});
  connection.tls = {.mode = ReadText(node, {"tls", "mode"}),
                    .root_cert = ReadText(node, {"tls", "root_cert"}),
                    .cert = ReadText(node, {"tls", "cert"}),
                    .key = ReadText(node, {"tls", "key"})};
  connection.max_retained_wal = ReadSize(node, {"max_retained_wal"});
  connection.max_spool = ReadSize(node, {"max_spool"});
  connection.drop_slot_above = ReadSize(node, {"drop_slot_above"});
  return connection;
}

Source ReadSource(const YamlNode& node) {
  return {.connection = ReadText(node, {"source", "connection"}),
          .table = ReadText(node, {"source", "table"}),
          .query = ReadText(node, {"source", "query"}),
          .topic = ReadText(node, {"source", "topic"}),
          .webhook = ReadText(node, {"source", "webhook"}),
          .warehouse_table = ReadTable(node, {"source", "warehouse_table"}),
          .origin = ReadWord<Origin>(node, {"source", "origin"}).value_or(Origin::kAny),
          .mark = node.MarkOf({"source"})};
}

Destination ReadDestination(const YamlNode& node) {
  Destination destination;
  destination.connection = ReadText(node, {"destination", "connection"});
  destination.key = ReadList(node, {"destination", "key"});
  destination.mark = node.MarkOf({"destination"});
  if (destination.connection.empty()) {
    destination.table = ReadTable(node, {"destination", "table"});
  } else {
    destination.connection_table = ReadText(node, {"destination", "table"});
  }
  if (const YamlNode* lake = node.Find({"destination", "lake"})) {
    Result<LakeAddress> address = ParseLakeAddress(lake->text);
    if (address.ok()) destination.lake = std::move(address).value();
  }
  return destination;
}

ColumnRule ReadColumn(const YamlNode& node) {
  return {.include = ReadFlag(node, {"include"}),
          .exclude = ReadFlag(node, {"exclude"}),
          .rename = ReadText(node, {"rename"}),
          .mask = ReadWord<Mask>(node, {"mask"}),
          .pii = ReadText(node, {"pii"}),
          .type = ReadText(node, {"type"}),
          .mark = node.mark};
}

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

Calendar ReadCalendar(const YamlNode& node, const Mark& mark) {
  Calendar calendar{.days = {}, .mark = mark};
  for (const std::string& text : ReadList(node, {})) {
    const Result<DayRange> days = ParseDayRange(text);
    if (days.ok()) calendar.days.push_back(days.value());
  }
  return calendar;
}

std::optional<Sla> ReadSla(const YamlNode& node) {
  if (node.Find({"sla"}) == nullptr) return std::nullopt;
  return Sla{.max_staleness = ReadDuration(node, {"sla", "max_staleness"}),
             .max_duration = ReadDuration(node, {"sla", "max_duration"}),
             .deadline = ReadText(node, {"sla", "deadline"}),
             .alert = ReadWord<AlertLevel>(node, {"sla", "alert"}).value_or(AlertLevel::kWarning)};
}

std::optional<Verify> ReadVerify(const YamlNode& node) {
  const YamlNode* verify = node.Find({"verify"});
  if (verify == nullptr) return std::nullopt;
  const bool has_keys = verify->kind != YamlNode::Kind::kScalar;
  const auto every =
      has_keys ? ReadDuration(node, {"verify", "every"}) : ReadDuration(node, {"verify"});
  return Verify{.every = every.value_or(std::chrono::milliseconds(0)),
                .repair = has_keys && ReadFlag(*verify, {"repair"})};
}

int ReadNumber(const YamlNode& node, Path path) {
  const std::string text = ReadText(node, path, "0");
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::optional<std::int64_t> ReadCount(const YamlNode& node, Path path) {
  const YamlNode* found = node.Find(path);
  if (found == nullptr) return std::nullopt;
  std::int64_t count = 0;
  std::from_chars(found->text.data(), found->text.data() + found->text.size(), count);
  return count;
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

Estate ReadEstate(const YamlNode& root) {
  Estate estate;
  estate.name = ReadText(root, {"estate"});
  estate.time_zone = ReadText(root, {"time_zone"}, estate.time_zone);
  estate.currency = ReadText(root, {"currency"}, estate.currency);
  estate.warehouse.engine =
      ReadWord<WarehouseEngine>(root, {"warehouse", "engine"}).value_or(estate.warehouse.engine);
  estate.warehouse.path = ReadText(root, {"warehouse", "path"}, estate.warehouse.path);
  estate.warehouse.location = ReadText(root, {"warehouse", "location"});
  estate.lake_url = ReadText(root, {"lake", "url"}, estate.lake_url);
  estate.mask_salt = ReadText(root, {"mask_salt"});
  estate.inbox.listen = ReadText(root, {"inbox", "listen"}, estate.inbox.listen);
  estate.inbox.secret = ReadText(root, {"inbox", "secret"});
  estate.inbox.max_pending =
      ReadSize(root, {"inbox", "max_pending"}).value_or(estate.inbox.max_pending);
  if (const YamlNode* calendars = root.Find({"calendars"})) {
    for (const YamlEntry& entry : calendars->entries) {
      if (entry.value.sound) {
        estate.calendars.emplace(entry.key, ReadCalendar(entry.value, entry.mark));
      }
    }
  }
  if (const YamlNode* projects = root.Find({"projects"})) {
    for (const YamlEntry& entry : projects->entries) {
      estate.projects.emplace(entry.key,
                              Project{.name = entry.key,
                                      .description = ReadText(entry.value, {"description"}),
                                      .mark = entry.mark});
    }
  }
  if (const YamlNode* connections = root.Find({"connections"})) {
    for (const YamlEntry& entry : connections->entries) {
      Connection connection = ReadConnection(entry.key, entry.value);
      connection.mark = entry.mark;
      estate.connections.emplace(entry.key, std::move(connection));
    }
  }
  return estate;
}

Integration ReadIntegration(const YamlNode& node, const Estate& estate) {
  Integration integration;
  integration.name = ReadText(node, {"integration"});
  integration.description = ReadText(node, {"description"});
  integration.source = ReadSource(node);
  integration.destination = ReadDestination(node);
  integration.mode = ReadWord<Mode>(node, {"mode"}).value_or(Mode::kSnapshot);
  integration.trigger = ReadTrigger(node, integration.source, estate);
  if (const YamlNode* columns = node.Find({"columns"})) {
    for (const YamlEntry& entry : columns->entries) {
      ColumnRule rule = ReadColumn(entry.value);
      rule.mark = entry.mark;
      integration.columns.emplace(entry.key, std::move(rule));
    }
  }
  integration.where = ReadText(node, {"where"});
  integration.cursor = ReadList(node, {"cursor"});
  integration.lookback = ReadDuration(node, {"lookback"}).value_or(integration.lookback);
  integration.write = ReadWord<Write>(node, {"write"});
  integration.form = ReadWord<Form>(node, {"form"}).value_or(integration.form);
  integration.verify = ReadVerify(node);
  integration.transform = ReadText(node, {"transform"});
  integration.deletes = ReadWord<Deletes>(node, {"deletes"}).value_or(integration.deletes);
  integration.parallel = ReadNumber(node, {"parallel"});
  integration.on_schema_change =
      ReadWord<OnSchemaChange>(node, {"on_schema_change"}).value_or(integration.on_schema_change);
  integration.on_bad_row =
      ReadWord<OnBadRow>(node, {"on_bad_row"}).value_or(integration.on_bad_row);
  integration.service_account = ReadText(node, {"service_account"});
  integration.sla = ReadSla(node);
  integration.owner = ReadText(node, {"owner"});
  integration.tags = ReadList(node, {"tags"});
  integration.mark = node.MarkOf({"integration"});
  integration.transform_mark = node.MarkOf({"transform"});
  return integration;
}

void ReadModelKeys(const YamlNode& node, const Estate& estate, Model& model) {
  model.name = ReadText(node, {"model"}, model.name);
  model.description = ReadText(node, {"description"});
  model.materialize = ReadWord<Materialize>(node, {"materialize"}).value_or(model.materialize);
  model.key = ReadList(node, {"key"});
  model.partition = ReadText(node, {"partition"});
  model.where_new = ReadText(node, {"where_new"});
  model.trigger = ReadTrigger(node, Source{}, estate);
  model.after = ReadList(node, {"after"});
  if (const YamlNode* tests = node.Find({"tests"})) {
    for (const YamlNode& item : tests->items) {
      if (auto test = ReadDataTest(item)) model.tests.push_back(*std::move(test));
    }
  }
  model.service_account = ReadText(node, {"service_account"});
  model.sla = ReadSla(node);
  model.owner = ReadText(node, {"owner"});
  model.tags = ReadList(node, {"tags"});
  model.mark = node.MarkOf({"model"});
  model.where_new_mark = node.MarkOf({"where_new"});
  model.after_mark = node.MarkOf({"after"});
}

}  // namespace afluente::estate

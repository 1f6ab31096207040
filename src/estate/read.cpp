#include "estate/read.h"

#include <utility>

#include "estate/calendar.h"
#include "estate/quantities.h"
#include "estate/read_values.h"

namespace afluente::estate {
namespace {

Connection ReadConnection(const std::string& name, const YamlNode& node) {
  Connection connection;
  connection.name = name;
  connection.type = ReadWord<ConnectionType>(node, {"type"}).value_or(ConnectionType::kPostgres);
  connection.engine = ReadWord<PubsubEngine>(node, {"engine"}).value_or(PubsubEngine::kInbox);
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
          .subscription = ReadText(node, {"source", "subscription"}),
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
  destination.lake = ReadLake(node, {"destination", "lake"});
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

Calendar ReadCalendar(const YamlNode& node, const Mark& mark) {
  Calendar calendar{.days = {}, .mark = mark};
  for (const std::string& text : ReadList(node, {})) {
    const Result<DayRange> days = ParseDayRange(text);
    if (days.ok()) calendar.days.push_back(days.value());
  }
  return calendar;
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

std::optional<Shadow> ReadShadow(const YamlNode& node, const Destination& destination) {
  if (node.Lacks({"shadow"}) || !destination.table) return std::nullopt;
  const auto beside = [&](const char* ending) {
    TableAddress table = *destination.table;
    table.table += ending;
    return table;
  };
  Shadow shadow{
      .live = *destination.table,
      .shadow = beside("__shadow"),
      .before = beside("__before"),
      .compare_with = ReadText(node, {"shadow", "compare_with"}, destination.table->ToString()),
      .mark = node.MarkOf({"shadow"})};
  shadow.days = static_cast<int>(ReadCount(node, {"shadow", "days"}).value_or(shadow.days));
  shadow.at = ReadText(node, {"shadow", "at"}, shadow.at);
  return shadow;
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
  estate.inbox.pubsub_listen =
      ReadText(root, {"inbox", "pubsub_listen"}, estate.inbox.pubsub_listen);
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
  if (const YamlNode* pools = root.Find({"pools"})) {
    for (const YamlEntry& entry : pools->entries) {
      estate.pools.emplace(entry.key, static_cast<int>(ReadCount(entry.value, {}).value_or(1)));
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
  integration.runs = ReadRunPolicy(node);
  integration.policy = ReadTaskPolicy(node, AgainWhenTransient());
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
  integration.shadow = ReadShadow(node, integration.destination);
  integration.transform = ReadText(node, {"transform"});
  integration.deletes = ReadWord<Deletes>(node, {"deletes"}).value_or(integration.deletes);
  integration.parallel = static_cast<int>(ReadCount(node, {"parallel"}).value_or(0));
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
  model.runs = ReadRunPolicy(node);
  model.policy = ReadTaskPolicy(node, model.policy);
  model.after = ReadList(node, {"after"});
  model.tests = ReadDataTests(node);
  model.service_account = ReadText(node, {"service_account"});
  model.sla = ReadSla(node);
  model.owner = ReadText(node, {"owner"});
  model.tags = ReadList(node, {"tags"});
  model.mark = node.MarkOf({"model"});
  model.where_new_mark = node.MarkOf({"where_new"});
  model.after_mark = node.MarkOf({"after"});
}

}  // namespace afluente::estate

#include "connectors/postgres/replication/followed_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "pipeline/changes.h"
#include "pipeline/form.h"
#include "pipeline/shaping.h"

namespace afluente::postgres {
namespace {

// A column that is excluded may be one that the stream does not carry.
estate::Integration WithoutUnsent(const estate::Integration& integration,
                                  const std::vector<CatalogColumn>& columns) {
  estate::Integration sent = integration;
  std::erase_if(sent.columns, [&](const auto& rule) {
    const bool is_sent = std::any_of(columns.begin(), columns.end(), [&](const CatalogColumn& has) {
      return has.name == rule.first;
    });
    return rule.second.exclude && !is_sent;
  });
  return sent;
}

// What the integration's form makes of the columns that are read.
Status AddForm(TableShape& shape, const estate::Integration& integration) {
  AFL_TRY(pipeline::CheckFormColumns(integration, shape.columns.schema));
  shape.row_schema = shape.columns.schema;
  if (integration.form == estate::Form::kHistory) {
    for (data::Column& column : pipeline::FormColumns(integration.form)) {
      shape.row_schema.push_back(std::move(column));
    }
  }
  shape.marked_schema = shape.key_schema;
  for (data::Column& column : pipeline::FormColumns(estate::Form::kSoftDelete)) {
    shape.marked_schema.push_back(std::move(column));
  }
  return Done{};
}

}  // namespace

std::optional<estate::Finding> CheckIdentity(const std::vector<std::string>& identity,
                                             const data::Schema& schema, const std::string& table,
                                             const estate::Integration& integration) {
  std::set<std::string> sent;
  for (const std::string& name : identity) {
    const bool is_read = std::any_of(schema.begin(), schema.end(), [&](const data::Column& column) {
      return column.name == name;
    });
    if (!is_read) {
      return estate::Finding{
          integration.mark,
          fmt::format("column \"{}\" identifies the rows of {} and is excluded; include it", name,
                      table)};
    }
    sent.insert(pipeline::ArrivesAs(name, integration));
  }
  const auto& key = integration.destination.key;
  if (key.empty() || std::set<std::string>(key.begin(), key.end()) == sent) return std::nullopt;
  return estate::Finding{
      integration.destination.mark,
      fmt::format("key [{}] is not what {} is followed by; its replica identity is [{}]: use that, "
                  "or change it with ALTER TABLE ... REPLICA IDENTITY",
                  fmt::join(key, ", "), table, fmt::join(identity, ", "))};
}

std::optional<estate::Finding> CheckWholeRowForm(const std::string& table,
                                                 const estate::Integration& integration) {
  if (integration.form == estate::Form::kMirror) return std::nullopt;
  return estate::Finding{
      integration.mark,
      fmt::format("form: {} needs rows that have a name, and {} has no key: name the columns that "
                  "identify a row with destination.key, or choose form: mirror",
                  estate::NameOf(integration.form), table)};
}

Result<std::shared_ptr<const TableShape>> ShapeTable(const RelationMessage& relation,
                                                     const std::vector<CatalogColumn>& columns,
                                                     const estate::Integration& integration,
                                                     std::uint64_t version,
                                                     std::map<std::string, std::string> defaults) {
  auto shape = std::make_shared<TableShape>();
  shape->defaults = std::move(defaults);
  shape->version = version;
  AFL_ASSIGN(shape->columns, SelectColumns(columns, WithoutUnsent(integration, columns)));
  const data::Schema& schema = shape->columns.schema;
  for (std::size_t i = 0; i < relation.columns.size(); ++i) {
    const RelationColumn& column = relation.columns[i];
    const auto found = std::find_if(schema.begin(), schema.end(), [&](const data::Column& read) {
      return read.name == column.name;
    });
    const bool is_read = found != schema.end();
    shape->schema_index.push_back(is_read ? static_cast<int>(found - schema.begin()) : -1);
    // Under FULL every column is flagged: then the destination's key says which identify a row.
    const auto& wanted = integration.destination.key;
    const bool in_key =
        relation.replica_identity == 'f'
            ? std::find(wanted.begin(), wanted.end(),
                        pipeline::ArrivesAs(column.name, integration)) != wanted.end()
            : column.in_key;
    if (!in_key) continue;
    shape->key.push_back(column.name);
    if (!is_read) continue;
    const auto at = static_cast<std::size_t>(found - schema.begin());
    shape->key_columns.push_back(i);
    shape->key_schema.push_back(schema[at]);
    shape->key_read.push_back(at);
  }
  const std::string table = relation.schema + "." + relation.name;
  if (const auto finding = CheckIdentity(shape->key, schema, table, integration)) {
    return Error(ErrorKind::kSchemaMismatch, finding->ToString());
  }
  shape->whole_rows = relation.replica_identity == 'f' && shape->key.empty();
  if (shape->whole_rows) {
    if (const auto finding = CheckWholeRowForm(table, integration)) {
      return Error(ErrorKind::kSchemaMismatch, finding->ToString());
    }
  }
  AFL_TRY(AddForm(*shape, integration));
  shape->incomplete_schema = shape->row_schema;
  for (const data::Column& column : shape->row_schema) {
    shape->incomplete_schema.push_back(
        {pipeline::kLacksPrefix + column.name, {data::Kind::kBool, 0, 0, nullptr}, false});
  }
  for (const data::Column& column : shape->key_schema) {
    shape->incomplete_schema.push_back(
        {pipeline::kOriginPrefix + column.name, column.type, column.nullable});
  }
  return std::shared_ptr<const TableShape>(std::move(shape));
}

}  // namespace afluente::postgres

#include "connectors/postgres/columns.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/names.h"
#include "data/postgres_types.h"

namespace afluente::postgres {
namespace {

// Source: PostgreSQL src/include/catalog/pg_type.dat.
constexpr std::uint32_t kBoolOid = 16;
constexpr std::uint32_t kInetOid = 869;
constexpr std::uint32_t kBpcharOid = 1042;
constexpr std::uint32_t kJsonbOid = 3802;

TextForm FormOf(const data::PostgresColumnType& type) {
  const std::uint32_t scalar = type.element_oid != 0 ? type.element_oid : type.oid;
  if (scalar == kJsonbOid) return TextForm::kJsonb;
  if (scalar == kBpcharOid) return TextForm::kBpchar;
  return TextForm::kPlain;
}

bool IsSelected(const std::string& name, const estate::Integration& integration,
                bool only_included) {
  const auto rule = integration.columns.find(name);
  if (rule == integration.columns.end()) return !only_included;
  return !rule->second.exclude && (!only_included || rule->second.include);
}

data::PostgresMapping MappingOf(const CatalogColumn& column,
                                const estate::Integration& integration) {
  const auto rule = integration.columns.find(column.name);
  if (rule != integration.columns.end() && !rule->second.type.empty()) {
    if (auto requested = data::MapRequestedType(column.type, rule->second.type)) {
      return *std::move(requested);
    }
  }
  return data::MapPostgresType(column.type);
}

}  // namespace

std::vector<estate::Finding> UnknownColumns(const std::vector<CatalogColumn>& columns,
                                            const estate::Integration& integration) {
  std::vector<std::string> names;
  for (const CatalogColumn& column : columns) names.push_back(column.name);
  std::vector<estate::Finding> findings;
  for (const auto& [name, rule] : integration.columns) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    findings.push_back({rule.mark, fmt::format("column \"{}\" is not in the source{}", name,
                                               DidYouMean(name, names))});
  }
  return findings;
}

// Source: PostgreSQL src/include/catalog/pg_cast.dat: `::text` runs the output
// function, except for the types that have a cast of their own (boolean, "char",
// name, xml, cidr, inet, character); of those, these three print otherwise. xml
// does too, but what its output function drops is not to be had.
TextLayout LayoutOf(const data::PostgresColumnType& column, const data::PostgresMapping& mapping) {
  const bool is_array = column.element_oid != 0;
  // An array as one text is what array_out prints: elements by their output functions.
  if (is_array && mapping.type.kind != data::Kind::kList) return {};
  const std::uint32_t scalar = is_array ? column.element_oid : column.oid;
  TextLayout layout{OutputForm::kPlain, column.delimiter};
  if (scalar == kBpcharOid) layout.form = OutputForm::kBpchar;
  if (scalar == kBoolOid && mapping.cast_to_text) layout.form = OutputForm::kBool;
  if (scalar == kInetOid && mapping.cast_to_text) layout.form = OutputForm::kInet;
  return layout;
}

Result<SelectedColumns> SelectColumns(const std::vector<CatalogColumn>& columns,
                                      const estate::Integration& integration) {
  if (const auto unknown = UnknownColumns(columns, integration); !unknown.empty()) {
    return Error(ErrorKind::kNotFound, unknown.front().ToString());
  }
  const bool only_included = std::any_of(integration.columns.begin(), integration.columns.end(),
                                         [](const auto& entry) { return entry.second.include; });
  SelectedColumns selected;
  for (const CatalogColumn& column : columns) {
    if (!IsSelected(column.name, integration, only_included)) continue;
    data::PostgresMapping mapping = MappingOf(column, integration);
    if (!selected.select_list.empty()) selected.select_list += ", ";
    selected.select_list += QuoteIdentifier(column.name);
    if (mapping.cast_to_text) {
      selected.select_list += mapping.type.kind == data::Kind::kList ? "::text[]" : "::text";
    }
    selected.forms.push_back(mapping.cast_to_text ? TextForm::kPlain : FormOf(column.type));
    selected.layouts.push_back(LayoutOf(column.type, mapping));
    selected.cast_to_text.push_back(mapping.cast_to_text);
    selected.schema.push_back({column.name, std::move(mapping.type), column.nullable});
  }
  if (selected.schema.empty()) {
    return Error(ErrorKind::kInvalidConfig, "the source has no columns left to read");
  }
  return selected;
}

std::vector<std::size_t> KeyColumns(const estate::Integration& integration,
                                    const data::Schema& schema) {
  std::vector<std::size_t> indexes;
  for (std::size_t i = 0; i < schema.size(); ++i) {
    const auto rule = integration.columns.find(schema[i].name);
    const bool ruled = rule != integration.columns.end();
    if (ruled && rule->second.mask) continue;
    const std::string& name =
        ruled && !rule->second.rename.empty() ? rule->second.rename : schema[i].name;
    const auto& key = integration.destination.key;
    if (std::find(key.begin(), key.end(), name) != key.end()) indexes.push_back(i);
  }
  return indexes;
}

}  // namespace afluente::postgres

#include "comparison/compared_columns.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/names.h"
#include "data/canonical.h"

namespace afluente::comparison {
namespace {

using nlohmann::json;

// What a transform does to the rows and columns of batch, as far as its syntax
// tree tells.
struct TransformShape {
  bool keeps_rows = false;
  bool keeps_all_columns = false;                   // SELECT *
  std::map<std::string, std::string> kept_columns;  // Output name -> batch column.
  std::set<std::string> made_columns;               // Output names of expressions.
};

std::string StringAt(const json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : "";
}

// NOLINTNEXTLINE(misc-no-recursion): a syntax tree.
bool CallsUnnest(const json& node) {
  if (!node.is_structured()) return false;
  if (node.is_object() && StringAt(node, "function_name") == "unnest") return true;
  return std::any_of(node.begin(), node.end(),
                     [](const json& child) { return CallsUnnest(child); });
}

Result<TransformShape> ShapeOf(const std::string& transform, duckdb_connection connection) {
  AFL_ASSIGN(const auto rows, data::QueryCells(connection, "SELECT json_serialize_sql(" +
                                                               QuoteLiteral(transform) + ")"));
  const json tree = json::parse(rows.front().front().text);
  TransformShape shape;
  if (tree.value("error", false) || tree.at("statements").empty()) {
    return Error(ErrorKind::kInvalidConfig, "transform: " + StringAt(tree, "error_message"));
  }
  const json& node = tree.at("statements").front().at("node");
  if (StringAt(node, "type") != "SELECT_NODE") return shape;
  // With tables of its own, the rows may come from any of them.
  shape.keeps_rows = node.at("where_clause").is_null() &&
                     StringAt(node.at("from_table"), "type") == "BASE_TABLE" &&
                     node.at("cte_map").at("map").empty() && !CallsUnnest(node.at("select_list"));
  for (const json& item : node.at("select_list")) {
    const std::string type = StringAt(item, "class");
    if (type == "STAR") shape.keeps_all_columns = item.value("replace_list", json::array()).empty();
    if (type != "COLUMN_REF") {
      shape.made_columns.insert(StringAt(item, "alias"));
      continue;
    }
    const std::string column = item.at("column_names").back();
    const std::string alias = StringAt(item, "alias");
    shape.kept_columns[alias.empty() ? column : alias] = column;
  }
  return shape;
}

// The column of `source` that arrives as `name` after renames; nullptr: none.
struct SourceColumn {
  const data::Column* column = nullptr;
  const estate::ColumnRule* rule = nullptr;
  bool cast_to_text = false;
};

SourceColumn FindArriving(const std::string& name, const estate::Integration& integration,
                          const postgres::SelectedColumns& source) {
  for (std::size_t i = 0; i < source.schema.size(); ++i) {
    const data::Column& column = source.schema[i];
    const auto rule = integration.columns.find(column.name);
    const bool has_rule = rule != integration.columns.end();
    const std::string arrives_as =
        has_rule && !rule->second.rename.empty() ? rule->second.rename : column.name;
    if (arrives_as == name) {
      return {&column, has_rule ? &rule->second : nullptr, source.cast_to_text[i]};
    }
  }
  return {};
}

// RFC 2104 over PostgreSQL's built-in sha256.
std::string PostgresHash(const std::string& text) {
  return fmt::format(
      "encode(sha256($2::bytea || sha256($1::bytea || convert_to({}, 'UTF8'))), 'hex')", text);
}

std::string PostgresMask(estate::Mask mask, const std::string& text) {
  switch (mask) {
    case estate::Mask::kHash:
      return PostgresHash(text);
    case estate::Mask::kRedact:
      return fmt::format("CASE WHEN {} IS NULL THEN NULL ELSE '***' END", text);
    case estate::Mask::kLast4:
      return fmt::format(
          "CASE WHEN length({0}) > 4 THEN '***' || right({0}, 4) WHEN {0} IS NOT NULL THEN '***' "
          "END",
          text);
    case estate::Mask::kNull:
      return "NULL::text";
  }
  return "NULL::text";
}

void CompareMasked(const SourceColumn& source, estate::Mask mask, ComparedColumn& compared,
                   bool& uses_hash) {
  const std::string name = QuoteIdentifier(source.column->name);
  compared.destination_sql = QuoteIdentifier(compared.name) + "::VARCHAR";
  if (data::PrintsAlike(source.column->type)) {
    compared.comparison = Comparison::kValue;
    compared.source_sql = PostgresMask(mask, name + "::text");
    uses_hash = uses_hash || mask == estate::Mask::kHash;
    return;
  }
  compared.comparison = Comparison::kNulls;
  compared.why = "masked, and the two systems print the type differently";
  compared.source_sql = mask == estate::Mask::kNull ? "NULL::text" : name;
}

void Compare(const SourceColumn& source, const std::string& destination_type,
             ComparedColumn& compared, bool& uses_hash) {
  if (source.rule != nullptr && source.rule->mask) {
    CompareMasked(source, *source.rule->mask, compared, uses_hash);
    return;
  }
  const std::string name = QuoteIdentifier(source.column->name);
  const std::string own = QuoteIdentifier(compared.name);
  const data::LogicalType& type = source.column->type;
  if (type.DuckdbName() != destination_type) {
    // The table holds another type than arrives today: cast, or kept wide.
    compared.comparison = Comparison::kNulls;
    compared.why =
        fmt::format("{} in the destination, {} at the source", destination_type, type.DuckdbName());
    compared.source_sql = name;
    compared.destination_sql = own;
    return;
  }
  compared.comparison = Comparison::kValue;
  compared.source_sql = data::CanonicalPostgres(type, name, source.cast_to_text);
  compared.destination_sql = data::CanonicalDuckdb(type, own);
}

}  // namespace

HashPads MakeHashPads(const std::string& salt) {
  constexpr std::size_t kBlock = 64;  // Of SHA-256.
  std::array<unsigned char, kBlock> key{};
  if (salt.size() <= kBlock) {
    std::copy(salt.begin(), salt.end(), key.begin());
  } else {
    SHA256(reinterpret_cast<const unsigned char*>(salt.data()), salt.size(), key.data());
  }
  HashPads pads{"\\x", "\\x"};
  for (const unsigned byte : key) {
    pads.inner_hex += fmt::format("{:02x}", byte ^ 0x36U);
    pads.outer_hex += fmt::format("{:02x}", byte ^ 0x5cU);
  }
  return pads;
}

Result<ComparedColumns> CompareColumns(const estate::Integration& integration,
                                       const postgres::SelectedColumns& source,
                                       const std::vector<duck::TableColumn>& destination,
                                       duckdb_connection connection) {
  TransformShape shape{true, true, {}, {}};
  if (!integration.transform.empty()) {
    AFL_ASSIGN(shape, ShapeOf(integration.transform, connection));
  }
  ComparedColumns result;
  result.rows_match = shape.keeps_rows;
  for (const duck::TableColumn& column : destination) {
    ComparedColumn& compared = result.columns.emplace_back();
    compared.name = column.name;
    if (!result.rows_match) {
      compared.why = "the transform filters, joins or multiplies rows";
      continue;
    }
    const auto kept = shape.kept_columns.find(column.name);
    const bool through_star = shape.keeps_all_columns && !shape.made_columns.contains(column.name);
    const bool unchanged = through_star || kept != shape.kept_columns.end();
    if (!unchanged) {
      compared.why = "made by the transform";
      continue;
    }
    const std::string arrives_as = kept == shape.kept_columns.end() ? column.name : kept->second;
    const SourceColumn found = FindArriving(arrives_as, integration, source);
    if (found.column == nullptr) {
      compared.why = "not at the source (any more)";
      continue;
    }
    Compare(found, column.type, compared, result.uses_hash);
  }
  return result;
}

}  // namespace afluente::comparison

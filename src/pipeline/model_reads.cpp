#include "pipeline/model_reads.h"

#include <fmt/format.h>

#include <charconv>
#include <set>
#include <utility>

namespace afluente::pipeline {
namespace {

using nlohmann::json;
using Names = std::set<std::string>;

std::size_t LocationOf(const json& node) {
  const auto found = node.find("query_location");
  return found != node.end() && found->is_number_unsigned() ? found->get<std::size_t>() : 0;
}

class Walk {
 public:
  /// `place` turns an offset of the parsed text into one of the text as it was written.
  Walk(SqlReads& reads, std::function<std::size_t(std::size_t)> place)
      : reads_(reads), place_(std::move(place)) {}

  // NOLINTNEXTLINE(misc-no-recursion): a syntax tree.
  void Visit(const json& node, const Names& visible) {
    if (!node.is_structured()) return;
    const Names* names = &visible;
    Names with_ctes;
    if (node.is_object()) {
      if (const auto map = node.find("cte_map"); map != node.end() && !map->at("map").empty()) {
        with_ctes = visible;
        for (const json& entry : map->at("map")) {
          with_ctes.insert(InSmallLetters(StringAt(entry, "key")));
        }
        names = &with_ctes;
      }
      const std::string type = StringAt(node, "type");
      if (type == "BASE_TABLE") Table(node, visible);
      if (type == "TABLE_FUNCTION") Function(node);
    }
    for (const json& child : node) Visit(child, *names);
  }

 private:
  void Table(const json& node, const Names& visible) {
    const std::string project = StringAt(node, "catalog_name");
    const std::string dataset = StringAt(node, "schema_name");
    const std::string table = StringAt(node, "table_name");
    const std::size_t offset = place_(LocationOf(node));
    if (!project.empty() && !dataset.empty()) {
      reads_.tables.push_back({{project, dataset, table}, offset});
    } else if (!dataset.empty()) {
      reads_.problems.push_back(
          {offset,
           fmt::format("{}.{} has no project: write project.dataset.table", dataset, table)});
    } else if (!visible.contains(InSmallLetters(table))) {
      reads_.problems.push_back(
          {offset, fmt::format("{} is no table and no name that WITH defines here: write "
                               "project.dataset.table",
                               table)});
    }
  }

  void Function(const json& node) {
    const std::string name =
        InSmallLetters(StringAt(node.value("function", json()), "function_name"));
    if (name != "query" && name != "query_table") return;
    reads_.problems.push_back(
        {place_(LocationOf(node)),
         name + "() hides which tables it reads: name them as project.dataset.table"});
  }

  SqlReads& reads_;
  std::function<std::size_t(std::size_t)> place_;
};

std::size_t PositionOf(const json& tree) {
  const std::string text = StringAt(tree, "position");
  std::size_t position = 0;
  std::from_chars(text.data(), text.data() + text.size(), position);
  return position;
}

}  // namespace

Result<SqlReads> ReadsOf(duckdb_connection connection, const std::string& text,
                         const estate::TemplateValues& values) {
  AFL_ASSIGN(const estate::MadeText rendered,
             estate::RenderMade(text, values, estate::Quoting::kSql));
  const estate::MadeText quoted = estate::WithQuotedNames(rendered.text);
  const auto place = [&](std::size_t at) { return rendered.CameFrom(quoted.CameFrom(at)); };
  SqlReads reads;
  AFL_ASSIGN(const json tree, ParseSql(connection, quoted.text));
  if (tree.value("error", false)) {
    const std::string why = StringAt(tree, "error_message");
    const bool is_other = why.starts_with("Only SELECT");
    reads.problems.push_back(
        {place(PositionOf(tree)),
         is_other ? "this is no SELECT: the warehouse makes the table of one SELECT, so write only "
                    "what it yields"
                  : "this does not parse as one SELECT: " + why});
    return reads;
  }
  const json& statements = tree.at("statements");
  if (statements.size() != 1) {
    reads.problems.push_back(
        {0, fmt::format("here are {} statements; expected one SELECT", statements.size())});
    return reads;
  }
  Walk(reads, place).Visit(statements.front().at("node"), {});
  return reads;
}

}  // namespace afluente::pipeline

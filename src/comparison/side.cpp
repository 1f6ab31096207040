#include "comparison/side.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/names.h"

namespace afluente::comparison {
namespace {

std::string Listed(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  for (const std::string& text : texts) quoted.push_back(QuoteLiteral(text));
  return fmt::format("{}", fmt::join(quoted, ", "));
}

}  // namespace

Side::Side(Dialect dialect, std::string from, std::vector<std::string> columns,
           std::vector<std::size_t> key, Run run)
    : dialect_(dialect),
      from_(std::move(from)),
      columns_(std::move(columns)),
      key_(std::move(key)),
      run_(std::move(run)) {}

// NULL and the end of a column get control characters that text does not hold.
std::string Side::Joined(const std::vector<std::string>& texts) const {
  std::vector<std::string> cells;
  for (const std::string& text : texts) cells.push_back(fmt::format("coalesce({}, chr(30))", text));
  if (cells.empty()) return "''";
  // DuckDB limits the depth of an expression, PostgreSQL the arguments of a function.
  if (dialect_ == Dialect::kDuckdb)
    return fmt::format("concat_ws(chr(31), {})", fmt::join(cells, ", "));
  return fmt::format("{}", fmt::join(cells, " || chr(31) || "));
}

std::string Side::Hash60(const std::string& text) const {
  if (dialect_ == Dialect::kDuckdb)
    return fmt::format("('0x' || substr(md5({}), 1, 15))::BIGINT", text);
  return fmt::format("('x' || substr(md5({}), 1, 15))::bit(60)::bigint", text);
}

std::string Side::KeyHash() const {
  std::vector<std::string> key;
  for (const std::size_t index : key_) key.push_back(columns_[index]);
  return "md5(" + Joined(key) + ")";
}

std::string Side::Slice(int digits) const {
  return fmt::format("substr({}, 1, {})", KeyHash(), digits);
}

Result<Rows> Side::Slices(int digits, int within_digits,
                          const std::vector<std::string>& within) const {
  std::string condition;
  if (!within.empty())
    condition = fmt::format(" AND {} IN ({})", Slice(within_digits), Listed(within));
  return run_(
      fmt::format("SELECT slice, count(*), coalesce(sum(h), 0) FROM (SELECT {} AS slice, {} AS h "
                  "FROM {}{}) AS r GROUP BY slice",
                  Slice(digits), Hash60(Joined(columns_)), from_, condition));
}

std::string Side::RowHashesSql(int digits, const std::vector<std::string>& slices,
                               const std::string& more) const {
  return fmt::format("SELECT {} AS key_hash, {} AS row_hash{} FROM {} AND {} IN ({})", KeyHash(),
                     Hash60(Joined(columns_)), more, from_, Slice(digits), Listed(slices));
}

Result<Rows> Side::Columns(const std::vector<std::string>& key_hashes) const {
  std::vector<std::string> items = {KeyHash()};
  for (const std::size_t index : key_) items.push_back(columns_[index]);
  for (const std::string& column : columns_) items.push_back("md5(" + Joined({column}) + ")");
  for (std::size_t i = 0; i < items.size(); ++i) items[i] += fmt::format(" AS c{}", i);
  return run_(fmt::format("SELECT {} FROM {} AND {} IN ({})", fmt::join(items, ", "), from_,
                          KeyHash(), Listed(key_hashes)));
}

Result<Rows> Side::ColumnSums() const {
  std::vector<std::string> sums;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    sums.push_back(fmt::format("coalesce(sum({}), 0) AS c{}", Hash60(Joined({columns_[i]})), i));
  }
  return run_(fmt::format("SELECT {} FROM {}", fmt::join(sums, ", "), from_));
}

Result<Rows> Side::NotNulls(const std::vector<std::string>& expressions) const {
  std::vector<std::string> counts = {"count(*) AS n"};
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    counts.push_back(fmt::format("count({}) AS c{}", expressions[i], i));
  }
  return run_(fmt::format("SELECT {} FROM {}", fmt::join(counts, ", "), from_));
}

}  // namespace afluente::comparison

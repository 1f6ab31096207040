#include "connectors/duckdb/stage_keys.h"

#include <fmt/format.h>

#include "base/names.h"

namespace afluente::duck {

Status CheckKeys(duckdb_connection connection, const std::string& stage,
                 const std::vector<std::string>& key_columns) {
  std::string keys;
  std::string any_null;
  for (const std::string& key : key_columns) {
    const std::string name = QuoteIdentifier(key);
    keys += (keys.empty() ? "" : ", ") + name;
    any_null += (any_null.empty() ? "" : " OR ") + name + " IS NULL";
  }
  AFL_ASSIGN(
      const auto rows,
      data::QueryCells(connection, fmt::format("SELECT count(*), coalesce(sum(n), 0), "
                                               "coalesce(sum(n) FILTER ({0}), 0) FROM (SELECT {1}, "
                                               "count(*) AS n FROM {2} GROUP BY {1}) "
                                               "WHERE n > 1 OR {0}",
                                               any_null, keys, stage)));
  const auto& row = rows.front();
  if (row[2].text != "0") {
    return Error(ErrorKind::kConversion,
                 fmt::format("{} rows have NULL in the key ({}); choose a key without NULL, or "
                             "leave those rows out with `where`",
                             row[2].text, keys));
  }
  if (row[0].text == "0") return Done{};
  return Error(ErrorKind::kConversion,
               fmt::format("the key ({}) is not unique: {} rows share {} keys; choose a key that "
                           "names one row",
                           keys, row[1].text, row[0].text));
}

std::string KeysMatch(const std::vector<std::string>& keys) {
  std::string condition;
  for (const std::string& key : keys) {
    condition += fmt::format("{}t.{} = s.{}", condition.empty() ? "" : " AND ",
                             QuoteIdentifier(key), QuoteIdentifier(key));
  }
  return condition;
}

}  // namespace afluente::duck

#include "integration/type_corpus.h"

#include <ostream>

#include "base/names.h"

namespace afluente::test {
namespace {

constexpr char kExpressionMark = '\x02';

}  // namespace

void PrintTo(const TypeCase& type_case, std::ostream* out) { *out << type_case.pg_type; }

std::string Sql(const std::string& expression) { return kExpressionMark + expression; }

std::string SqlValue(const TypeCase& type_case, const std::string& value) {
  if (value.starts_with(kExpressionMark)) {
    return "(" + value.substr(1) + ")::" + type_case.pg_type;
  }
  return "(" + QuoteLiteral(value) + ")::" + type_case.pg_type;
}

std::vector<TypeCase> AllTypeCases() {
  std::vector<TypeCase> all;
  for (const auto& group : {NumberCases(), StringCases(), TimeCases(), TextFormCases(),
                            UserTypeCases(), ArrayCases(), AsTextCases()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

}  // namespace afluente::test

#include "pipeline/changes.h"

namespace afluente::pipeline {

Status TableChanges::SetAside(Rows /*rows*/, const std::map<std::size_t, std::string>& reasons) {
  if (reasons.empty()) return Done{};
  return Error(ErrorKind::kConversion, reasons.begin()->second);
}

}  // namespace afluente::pipeline

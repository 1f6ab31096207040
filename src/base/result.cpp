#include "base/result.h"

#include <exception>

namespace afluente {

std::string_view NameOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidConfig:
      return "invalid_config";
    case ErrorKind::kUnauthorized:
      return "unauthorized";
    case ErrorKind::kNotFound:
      return "not_found";
    case ErrorKind::kSchemaMismatch:
      return "schema_mismatch";
    case ErrorKind::kConversion:
      return "conversion";
    case ErrorKind::kTransient:
      return "transient";
    case ErrorKind::kCancelled:
      return "cancelled";
    case ErrorKind::kInternal:
      return "internal";
  }
  return "internal";
}

std::string Error::message() const {
  std::string text;
  for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) text += *frame + ": ";
  return text + message_;
}

Status Guarded(const std::function<Status()>& body) {
  try {
    return body();
  } catch (const std::exception& bug) {
    return Error(ErrorKind::kInternal, std::string("a bug in afluente: ") + bug.what());
  }
}

}  // namespace afluente

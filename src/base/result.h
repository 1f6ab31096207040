// The one way a function says that it may fail.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace afluente {

/// What went wrong, in terms somebody can act on. Add a kind only if the
/// operator or the scheduler would then do something different.
enum class ErrorKind : std::uint8_t {
  kInvalidConfig,   // The estate, a flag or a DSN is wrong.
  kUnauthorized,    // Credentials refused, or a privilege is missing.
  kNotFound,        // A table, column, file or project does not exist.
  kSchemaMismatch,  // Source and destination do not fit together.
  kConversion,      // A value that the destination cannot hold.
  kTransient,       // Network, restart, quota, deadlock: worth trying again.
  kCancelled,       // Somebody asked to stop.
  kInternal,        // A bug, ours or theirs.
};

/// The kind as it stands in JSON and in the run store: "invalid_config", ...
std::string_view NameOf(ErrorKind kind);

enum class Retry : std::uint8_t { kSoon, kAfterFix, kNever };

/// The only retry policy: scheduler, CLI exit code and dashboard read it.
/// No default label, so -Wswitch makes a new kind a compile error here.
constexpr Retry RetryFor(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kTransient:
      return Retry::kSoon;
    case ErrorKind::kCancelled:
      return Retry::kNever;
    case ErrorKind::kInvalidConfig:
    case ErrorKind::kUnauthorized:
    case ErrorKind::kNotFound:
    case ErrorKind::kSchemaMismatch:
    case ErrorKind::kConversion:
    case ErrorKind::kInternal:
      return Retry::kAfterFix;
  }
  return Retry::kAfterFix;
}

/// A failure as a value: kind, text, and what was being done when it happened.
/// Texts name the thing, the place and the cure; they never hold cell values,
/// DSNs or secrets.
class Error {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}

  ErrorKind kind() const { return kind_; }
  /// "source rapidpro: table public.contacts: connection refused".
  std::string message() const;
  /// Puts "what we were doing" in front of the message.
  void AddFrame(std::string frame) { frames_.push_back(std::move(frame)); }

 private:
  ErrorKind kind_;
  std::string message_;
  std::vector<std::string> frames_;  // Innermost first.
};

/// Either a T or an Error. Reading the wrong side is a bug and throws
/// std::bad_variant_access in every build type.
template <class T>
class [[nodiscard]] Result {
 public:
  template <std::convertible_to<T> U>
  // NOLINTNEXTLINE(google-explicit-constructor): `return value;` is the point.
  Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): `return Error(...)` is the point.
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  const T& value() const& { return std::get<0>(state_); }
  T& value() & { return std::get<0>(state_); }
  T value() && { return std::get<0>(std::move(state_)); }
  const Error& error() const& { return std::get<1>(state_); }
  Error error() && { return std::get<1>(std::move(state_)); }

  /// Adds a frame to a failure; `describe` is not called on success.
  template <std::invocable F>
  Result Within(F describe) && {
    if (!ok()) std::get<1>(state_).AddFrame(describe());
    return std::move(*this);
  }

 private:
  std::variant<T, Error> state_;
};

/// The value of a Result that has none.
struct Done {};
using Status = Result<Done>;

/// Runs `body` and turns an escaped exception into kInternal: every thread's
/// top runs under it, so that a bug ends one run and not the process.
Status Guarded(const std::function<Status()>& body);

}  // namespace afluente

#define AFL_CONCAT_INNER(a, b) a##b
#define AFL_CONCAT(a, b) AFL_CONCAT_INNER(a, b)

/// Returns the error to the caller, or goes on.
#define AFL_TRY(expr)                                           \
  do {                                                          \
    auto afl_status = (expr);                                   \
    if (!afl_status.ok()) return std::move(afl_status).error(); \
  } while (false)

/// Returns the error to the caller, or assigns the value to `target`.
#define AFL_ASSIGN_IMPL(result, target, expr)         \
  auto result = (expr);                               \
  if (!result.ok()) return std::move(result).error(); \
  target = std::move(result).value()
#define AFL_ASSIGN(target, expr) AFL_ASSIGN_IMPL(AFL_CONCAT(afl_result_, __LINE__), target, expr)

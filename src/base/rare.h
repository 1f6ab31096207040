// What few have.
#pragma once

#include <memory>
#include <optional>
#include <utility>

namespace afluente {

/// An optional value that takes a pointer's room as long as there is none, for large parts that
/// most objects do without. A value: copies are deep. Thread-safe to read.
template <class T>
class Rare {
 public:
  Rare() = default;
  Rare(T value) : value_(std::make_unique<T>(std::move(value))) {}  // NOLINT(*-explicit-*)
  Rare(std::optional<T> value) {                                    // NOLINT(*-explicit-*)
    if (value) value_ = std::make_unique<T>(*std::move(value));
  }
  Rare(const Rare& other) : value_(other ? std::make_unique<T>(*other) : nullptr) {}
  Rare(Rare&&) noexcept = default;
  Rare& operator=(const Rare& other) {
    if (this != &other) *this = Rare(other);
    return *this;
  }
  Rare& operator=(Rare&&) noexcept = default;
  ~Rare() = default;

  explicit operator bool() const { return value_ != nullptr; }
  /// Undefined if there is none.
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }

  /// Whether there is one, and it is equal to that of `other`, or both have none.
  bool operator==(const std::optional<T>& other) const {
    return value_ == nullptr ? !other : other && *value_ == *other;
  }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace afluente

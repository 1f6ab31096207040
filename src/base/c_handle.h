// The two shapes of ownership that C libraries have.
#pragma once

#include <utility>

namespace afluente {

/// For unique_ptr, where the library frees the pointer itself: Free(p).
template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* pointer) const noexcept {
    Free(pointer);
  }
};

/// Where the library destroys through the handle's address: Destroy(&h).
/// Destroy must accept an all-zero handle, as DuckDB's functions do.
template <class T, auto Destroy>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T raw) : raw_(raw) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle(Handle&& other) noexcept : raw_(std::exchange(other.raw_, T{})) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(raw_, other.raw_);  // `other` now destroys what we held.
    return *this;
  }
  ~Handle() { Destroy(&raw_); }

  T* out() { return &raw_; }  // For the C call that fills it.
  T get() const { return raw_; }

 private:
  T raw_{};
};

}  // namespace afluente

// Memory for the rows of one batch.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

namespace afluente::postgres {

/// Copies of rows that live until Clear. Keeps its memory from batch to batch:
/// libpq allocates each row, and 2,048 of them alive at once cost the allocator
/// more than copying them does.
class RowArena {
 public:
  /// A copy of `size` bytes; stays where it is until Clear.
  const char* Copy(const char* bytes, std::size_t size) {
    char* const copy = Allocate(size);
    std::memcpy(copy, bytes, size);
    return copy;
  }

  /// Room for `size` bytes, to be filled by the caller; stays where it is until Clear.
  char* Allocate(std::size_t size) {
    if (size > left_ || next_ == nullptr) Grow(size);
    char* const room = next_;
    next_ += size;
    left_ -= size;
    return room;
  }

  /// Forgets all rows. The first block stays; others, of a batch with large
  /// rows, are given back.
  void Clear() {
    if (blocks_.empty()) return;
    blocks_.resize(1);
    next_ = blocks_.front().get();
    left_ = kBlockBytes;
  }

 private:
  static constexpr std::size_t kBlockBytes = std::size_t{1} << 20U;

  void Grow(std::size_t size) {
    const bool first = blocks_.empty();
    const std::size_t block = size > kBlockBytes ? size : kBlockBytes;
    if (first && block > kBlockBytes) {
      // The first block is the one that stays: of the usual size.
      blocks_.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
    }
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(block));
    next_ = blocks_.back().get();
    left_ = block;
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace afluente::postgres

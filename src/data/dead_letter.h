// Rows that could not be converted: set aside with their reason, not dropped in silence.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"

namespace afluente::data {

/// One row that did not arrive. Holds no cell values but its key's.
struct DeadLetter {
  std::string key;     // "id=42", of the destination's key where it is not masked; may be "".
  std::string reason;  // As the failed run would have said it.
};

/// The dead letters of one run. Thread-safe.
class DeadLetters {
 public:
  /// A source with more bad rows than this has another problem.
  static constexpr std::size_t kMax = 10'000;

  /// kConversion when there are too many.
  Status Add(DeadLetter letter);
  /// What was added so far.
  std::vector<DeadLetter> Copy() const;

 private:
  mutable std::mutex mutex_;  // Guards letters_.
  std::vector<DeadLetter> letters_;
};

}  // namespace afluente::data

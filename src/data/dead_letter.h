// Rows that could not be converted: set aside with their reason, not dropped in silence.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"

namespace afluente::data {

/// One row that did not arrive.
struct DeadLetter {
  std::string key;     // "id=42", of the destination's key where it is not masked; may be "".
  std::string reason;  // As the failed run would have said it.
  /// The row as the source has it: a JSON object of each column that is read and its
  /// text, or null. A masked column says "***", one that was not sent is missing.
  /// "": not known.
  std::string row = {};
  /// Where it was committed in the source's log, as text that sorts; "": read by a snapshot.
  std::string position = {};
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

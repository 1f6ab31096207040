#include "data/dead_letter.h"

#include <fmt/format.h>

namespace afluente::data {

Status DeadLetters::Add(DeadLetter letter) {
  const std::lock_guard lock(mutex_);
  if (letters_.size() == kMax) {
    return Error(ErrorKind::kConversion,
                 fmt::format("more than {} rows cannot be converted; the last one: {}", kMax,
                             letter.reason));
  }
  letters_.push_back(std::move(letter));
  return Done{};
}

std::vector<DeadLetter> DeadLetters::Copy() const {
  const std::lock_guard lock(mutex_);
  return letters_;
}

}  // namespace afluente::data

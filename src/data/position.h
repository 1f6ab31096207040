// How far a source has been read: opaque to sinks, typed by its source.
#pragma once

#include <string>

namespace afluente::data {

/// A checkpoint's content. A sink stores it in the commit that holds the data
/// it covers and gives it back unread.
struct Position {
  std::string kind;   // Who can read it: "snapshot", "cursor".
  std::string value;  // JSON.

  bool operator==(const Position&) const = default;
};

}  // namespace afluente::data

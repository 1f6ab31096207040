// Where tables and files stand, and where words of the estate do.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace afluente::estate {

/// The name of a file of an estate. Small, for every key and every job has one: equal names share
/// one text, which is kept until the process ends. A value; thread-safe.
class FileName {
 public:
  FileName() = default;
  FileName(std::string_view name);                                         // NOLINT(*-explicit-*)
  FileName(const std::string& name) : FileName(std::string_view(name)) {}  // NOLINT(*-explicit-*)
  FileName(const char* name) : FileName(std::string_view(name)) {}         // NOLINT(*-explicit-*)

  const std::string& text() const;
  bool empty() const { return name_ == nullptr; }

  bool operator==(const FileName& other) const { return name_ == other.name_; }
  std::strong_ordering operator<=>(const FileName& other) const { return text() <=> other.text(); }

 private:
  const std::string* name_ = nullptr;  // Of the shared ones; nullptr: "".
};

/// Where a key or value stands. Line and column count from 1; 0: the whole file.
struct Mark {
  FileName file;  // Relative to the estate's folder, as people type it.
  int line = 0;
  int column = 0;

  /// "integrations/contacts.yaml:14:3"; the file alone when line is 0.
  std::string ToString() const;
};

/// One thing that is wrong, with its cure in the text.
struct Finding {
  Mark mark;
  std::string message;

  /// "integrations/contacts.yaml:14:3: unknown key ...".
  std::string ToString() const { return mark.ToString() + ": " + message; }
};

/// `project.dataset.table` of the warehouse.
struct TableAddress {
  std::string project;
  std::string dataset;
  std::string table;

  std::string ToString() const { return project + "." + dataset + "." + table; }
  auto operator<=>(const TableAddress&) const = default;
};

/// Parses `project.dataset.table`; kInvalidConfig if it has not three parts.
Result<TableAddress> ParseTableAddress(const std::string& text);

/// `project/bucket/prefix` of the lake; the prefix may have several parts.
struct LakeAddress {
  std::string project;
  std::string bucket;
  std::string prefix;

  std::string ToString() const { return project + "/" + bucket + "/" + prefix; }
  auto operator<=>(const LakeAddress&) const = default;
};

/// Parses `project/bucket/prefix`; a slash at the end is dropped. kInvalidConfig
/// if a part is missing, empty, "." or "..".
Result<LakeAddress> ParseLakeAddress(const std::string& text);

}  // namespace afluente::estate

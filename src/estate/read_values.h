// Single values and groups of keys that several kinds of documents share, read from checked YAML.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "estate/estate.h"
#include "estate/words.h"
#include "estate/yaml.h"

namespace afluente::estate {

using YamlPath = std::initializer_list<std::string_view>;

// Each gives what stands at a path of `node`; the fallback, or nothing, when
// nothing sound does.
std::string ReadText(const YamlNode& node, YamlPath path, const std::string& fallback = "");
bool ReadFlag(const YamlNode& node, YamlPath path);
std::optional<std::chrono::milliseconds> ReadDuration(const YamlNode& node, YamlPath path);
std::optional<std::int64_t> ReadSize(const YamlNode& node, YamlPath path);
std::optional<std::int64_t> ReadCount(const YamlNode& node, YamlPath path);
std::optional<double> ReadNumber(const YamlNode& node, YamlPath path);
/// A scalar counts as a list of one.
std::vector<std::string> ReadList(const YamlNode& node, YamlPath path);
std::map<std::string, std::string> ReadMap(const YamlNode& node, YamlPath path);
std::optional<TableAddress> ReadTable(const YamlNode& node, YamlPath path);
std::optional<LakeAddress> ReadLake(const YamlNode& node, YamlPath path);

template <class E>
std::optional<E> ReadWord(const YamlNode& node, YamlPath path) {
  const YamlNode* found = node.Find(path);
  return found == nullptr ? std::nullopt : ParseWord<E>(found->text);
}

/// The key `trigger` of a job; what it leaves out is the source's.
Trigger ReadTrigger(const YamlNode& job, const Source& source, const Estate& estate);
std::optional<Sla> ReadSla(const YamlNode& job);
/// How its runs follow each other.
RunPolicy ReadRunPolicy(const YamlNode& job);
/// How its tasks are tried; what it does not say stays as `policy` has it.
TaskPolicy ReadTaskPolicy(const YamlNode& node, TaskPolicy policy);
/// The key `tests`.
std::vector<DataTest> ReadDataTests(const YamlNode& node);

}  // namespace afluente::estate

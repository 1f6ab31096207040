#include "estate/estate.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <mutex>
#include <set>

#include "base/names.h"
#include "estate/quantities.h"
#include "estate/words.h"

namespace afluente::estate {
namespace {

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// Dots, quotes and blanks would make an address ambiguous in SQL and in messages.
bool IsPlainPart(const std::string& part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) != 0 || c == '_' || c == '-' || byte >= 0x80;
  });
}

Error NotA(const std::string& what, const std::string& text, const std::string& why) {
  return {ErrorKind::kInvalidConfig, "\"" + text + "\" is not " + what + ": " + why};
}

}  // namespace

FileName::FileName(std::string_view name) {
  static std::mutex mutex;
  static std::set<std::string, std::less<>> names;
  if (name.empty()) return;
  const std::scoped_lock lock(mutex);
  auto known = names.find(name);
  if (known == names.end()) known = names.emplace(name).first;
  name_ = &*known;
}

const std::string& FileName::text() const {
  static const std::string kNone;
  return name_ == nullptr ? kNone : *name_;
}

std::string Mark::ToString() const {
  if (line == 0) return file.text();
  return file.text() + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string_view NameOf(Mode mode) { return WordFor(mode); }
std::string_view NameOf(Write write) { return WordFor(write); }
std::string_view NameOf(Mask mask) { return WordFor(mask); }
std::string_view NameOf(OnSchemaChange policy) { return WordFor(policy); }
std::string_view NameOf(OnBadRow policy) { return WordFor(policy); }
std::string_view NameOf(Origin origin) { return WordFor(origin); }
std::string_view NameOf(Form form) { return WordFor(form); }
std::string_view NameOf(Deletes deletes) { return WordFor(deletes); }
std::string_view NameOf(AlertLevel level) { return WordFor(level); }
std::string_view NameOf(Materialize materialize) { return WordFor(materialize); }
std::string_view NameOf(ParameterType type) { return WordFor(type); }
std::string_view NameOf(Severity severity) { return WordFor(severity); }
std::string_view NameOf(ConnectionType type) { return WordFor(type); }
std::string_view NameOf(WarehouseEngine engine) { return WordFor(engine); }

TaskPolicy AgainWhenTransient() {
  TaskPolicy policy;
  policy.retry.retries = 3;
  policy.retry.retry_on = {std::string(NameOf(ErrorKind::kTransient))};
  return policy;
}

std::string_view NameOf(const TaskAction& action) {
  // In the order of the variant.
  static constexpr std::array<std::string_view, std::variant_size_v<TaskAction>> kNames = {
      "integration", "model", "sql",     "check",  "train",  "predict",
      "split",       "http",  "command", "sensor", "branch", "dag"};
  return kNames.at(action.index());
}

Result<TableAddress> ParseTableAddress(const std::string& text) {
  const std::string what = "a table address (project.dataset.table)";
  const std::vector<std::string> parts = Split(text, '.');
  if (parts.size() != 3) {
    const std::string plural = parts.size() == 1 ? " part" : " parts";
    return NotA(what, text, "it has " + std::to_string(parts.size()) + plural);
  }
  for (const std::string& part : parts) {
    if (part.empty()) return NotA(what, text, "a part is empty");
    if (!IsPlainPart(part)) {
      return NotA(what, text,
                  "\"" + part + "\" has characters other than letters, digits, _ and -");
    }
  }
  return TableAddress{.project = parts[0], .dataset = parts[1], .table = parts[2]};
}

Result<LakeAddress> ParseLakeAddress(const std::string& text) {
  const std::string what = "a lake address (project/bucket/prefix)";
  if (text.find("://") != std::string::npos) {
    return NotA(what, text, "where the lake lies stands in lake.url of estate.yaml");
  }
  std::vector<std::string> parts = Split(text, '/');
  if (parts.size() > 3 && parts.back().empty()) parts.pop_back();
  if (parts.size() < 3) {
    const std::string plural = parts.size() == 1 ? " part" : " parts";
    return NotA(what, text, "it has " + std::to_string(parts.size()) + plural);
  }
  std::string prefix;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) return NotA(what, text, "a part is empty");
    if (parts[i] == "." || parts[i] == "..") return NotA(what, text, "\".\" and \"..\" lead out");
    if (i >= 2) prefix += (i > 2 ? "/" : "") + parts[i];
  }
  return LakeAddress{.project = parts[0], .bucket = parts[1], .prefix = prefix};
}

Result<ListenAddress> ParseListen(const std::string& text) {
  constexpr int kPortMax = 65'535;
  const auto refuse = [](const std::string& why) {
    return Error(ErrorKind::kInvalidConfig, why + ": write HOST:PORT, such as 127.0.0.1:8090");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return refuse("it has no port");
  ListenAddress address;
  address.host = text.substr(0, colon);
  const bool in_brackets =
      address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']';
  if (in_brackets) address.host = address.host.substr(1, address.host.size() - 2);
  if (address.host.empty()) return refuse("it has no host");
  if (!in_brackets && address.host.find_first_of(":[] \t") != std::string::npos) {
    return refuse("its host is none; an IPv6 address stands in brackets");
  }
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, address.port);
  if (parsed.ec != std::errc() || parsed.ptr != end || address.port < 0 ||
      address.port > kPortMax) {
    return refuse("its port is no number from 0 to 65535");
  }
  return address;
}

Result<std::vector<std::string>> ParseTableName(const std::string& text) {
  const std::string what = "a table name (schema.table)";
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (true) {
    std::string part;
    if (at < text.size() && text[at] == '"') {
      bool closed = false;
      for (++at; at < text.size() && !closed; ++at) {
        if (text[at] != '"') {
          part += text[at];
        } else if (at + 1 < text.size() && text[at + 1] == '"') {
          part += text[++at];
        } else {
          closed = true;
        }
      }
      if (!closed) return NotA(what, text, "a quote is not closed");
    } else {
      for (; at < text.size() && text[at] != '.'; ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (std::isalnum(byte) == 0 && text[at] != '_' && text[at] != '$' && byte < 0x80) {
          return NotA(what, text, "parts with special characters stand in double quotes");
        }
        part += static_cast<char>(byte < 0x80 ? std::tolower(byte) : byte);
      }
    }
    if (part.empty()) return NotA(what, text, "a part is empty");
    parts.push_back(std::move(part));
    if (at == text.size()) return parts;
    if (text[at] != '.') return NotA(what, text, "a dot is missing after a quoted part");
    ++at;
  }
}

std::string ScheduleSpec::ToString() const {
  return cron.empty() ? "every " + FormatDuration(every) : "cron " + cron;
}

Write Integration::EffectiveWrite() const {
  if (write) return *write;
  // An application's table may hold rows of its own: nobody deletes them unasked.
  if (mode == Mode::kSnapshot && !destination.connection.empty() && !destination.key.empty()) {
    return Write::kUpsert;
  }
  if (mode == Mode::kSnapshot) return Write::kReplace;
  if (destination.lake) return Write::kAppend;
  if (mode == Mode::kCdc) return Write::kUpsert;
  return destination.key.empty() ? Write::kAppend : Write::kUpsert;
}

std::set<std::string> Integration::MaskedColumns() const {
  std::set<std::string> masked;
  for (const auto& [column, rule] : columns) {
    if (rule.mask) masked.insert(column);
  }
  return masked;
}

Result<const Integration*> Estate::FindIntegration(const std::string& integration) const {
  const auto found = integrations.find(integration);
  if (found != integrations.end()) return &found->second;
  std::vector<std::string> names;
  for (const auto& [known, value] : integrations) names.push_back(known);
  return Error(ErrorKind::kNotFound, "no integration \"" + integration + "\" in estate " + name +
                                         DidYouMean(integration, names));
}

Result<Estate::Job> Estate::FindJob(const std::string& job) const {
  if (const auto found = integrations.find(job); found != integrations.end()) {
    return Job{.integration = &found->second};
  }
  if (const auto found = dags.find(job); found != dags.end()) return Job{.dag = &found->second};
  std::vector<const Model*> same_table;
  std::vector<std::string> names;
  for (const auto& [known, dag] : dags) names.push_back(known);
  for (const auto& [known, integration] : integrations) names.push_back(known);
  for (const auto& [address, model] : models) {
    if (model.name == job || address == job) return Job{.model = &model};
    if (model.table.table == job) same_table.push_back(&model);
    names.push_back(model.name);
    names.push_back(address);
  }
  if (same_table.size() == 1) return Job{.model = same_table.front()};
  if (same_table.size() > 1) {
    return Error(ErrorKind::kInvalidConfig, "several models make a table \"" + job + "\": say " +
                                                same_table[0]->table.ToString() + " or " +
                                                same_table[1]->table.ToString());
  }
  std::string what = "no integration";
  if (!models.empty()) what += dags.empty() ? " or model" : ", model";
  if (!dags.empty()) what += " or DAG";
  return Error(ErrorKind::kNotFound,
               what + " \"" + job + "\" in estate " + name + DidYouMean(job, names));
}

const Connection* PubsubOf(const Estate& estate, const Integration& integration) {
  if (integration.source.topic.empty()) return nullptr;
  const auto found = estate.connections.find(integration.source.connection);
  const bool is_pubsub =
      found != estate.connections.end() && found->second.engine == PubsubEngine::kPubsub;
  return is_pubsub ? &found->second : nullptr;
}

}  // namespace afluente::estate

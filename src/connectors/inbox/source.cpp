#include "connectors/inbox/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/names.h"
#include "pipeline/shaping.h"

namespace afluente::inbox {
namespace {

constexpr const char* kPositionKind = "inbox";

enum Column : std::uint8_t { kMessageId, kReceivedAt, kAttributes, kBody };

struct ColumnRow {
  Column column;
  const char* name;
  data::Kind kind;
};
constexpr ColumnRow kColumns[] = {{kMessageId, "message_id", data::Kind::kText},
                                  {kReceivedAt, "received_at", data::Kind::kTimestampTz},
                                  {kAttributes, "attributes", data::Kind::kJson},
                                  {kBody, "body", data::Kind::kJson}};

std::string CellOf(const Message& message, Column column) {
  switch (column) {
    case kMessageId:
      return message.id;
    case kReceivedAt:
      return FormatRfc3339(message.received_at);
    case kAttributes:
      return message.attributes;
    case kBody:
      return message.body;
  }
  return "";
}

class Reader final : public data::BatchReader {
 public:
  Reader(Messages& messages, std::string feed, std::vector<Column> columns, std::int64_t seq,
         std::int64_t last, pipeline::Progress& progress, std::stop_token stop)
      : messages_(messages),
        feed_(std::move(feed)),
        columns_(std::move(columns)),
        seq_(seq),
        last_(last),
        progress_(progress),
        stop_(std::move(stop)) {}

  Result<std::size_t> Next(data::Batch& batch) override {
    if (stop_.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
    if (next_ == page_.size()) {
      AFL_ASSIGN(page_, messages_.Page(feed_, seq_, last_));
      next_ = 0;
    }
    const std::size_t rows = std::min(page_.size() - next_, data::Batch::kRows);
    std::uint64_t bytes = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      const Message& message = page_[next_ + row];
      if (!message.fault.empty()) {
        return Error(ErrorKind::kConversion, message.fault);
      }
      bytes += message.body.size() + message.attributes.size();
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        Set(batch.columns()[i], row, columns_[i], message);
      }
    }
    next_ += rows;
    if (rows > 0) seq_ = page_[next_ - 1].seq;
    progress_.rows += rows;
    progress_.bytes += bytes;
    return rows;
  }

 private:
  static void Set(data::VectorWriter& cells, std::size_t row, Column column,
                  const Message& message) {
    const auto text = [&](const std::string& bytes) {
      cells.SetBytes(row, bytes.data(), bytes.size());
    };
    switch (column) {
      case kMessageId:
        return text(message.id);
      case kReceivedAt:
        return cells.Set(row, message.received_at.time_since_epoch().count());
      case kAttributes:
        return text(message.attributes);
      case kBody:
        return text(message.body);
    }
  }

  Messages& messages_;
  const std::string feed_;
  const std::vector<Column> columns_;
  std::int64_t seq_;
  const std::int64_t last_;
  pipeline::Progress& progress_;
  const std::stop_token stop_;
  std::vector<Message> page_;  // The chunk points into it.
  std::size_t next_ = 0;
};

class MessageSource final : public pipeline::Source {
 public:
  MessageSource(Messages& messages, std::string feed, std::vector<Column> columns,
                data::Schema schema, std::int64_t seq, Messages::Extent extent, bool one_by_one,
                pipeline::Progress& progress)
      : messages_(messages),
        feed_(std::move(feed)),
        columns_(std::move(columns)),
        schema_(std::move(schema)),
        seq_(seq),
        extent_(extent),
        one_by_one_(one_by_one),
        progress_(progress),
        next_(seq) {}

  const data::Schema& schema() const override { return schema_; }
  int lanes() const override {
    if (one_by_one_) return static_cast<int>(extent_.messages);
    return extent_.messages == 0 ? 0 : 1;
  }
  bool in_order() const override { return one_by_one_; }
  std::uint64_t estimated_rows() const override { return extent_.messages; }
  data::Position end() const override {
    const nlohmann::json value = {{"inbox", messages_.identity()},
                                  {"seq", std::max(seq_, extent_.last)}};
    return {kPositionKind, value.dump()};
  }
  std::vector<data::DeadLetter> dead_letters() const override { return {}; }
  Result<std::unique_ptr<data::BatchReader>> OpenLane(const std::stop_token& stop) override {
    const std::int64_t begin = next_;
    next_ = extent_.last;
    if (one_by_one_) {
      AFL_ASSIGN(const auto one, messages_.ExtentAfter(feed_, begin, 1));
      next_ = one.last;
    }
    return std::unique_ptr<data::BatchReader>(
        std::make_unique<Reader>(messages_, feed_, columns_, begin, next_, progress_, stop));
  }

 private:
  Messages& messages_;
  const std::string feed_;
  const std::vector<Column> columns_;
  const data::Schema schema_;
  const std::int64_t seq_;
  const Messages::Extent extent_;
  const bool one_by_one_;
  pipeline::Progress& progress_;
  std::int64_t next_;  // Behind it the next lane begins.
};

Status CheckRules(const estate::Integration& integration) {
  std::vector<std::string> names;
  for (const ColumnRow& row : kColumns) names.emplace_back(row.name);
  for (const auto& [name, rule] : integration.columns) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    return Error(ErrorKind::kNotFound,
                 fmt::format("{}: column \"{}\" is not among those of a message ({}){}",
                             rule.mark.ToString(), name,
                             "message_id, received_at, attributes, body", DidYouMean(name, names)));
  }
  return Done{};
}

}  // namespace

bool ReadsInbox(const estate::Integration& integration) {
  return !integration.source.topic.empty() || !integration.source.webhook.empty();
}

std::string FeedOf(const estate::Integration& integration) {
  const estate::Source& source = integration.source;
  return source.topic.empty() ? FeedOf(false, source.webhook) : FeedOf(true, source.topic);
}

std::string TextOf(const Message& message, const estate::Integration& integration) {
  nlohmann::ordered_json row;
  for (const ColumnRow& column : kColumns) {
    if (!pipeline::IsSelected(column.name, integration)) continue;
    const auto rule = integration.columns.find(column.name);
    const bool is_masked = rule != integration.columns.end() && rule->second.mask.has_value();
    row[column.name] = is_masked ? "***" : CellOf(message, column.column);
  }
  return row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<std::int64_t> NumberIn(const data::Position& position, const std::string& identity) {
  const auto value = nlohmann::json::parse(position.value, nullptr, false);
  const bool is_ours = position.kind == kPositionKind && value.is_object() &&
                       value.contains("seq") && value["seq"].is_number_integer() &&
                       value.contains("inbox") && value["inbox"].is_string();
  if (!is_ours) {
    return Error(ErrorKind::kInternal,
                 fmt::format("the destination's checkpoint is of kind \"{}\", which a topic or "
                             "webhook cannot go on from; write to another table",
                             position.kind));
  }
  if (value["inbox"].get<std::string>() != identity) return std::int64_t{0};
  return value["seq"].get<std::int64_t>();
}

Result<std::unique_ptr<pipeline::Source>> OpenSource(Messages& messages,
                                                     const estate::Integration& integration,
                                                     const std::optional<data::Position>& from,
                                                     const ReadOptions& options,
                                                     pipeline::Progress& progress) {
  AFL_TRY(CheckRules(integration));
  std::int64_t seq = 0;
  if (from) {
    AFL_ASSIGN(seq, NumberIn(*from, messages.identity()));
  }
  std::vector<Column> columns;
  data::Schema schema;
  for (const ColumnRow& row : kColumns) {
    if (!pipeline::IsSelected(row.name, integration)) continue;
    columns.push_back(row.column);
    schema.push_back({row.name, {row.kind, 0, 0, nullptr}, false, 0});
  }
  if (schema.empty()) {
    return Error(ErrorKind::kInvalidConfig, "the source has no columns left to read");
  }
  const std::string feed = FeedOf(integration);
  AFL_ASSIGN(const auto extent, messages.ExtentAfter(feed, seq, options.messages_max));
  return std::unique_ptr<pipeline::Source>(
      std::make_unique<MessageSource>(messages, feed, std::move(columns), std::move(schema), seq,
                                      extent, options.one_by_one, progress));
}

}  // namespace afluente::inbox

// A topic or webhook as a Source: the messages that wait in the inbox.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"
#include "connectors/inbox/messages.h"
#include "data/position.h"
#include "estate/estate.h"
#include "pipeline/progress.h"
#include "pipeline/source.h"

namespace afluente::inbox {

/// Whether `integration` reads a topic or a webhook.
bool ReadsInbox(const estate::Integration& integration);

/// The feed that it reads.
std::string FeedOf(const estate::Integration& integration);

struct ReadOptions {
  std::uint64_t messages_max = 100'000;
  /// A lane for each message, to be drained in order; else all are one lane.
  bool one_by_one = false;
};

/// Opens the messages of `integration`'s topic or webhook behind `from`, the
/// oldest of them. Columns: message_id VARCHAR, received_at TIMESTAMPTZ,
/// attributes JSON, body JSON. Rows come in the order in which they arrived. The position is
/// {"inbox": identity, "seq": number of the last}; one of another inbox counts as none. Borrows
/// messages. Errors: kNotFound for the rule of a column that messages do not have; kInternal for a
/// position that is none of ours.
Result<std::unique_ptr<pipeline::Source>> OpenSource(Messages& messages,
                                                     const estate::Integration& integration,
                                                     const std::optional<data::Position>& from,
                                                     const ReadOptions& options,
                                                     pipeline::Progress& progress);

/// `message` as `integration` reads it: a JSON object of its columns and their text. A masked
/// column says "***".
std::string TextOf(const Message& message, const estate::Integration& integration);

/// The number in a position that OpenSource gave; 0 for one of another inbox.
Result<std::int64_t> NumberIn(const data::Position& position, const std::string& identity);

}  // namespace afluente::inbox

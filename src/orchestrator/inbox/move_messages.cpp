#include "orchestrator/inbox/move_messages.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/run.h"
#include "pipeline/transform_check.h"

namespace afluente::orchestrator {
namespace {

// The last message of a key counts, and a transform that joins may hand rows on in
// another order: then each message is a statement of its own.
Result<inbox::ReadOptions> HowToRead(const estate::Integration& integration) {
  inbox::ReadOptions options;
  if (integration.EffectiveWrite() != estate::Write::kUpsert) return options;
  AFL_ASSIGN(const bool keeps_order, pipeline::KeepsOrder(integration));
  options.one_by_one = !keeps_order;
  constexpr std::uint64_t kOneByOneMax = 1'000;
  if (options.one_by_one) options.messages_max = kOneByOneMax;
  return options;
}

// One set of messages on its way.
struct Set {
  std::unique_ptr<pipeline::Sink> sink;
  std::unique_ptr<pipeline::Source> source;
  std::int64_t begin = 0;  // Behind this number, ...
  std::int64_t end = 0;    // ... up to and with this one.

  std::uint64_t messages() const { return source->estimated_rows(); }
};

Result<Set> OpenSet(const MessageRoute& route, const estate::Integration& integration,
                    const inbox::ReadOptions& options, pipeline::Progress& progress) {
  Set set;
  AFL_ASSIGN(set.sink, connectors::OpenSink(route.estate, integration, route.destinations, false));
  AFL_ASSIGN(const auto stored, set.sink->Stored());
  const connectors::OwnSources own{route.destinations.warehouse, route.inbox, route.clock, options};
  AFL_ASSIGN(set.source, connectors::OpenSource(route.estate, integration, own, stored, progress));
  if (stored) {
    AFL_ASSIGN(set.begin, inbox::NumberIn(*stored, route.inbox.identity()));
  }
  AFL_ASSIGN(set.end, inbox::NumberIn(set.source->end(), route.inbox.identity()));
  return set;
}

Result<inbox::Message> FirstOf(const MessageRoute& route, const estate::Integration& integration,
                               const Set& set) {
  AFL_ASSIGN(auto page, route.inbox.Page(inbox::FeedOf(integration), set.begin, set.end));
  return page.empty() ? inbox::Message() : std::move(page.front());
}

// The one message of `set`, which failed with `why`.
Result<pipeline::Committed> SetAside(const MessageRoute& route,
                                     const estate::Integration& integration, Set& set,
                                     const Error& why) {
  AFL_ASSIGN(const inbox::Message message, FirstOf(route, integration, set));
  if (integration.on_bad_row == estate::OnBadRow::kFail) {
    Error error = why;
    error.AddFrame("message " + message.id);
    return error;
  }
  const data::DeadLetter letter{"message_id=" + message.id, why.message(),
                                inbox::TextOf(message, integration)};
  AFL_TRY(set.sink->Prepare(set.source->schema(), 0));
  AFL_TRY(set.sink->Deliver(std::stop_token()));
  AFL_ASSIGN(pipeline::Committed committed, set.sink->Commit(set.source->end(), {letter}));
  ++committed.dead_letters;
  return committed;
}

}  // namespace

Status MoveMessages(const MessageRoute& route, const estate::Integration& integration,
                    pipeline::Progress& progress, const std::stop_token& stop,
                    const std::function<void(const pipeline::Committed&)>& on_committed) {
  AFL_ASSIGN(const inbox::ReadOptions whole, HowToRead(integration));
  inbox::ReadOptions options = whole;
  for (;;) {
    AFL_ASSIGN(Set set, OpenSet(route, integration, options, progress));
    const std::uint64_t messages = set.messages();
    if (messages == 0) return route.inbox.Arrived(integration, set.end);
    auto moved = pipeline::Run(*set.source, *set.sink, progress, stop);
    const bool is_bad_row = !moved.ok() && moved.error().kind() == ErrorKind::kConversion;
    if (is_bad_row && messages > 1) {
      options.messages_max = messages / 2;
      continue;
    }
    if (is_bad_row) {
      const Error why = std::move(moved).error();
      set.sink.reset();  // What it staged goes first.
      AFL_ASSIGN(set.sink,
                 connectors::OpenSink(route.estate, integration, route.destinations, false));
      moved = SetAside(route, integration, set, why);
    }
    AFL_ASSIGN(const pipeline::Committed committed, std::move(moved));
    AFL_TRY(route.inbox.Arrived(integration, set.end));
    on_committed(committed);
    if (messages < options.messages_max)
      return Done{};  // What came meanwhile is an event of its own.
    options.messages_max = std::min(2 * options.messages_max, whole.messages_max);
  }
}

}  // namespace afluente::orchestrator

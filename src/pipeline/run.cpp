#include "pipeline/run.h"

#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace afluente::pipeline {
namespace {

Status DrainLane(Source& source, Sink& sink, const std::stop_token& stop) {
  AFL_ASSIGN(const auto lane, source.OpenLane(stop));
  return sink.Load(*lane, stop);
}

// Runs all lanes; the first failure stops the others and is the one returned.
Status DrainAll(Source& source, Sink& sink, const std::stop_token& stop) {
  if (source.in_order()) {
    for (int i = 0; i < source.lanes(); ++i) AFL_TRY(DrainLane(source, sink, stop));
    return Done{};
  }
  std::stop_source lanes_stop;
  const std::stop_callback forward(stop, [&] { lanes_stop.request_stop(); });
  std::mutex mutex;  // Guards first_error.
  std::optional<Error> first_error;
  {
    std::vector<std::jthread> lanes;
    for (int i = 0; i < source.lanes(); ++i) {
      lanes.emplace_back([&] {
        Status status = Guarded([&] { return DrainLane(source, sink, lanes_stop.get_token()); });
        if (status.ok()) return;
        const std::lock_guard lock(mutex);
        if (!first_error) first_error = std::move(status).error();
        lanes_stop.request_stop();
      });
    }
  }
  if (stop.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
  if (first_error) return *std::move(first_error);
  return Done{};
}

}  // namespace

Result<Committed> Run(Source& source, Sink& sink, Progress& progress, const std::stop_token& stop) {
  if (source.lanes() == 0) return Committed{};
  progress.estimated_rows = source.estimated_rows();
  AFL_TRY(sink.Prepare(source.schema(), source.estimated_rows()));
  AFL_TRY(DrainAll(source, sink, stop));
  AFL_TRY(sink.Deliver(stop));
  const std::vector<data::DeadLetter> dead_letters = source.dead_letters();
  AFL_ASSIGN(Committed committed, sink.Commit(source.end(), dead_letters));
  committed.dead_letters += dead_letters.size();
  return committed;
}

}  // namespace afluente::pipeline

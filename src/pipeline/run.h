// THE MAIN PATH: one run of one integration.
#pragma once

#include <cstdint>
#include <stop_token>

#include "base/result.h"
#include "pipeline/progress.h"
#include "pipeline/sink.h"
#include "pipeline/source.h"

namespace afluente::pipeline {

/// Moves everything that `source` has into `sink`, lane by lane in parallel,
/// and commits. On failure or when `stop` fires nothing has been published.
/// A source without lanes commits nothing: the destination stays as it is.
/// Errors: the first lane's that failed; kCancelled when `stop` fired.
Result<Committed> Run(Source& source, Sink& sink, Progress& progress, const std::stop_token& stop);

}  // namespace afluente::pipeline

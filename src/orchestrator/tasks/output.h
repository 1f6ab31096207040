// What a process has printed, piece by piece, while it prints on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace afluente::orchestrator {

struct OutputPiece {
  std::string text;
  std::uint64_t end = 0;  // Where the next piece begins.
};

/// What the process of `folder` has printed from place `from` on, at most `bytes_max`, without
/// holes, which lines name. An empty text: nothing more yet.
OutputPiece ReadOutputFrom(const std::filesystem::path& folder, std::uint64_t from,
                           std::uint64_t bytes_max);

}  // namespace afluente::orchestrator

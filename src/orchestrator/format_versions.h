// The versions of the files that this room writes.
#pragma once

namespace afluente::orchestrator {

inline constexpr int kRunStoreVersion = 4;
inline constexpr int kEventStoreVersion = 2;

}  // namespace afluente::orchestrator

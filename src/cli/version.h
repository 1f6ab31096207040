#pragma once

namespace afluente::cli {

/// Of the program; the same as in CMakeLists.txt, which passes it in.
constexpr const char* kVersion = AFLUENTE_VERSION;

}  // namespace afluente::cli

// The command line.
#pragma once

namespace afluente::cli {

/// Parses the arguments, runs one command and returns the exit code.
int Main(int argc, const char* const* argv);

}  // namespace afluente::cli

// A port of the loopback interface that nobody listens on.
#pragma once

namespace afluente::test {

/// Somebody else may take it before it is used, which is rare: the system hands them out in turn.
int FreePort();

}  // namespace afluente::test

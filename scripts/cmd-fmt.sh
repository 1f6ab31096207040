# shellcheck shell=bash
# Formats the C++ files in place.

# shellcheck source=scripts/cmd-setup.sh
source scripts/cmd-setup.sh

cmd_fmt() {
  require lint
  find src tests bench \( -name '*.cpp' -o -name '*.h' \) -print0 | xargs -0r clang-format-19 -i
  done_line "formatted"
}

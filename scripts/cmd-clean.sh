# shellcheck shell=bash
# Removes what builds and demos leave behind. Downloads in .deps stay.

# shellcheck source=scripts/cmd-demo.sh
source scripts/cmd-demo.sh

cmd_clean() {
  cmd_demo --clean
  rm -rf build compile_commands.json
  done_line "build/ removed"
}

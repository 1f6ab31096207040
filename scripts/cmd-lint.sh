# shellcheck shell=bash
# Everything a machine can say about the sources without running them. All checks run; then the verdict.

# shellcheck source=scripts/cmd-build.sh
source scripts/cmd-build.sh

cmd_lint() {
  local failed=0 start=$SECONDS
  require build
  require lint
  configure release
  heading "Lint"
  step "clang-format" check_format || failed=1
  step "include direction" bash scripts/check-includes.sh . || failed=1
  step "file length" check_length || failed=1
  step "shellcheck" check_shell || failed=1
  step "clang-tidy" bash scripts/clang-tidy.sh build/release || failed=1
  [ "$failed" -eq 0 ] || die "lint found something ($(seconds_since "$start"))"
  done_line "lint is clean ($(seconds_since "$start"))"
}

step() {
  local name=$1
  shift
  if "$@"; then done_line "$name"; else
    fail_line "$name"
    return 1
  fi
}

# Names the files; ./dev fmt mends them.
check_format() {
  find src tests bench \( -name '*.cpp' -o -name '*.h' \) -print0 |
    xargs -0r clang-format-19 --dry-run -Werror 2>&1 | awk -F: '
      / error: / { count[$1]++ }
      END { for (file in count) { printf "    %s: %d places; ./dev fmt mends them\n", file, count[file]; bad = 1 } exit bad }'
}

# A file that is too long to hold in the head has a second room inside.
check_length() {
  local places=(src tests bench scripts dev)
  [ ! -d web ] || places+=(web)
  find "${places[@]}" \( -name node_modules -o -name dist \) -prune -o \
    \( -name '*.cpp' -o -name '*.h' -o -name '*.ts' -o -name '*.sh' -o -name dev \) -type f -print0 |
    xargs -0r wc -l | awk '
      $2 == "total" { next }
      $1 > 600 { printf "    %s: %d lines; at most 600\n", $2, $1; bad = 1 }
      $1 > 400 && $1 <= 600 { printf "    %s: %d lines; warning from 400\n", $2, $1 }
      END { exit bad }'
}

check_shell() {
  find dev .ci/run scripts tests bench estates \( -name '*.sh' -o -path dev -o -path .ci/run \) -type f -print0 |
    xargs -0 shellcheck -x
}

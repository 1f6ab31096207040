#!/usr/bin/env bash
# The pages that the program prints are what it prints.
#   generated_test.sh AFLUENTE             compare
#   generated_test.sh AFLUENTE --refresh   write them anew
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

afluente=$1
refresh=${2:-}
failed=0

# page FILE ARGS...: FILE is what `afluente ARGS...` prints.
page() {
  local file=$1
  shift
  if [ "$refresh" = --refresh ]; then
    "$afluente" "$@" >"$file"
  elif ! diff -u --label "$file" --label "afluente $*" "$file" <("$afluente" "$@"); then
    echo "$file is not what the program prints; refresh it: afluente $* >$file" >&2
    failed=1
  fi
}

page docs/estate-reference.md schema --markdown
page docs/types.md schema --types
page docs/estate.schema.json schema
exit "$failed"

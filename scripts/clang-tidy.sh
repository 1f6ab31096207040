#!/usr/bin/env bash
# clang-tidy over every .cpp of a build folder's compile_commands.json, in parallel. What was clean is not looked
# at again until it, a header of ours that it reaches, its flags or .clang-tidy change.
#   clang-tidy.sh BUILD_FOLDER
set -euo pipefail

build=$1
cache=build/tidy
mkdir -p "$cache"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Every file of ours and what it includes, as "file included-file", paths from the root.
find src tests bench \( -name '*.cpp' -o -name '*.h' \) -type f -print0 | sort -z | xargs -0 sha256sum >"$work/sums"
awk '{ print $2 }' "$work/sums" | tr '\n' '\0' | xargs -0 grep -HE '^[ \t]*#[ \t]*include[ \t]*"' |
  sed -E 's/^([^:]+):[^"]*"([^"]+)".*/\1 \2/' >"$work/includes" || true
# One line per translation unit: its path from the root, then its command.
awk -v root="$PWD/" '
  /"command":/ { sub(/^ *"command": "/, ""); sub(/",$/, ""); command = $0 }
  /"file":/ { sub(/^ *"file": "/, ""); sub(/",?$/, ""); sub(root, ""); print $0 "\t" command }
' "$build/compile_commands.json" | grep -E '^(src|tests|bench)/' | sort -u >"$work/units" || true

# The key of a unit: what it reaches, with contents, and its command.
awk -F '\t' -v sums="$work/sums" -v includes="$work/includes" '
  function reach(file,    n, i, list) {
    if (file in seen) return
    seen[file] = 1
    text = text file sum[file] "\n"
    n = split(edges[file], list, " ")
    for (i = 1; i <= n; i++) reach(list[i])
  }
  BEGIN {
    split("src/|tests/|bench/|", roots, "|")
    while ((getline line < sums) > 0) { split(line, a, /  /); sum[a[2]] = a[1] }
    while ((getline line < includes) > 0) {
      split(line, a, " ")
      for (i in roots) if ((roots[i] a[2]) in sum) edges[a[1]] = edges[a[1]] " " roots[i] a[2]
    }
  }
  { delete seen; text = $2 "\n"; reach($1); gsub(/\n/, " ", text); print $1 "\t" text }
' "$work/units" >"$work/texts"

base=$({
  clang-tidy-19 --version
  cat .clang-tidy
} | sha256sum | cut -d' ' -f1)
: >"$work/todo"
while IFS=$'\t' read -r unit text; do
  key=$(sha256sum <<<"$base $text" | cut -d' ' -f1)
  [ -f "$cache/$key" ] || printf '%s\0%s\0' "$unit" "$cache/$key" >>"$work/todo"
done <"$work/texts"

total=$(wc -l <"$work/units")
todo=$(($(tr -cd '\0' <"$work/todo" | wc -c) / 2))
echo "    $total files, $((total - todo)) unchanged since they were clean"

# Compiler warnings are the compiler's business (-w), and it is another compiler.
export build
# shellcheck disable=SC2016 # The inner bash expands them.
xargs -0r -n 2 -P "$(nproc)" bash -c '
  if out=$(clang-tidy-19 -p "$build" --quiet --extra-arg=-w "$1" 2>/dev/null); then touch "$2"; else
    printf "%s\n" "$out"
    exit 1
  fi
' tidy <"$work/todo"

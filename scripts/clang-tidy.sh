#!/usr/bin/env bash
# clang-tidy over every .cpp of a build folder's compile_commands.json, in parallel. What was clean is not looked
# at again until it, a header of ours that it reaches, its flags or .clang-tidy change.
# Nearly all the time goes into headers of libraries, so several units with the same flags are looked at as one, a
# file that includes them. Where that finds something, or they do not go together, each is looked at alone.
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
: >"$work/unseen"
while IFS=$'\t' read -r unit text; do
  key=$(sha256sum <<<"$base $text" | cut -d' ' -f1)
  [ -f "$cache/$key" ] || printf '%s\t%s\n' "$unit" "$cache/$key" >>"$work/unseen"
done <"$work/texts"

total=$(wc -l <"$work/units")
echo "    $total files, $((total - $(wc -l <"$work/unseen"))) unchanged since they were clean"

# Batches of neighbours: a file with one unit to a line, its path, its key and its flags. A precompiled header is
# another compiler's, and so are the warnings (-w).
awk -F '\t' '
  NR == FNR { command[$1] = $2; next }
  {
    flags = command[$1]
    # As JSON says: \\ is one backslash, \" a quote.
    gsub(/\\\\/, "\001", flags)
    gsub(/\\"/, "\"", flags)
    gsub(/\001/, "\\\\", flags)
    sub(/^[^ ]+ /, "", flags)
    gsub(/ -(o|c|include) [^ ]+| -Winvalid-pch/, "", flags)
    print $1 "\t" $2 "\t" flags
  }
' "$work/units" "$work/unseen" | sort -t $'\t' -k 3,3 -k 1,1 |
  awk -F '\t' -v work="$work" -v size=6 '
    $3 != flags || count == size { batch++; count = 0 }
    { flags = $3; count++; print > (work "/batch_" batch) }'

look_at() { # SOURCE FLAGS
  # A batch stands in a folder of its own, from where the rules would not be found.
  eval "clang-tidy-19 --config-file=.clang-tidy --quiet '$1' -- $2 -w" 2>/dev/null
}

look_at_batch() {
  local batch=$1 unit key flags out failed=0
  if [ "$(wc -l <"$batch")" -gt 1 ]; then
    while IFS=$'\t' read -r unit key flags; do printf '#include "%s"\n' "$PWD/$unit"; done <"$batch" >"$batch.cpp"
    if look_at "$batch.cpp" "$(head -1 "$batch" | cut -f3)" >/dev/null; then
      cut -f2 "$batch" | xargs touch
      return
    fi
  fi
  while IFS=$'\t' read -r unit key flags; do
    if out=$(look_at "$unit" "$flags"); then touch "$key"; else
      printf '%s\n' "$out"
      failed=1
    fi
  done <"$batch"
  return $failed
}
export -f look_at look_at_batch

# shellcheck disable=SC2016 # The inner bash expands it.
find "$work" -name 'batch_*' -print0 | sort -zV |
  xargs -0r -n 1 -P "$(nproc)" bash -c 'look_at_batch "$1"' tidy

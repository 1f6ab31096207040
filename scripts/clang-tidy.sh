#!/usr/bin/env bash
# clang-tidy over every .cpp of a build folder's compile_commands.json, in parallel. What was clean is not looked
# at again until it, a header of ours that it reaches, its flags or .clang-tidy change.
# Nearly all the time goes into headers of libraries, so several units with the same flags are looked at as one, a
# file that includes them.
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
  awk -F '\t' -v work="$work" -v size=10 '
    # What a file says of its own at the beginning of a line; two of one name do not go into one batch.
    function names_of(file, names,    line, rest) {
      delete names
      while ((getline line < file) > 0) {
        if (match(line, /^(struct|class|union|enum|enum class) [A-Za-z_0-9]+/) ||
            match(line, /^using [A-Za-z_0-9]+ =/)) {
          line = substr(line, 1, RLENGTH)
          sub(/ =$/, "", line)
          sub(/.* /, "", line)
          names[line] = 1
        } else if (line ~ /^[A-Za-z]/ && line !~ /^(TEST|INSTANTIATE|namespace|using|return)/) {
          rest = ""  # Of a function its parameters: others of one name are overloads.
          if (match(line, /[({=[]/)) {
            if (substr(line, RSTART, 1) == "(") rest = substr(line, RSTART)
            line = substr(line, 1, RSTART - 1)
          }
          sub(/ +$/, "", line)
          if (line ~ /[ *&][A-Za-z_0-9]+$/ && line !~ /::[A-Za-z_0-9]+$/) {
            sub(/.*[ *&]/, "", line)
            names[line rest] = 1
          }
        }
      }
      close(file)
    }
    {
      names_of($1, names)
      for (batch = 1; batch in count; batch++) {
        if (count[batch] == size || flags[batch] != $3) continue
        meets = 0
        for (name in names) if ((batch, name) in taken) { meets = 1; break }
        if (!meets) break
      }
      flags[batch] = $3
      count[batch]++
      for (name in names) taken[batch, name] = 1
      print > (work "/batch_" batch)
    }'

look_at() { # SOURCE FLAGS
  # A batch stands in a folder of its own, from where the rules would not be found.
  eval "clang-tidy-19 --config-file=.clang-tidy --quiet '$1' -- $2 -w" 2>/dev/null
}

# A batch that finds something is halved until it is one file, whose findings are told: files that do not go
# together cost few looks more.
look_at_batch() {
  local batch=$1 size failed=0
  size=$(wc -l <"$batch")
  if [ "$size" -eq 1 ]; then
    local unit key flags out
    IFS=$'\t' read -r unit key flags <"$batch"
    if out=$(look_at "$unit" "$flags"); then touch "$key"; else
      printf '%s\n' "$out"
      return 1
    fi
    return
  fi
  cut -f1 "$batch" | sed "s|.*|#include \"$PWD/&\"|" >"$batch.cpp"
  if look_at "$batch.cpp" "$(head -1 "$batch" | cut -f3) -Wfatal-errors" >/dev/null; then
    cut -f2 "$batch" | xargs touch
    return
  fi
  head -n $((size / 2)) "$batch" >"$batch.a"
  tail -n +$((size / 2 + 1)) "$batch" >"$batch.b"
  look_at_batch "$batch.a" || failed=1
  look_at_batch "$batch.b" || failed=1
  return $failed
}
export -f look_at look_at_batch

# shellcheck disable=SC2016 # The inner bash expands it.
find "$work" -name 'batch_*' -print0 | sort -zV |
  xargs -0r -n 1 -P "$(nproc)" bash -c 'look_at_batch "$1"' tidy

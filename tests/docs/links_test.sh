#!/usr/bin/env bash
# Pages name what exists: every relative link and its anchor, every file of the tree in `code`, and every room has its
# README. A page names a file by its path from the root, or one below its own folder by its name.
set -euo pipefail
cd "${1:-$(dirname "$(readlink -f "$0")")/../..}"

failed=0
finding() {
  echo "$*"
  failed=1
}

# "path|line|link" or "path|line|code" and what it holds, without fenced blocks.
mentions() {
  awk '
    function each(kind, pattern, text,   rest, found) {
      rest = text
      while (match(rest, pattern)) {
        found = substr(rest, RSTART, RLENGTH)
        printf "%s|%d|%s|%s\n", FILENAME, FNR, kind, found
        rest = substr(rest, RSTART + RLENGTH)
      }
    }
    FNR == 1 { inside = 0 }
    /^ *```/ { inside = !inside; next }
    inside { next }
    {
      plain = $0
      each("code", "`[^`]+`", plain)
      gsub(/`[^`]*`/, "", plain)
      each("link", "\\]\\([^)]+\\)", plain)
    }
  ' "$@"
}

# The anchors of a page, as its headings make them.
anchors() {
  # shellcheck disable=SC2016 # Those are a page's fences, not commands.
  sed -nE '/^```/,/^```/!s/^#+ +//p' "$1" | tr '[:upper:]' '[:lower:]' |
    sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}

check_link() {
  local page=$1 line=$2 link=$3 target anchor
  case $link in http:* | https:* | mailto:*) return ;; esac
  target=${link%%#*}
  anchor=${link#"$target"}
  anchor=${anchor#\#}
  target=${target:+$(dirname "$page")/$target}
  target=${target:-$page}
  if [ ! -e "$target" ]; then
    finding "$page:$line: the link $link leads nowhere"
  elif [ -n "$anchor" ] && ! anchors "$target" | grep -qxF -- "$anchor"; then
    finding "$page:$line: $link: $target has no heading for it"
  fi
}

# Only what looks like a file of ours: a path below a folder of the tree, or a source file.
check_code() {
  local page=$1 line=$2 text=$3
  text=${text%%:[0-9]*}
  [[ $text =~ ^[A-Za-z0-9_./-]+$ ]] || return 0
  case $text in
    src/* | tests/* | scripts/* | docs/* | bench/* | cmake/* | estates/*) ;;
    *.cpp | *.h | *.sh) ;;
    *) return 0 ;;
  esac
  # x.cpp and y.h are how conventions are told, not files.
  case $text in x.cpp | x_test.cpp | y.h) return 0 ;; esac
  [ -e "$text" ] || [ -e "$(dirname "$page")/$text" ] ||
    [ -n "$(find "$(dirname "$page")" -path "*/$text" -print -quit)" ] ||
    finding "$page:$line: $text does not exist"
}

mapfile -d '' -t pages < <(find . \( -name node_modules -o -path './.[a-z]*' -o -path ./build \) -prune -o -name '*.md' -print0 | sort -z)
[ ${#pages[@]} -gt 0 ] || finding "no pages below $PWD"

while IFS='|' read -r page line kind text; do
  case $kind in
    link) check_link "${page#./}" "$line" "$(sed -E 's/^\]\(//; s/\)$//' <<<"$text")" ;;
    code) check_code "${page#./}" "$line" "${text//\`/}" ;;
  esac
done < <(mentions "${pages[@]}")

for room in src/*/ src/connectors/*/; do
  [ -f "${room}README.md" ] || finding "${room}README.md is missing: what enters, what leaves, which file first"
done

[ "$failed" -ne 0 ] || echo "${#pages[@]} pages, every link and file in them exists"
exit "$failed"

#!/usr/bin/env bash
# Runs what a page tells people to type, and compares what they would see.
#   commands_test.sh AFLUENTE PAGE.md
# Every ```sh block is run, in order, in one shell, in a copy of the tree whose build/release holds AFLUENTE. The block
# right behind one (```text or ```yaml) is its expected output: times, MB and MB/s may differ, nothing else.
# ./dev is not run: a page may only name commands that it has.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
[ $# -eq 2 ] || {
  echo "usage: commands_test.sh AFLUENTE PAGE.md" >&2
  exit 2
}
afluente=$(readlink -f "$1")
page=$(readlink -f "$2")

work=$(mktemp -d "${TMPDIR:-/tmp}/afl-docs.XXXXXX")
end() {
  for pg in "$work"/home/*-pg; do
    [ ! -d "$pg" ] || bash "$root/scripts/private-pg.sh" drop "$pg"
  done
  rm -rf "$work"
}
trap end EXIT
# A test that is killed cannot clean up after itself: this one, out of its reach, does.
(
  export -f end
  export work root
  setsid bash -c "tail --pid=$$ -f /dev/null; end" >/dev/null 2>&1 </dev/null &
)

# The tree as a person who built it has it.
make_clone() {
  local entry
  mkdir -p "$work/home" "$work/clone/build/release" "$work/blocks"
  for entry in "$root"/*; do
    [ "$(basename "$entry")" = build ] || [ "$(basename "$entry")" = dev ] || ln -s "$entry" "$work/clone/"
  done
  ln -s "$afluente" "$work/clone/build/release/afluente"
  cat >"$work/clone/dev" <<DEV
#!/usr/bin/env bash
"$root/dev" help | grep -q "^  \$1 " || { echo "./dev has no command \"\$1\""; exit 2; }
DEV
  chmod +x "$work/clone/dev"
}

# blocks/NNN.sh, and blocks/NNN.expected where the page shows an output.
take_apart() {
  awk -v folder="$work/blocks" '
    /^```/ && !inside {
      inside = 1
      kind = substr($0, 4)
      file = "/dev/null"
      if (kind == "sh") file = sprintf("%s/%03d.sh", folder, ++count)
      else if (behind_sh) file = sprintf("%s/%03d.expected", folder, count)
      printf "" >file
      next
    }
    /^```/ { inside = 0; behind_sh = (kind == "sh"); close(file); next }
    inside { print >file }
    !inside && NF { behind_sh = 0 }
  ' "$page"
}

# Everything that another run may print otherwise becomes a word. Columns may get wider or narrower with it.
steady() {
  sed -E -e "s|$work/home|~|g" \
    -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/TIME/g' -e 's/@[0-9T:.+-]+\/manual/@TIME/g' \
    -e 's/[0-9]+\.[0-9]+ s/DURATION/g' \
    -e 's/([^0-9.,])[0-9]+\.[0-9]( |$)/\1N\2/g' -e 's/([^0-9.,])[0-9]+\.[0-9]( |$)/\1N\2/g' \
    -e 's/─+/─/g' -e 's/ +/ /g' -e 's/^ //; s/ $//' "$1"
}

# What every block of the page needs to run, and how far it came.
write_script() {
  local block
  {
    echo 'set -euo pipefail'
    for block in "$work"/blocks/*.sh; do
      printf 'source %q >%q 2>&1 </dev/null\n' "$block" "${block%.sh}.out"
      printf 'touch %q\n' "${block%.sh}.done"
    done
  } >"$work/script"
}

run_script() {
  (cd "$work/clone" && env -i PATH="$PATH" HOME="$work/home" LC_ALL=C.UTF-8 \
    ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} ${UBSAN_OPTIONS:+UBSAN_OPTIONS="$UBSAN_OPTIONS"} \
    ${TSAN_OPTIONS:+TSAN_OPTIONS="$TSAN_OPTIONS"} bash "$work/script") || true
}

judge() {
  local block name failed=0 shown=0
  for block in "$work"/blocks/*.sh; do
    name=${block%.sh}
    if [ ! -f "$name.done" ]; then
      printf '%s: this block failed:\n' "$(basename "$page")"
      sed 's/^/    /' "$block"
      printf 'and printed:\n'
      sed 's/^/    /' "$name.out"
      return 1
    fi
    [ -f "$name.expected" ] || continue
    shown=$((shown + 1))
    diff -u --label "shown in $(basename "$page")" --label "printed by the program" \
      <(steady "$name.expected") <(steady "$name.out") || failed=1
  done
  printf '%s: %s blocks run, %s outputs compared\n' "$(basename "$page")" \
    "$(find "$work/blocks" -name '*.sh' | wc -l)" "$shown"
  return "$failed"
}

make_clone
take_apart
compgen -G "$work/blocks/*.sh" >/dev/null || {
  echo "$page has no command" >&2
  exit 1
}
write_script
run_script
judge

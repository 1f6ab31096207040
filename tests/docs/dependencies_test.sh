#!/usr/bin/env bash
# Every package that setup installs has its line in docs/dependencies.md.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

failed=0
while read -r package; do
  grep -qF "\`$package\`" docs/dependencies.md && continue
  echo "docs/dependencies.md does not say what \`$package\` is for"
  failed=1
done < <(
  awk '!/^#/ && NF { print $2 }' scripts/packages.txt
  awk '!/^#/ && NF { sub(/@[^@]*$/, "", $1); print $1 }' scripts/npm-lock.txt
)
exit "$failed"

#!/usr/bin/env bash
# Checks proto/: lint, format, generated Go up to date, nothing broken.
#
# Broken means against what has landed: origin/main where it is behind us, else the commit before this one. A break that is meant
# is named in buf.yaml (breaking: ignore_only) with its reason.
set -euo pipefail
cd "$(dirname "$0")/../.."
buf=build/buf/node_modules/.bin/buf
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$buf" lint
"$buf" format --diff --exit-code

# Generated into a copy, so that a check never changes the tree.
"$buf" generate --output "$scratch"
generated() { (cd "$1" && find proto -name '*.pb.go' | sort); }
for file in $( (generated . && generated "$scratch") | sort -u); do
  if ! cmp -s "$file" "$scratch/$file"; then
    echo "proto.sh: $file is not what its .proto says: make generate" >&2
    exit 1
  fi
done

base=$(git merge-base HEAD origin/main 2>/dev/null || true)
head=$(git rev-parse -q --verify HEAD || true)
if [ -z "$base" ] || [ "$base" = "$head" ]; then
  base=$(git rev-parse -q --verify HEAD~1 || true)
fi
if [ -n "$base" ] && git cat-file -e "$base:proto" 2>/dev/null && git cat-file -e "$base:buf.yaml" 2>/dev/null; then
  mkdir "$scratch/base"
  git archive "$base" proto buf.yaml | tar -x -C "$scratch/base"
  "$buf" breaking --against "$scratch/base"
fi
echo "proto: ok"

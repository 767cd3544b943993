#!/bin/sh
# Measures libexpat on the corpus: cc and the expat headers are needed (Debian: gcc, libexpat1-dev).
# Compare with: go test -run '^$' -bench Corpus ./xmlstream
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
${CC:-cc} -O2 -Wall -Wextra -o "$dir/expat" "$here/expat.c" -lexpat
"$dir/expat" "$here"/*.xml

#!/bin/sh
# SPDX-License-Identifier: MIT
# Compares the reference of settings in the manual pages and in docs/ with what the programs say of
# themselves (--print-man, --print-md); with --write, brings it up to date instead.
#
#   tools/check-docs.sh [--write] BUILD_DIR
#
# The reference stands between two marker lines, "settings: begin" and "settings: end".  Each program
# of tools/programs.list has it in docs/man/switchyard-NAME.8.
set -u

TREE=$(cd "$(dirname "$0")/.." && pwd) || exit 2
WRITE=
if [ "${1:-}" = --write ]; then
	WRITE=1
	shift
fi
if [ $# -ne 1 ]; then
	echo "usage: tools/check-docs.sh [--write] BUILD_DIR" >&2
	exit 2
fi
TMP=$(mktemp -d) || exit 2
trap 'rm -rf "$TMP"' EXIT
STATUS=0

wrong() {
	echo "$1"
	STATUS=1
}

# page FILE PROGRAM OPTION: one file and what makes its reference.
page() {
	if ! "$BUILD/$2" "$3" >"$TMP/reference"; then
		wrong "$2 $3 failed"
		return
	fi
	if [ ! -f "$1" ]; then
		wrong "$1: is missing; $2 has settings"
		return
	fi
	if [ "$(grep -c 'settings: begin' "$1")$(grep -c 'settings: end' "$1")" != 11 ]; then
		wrong "$1: needs one line 'settings: begin' and one 'settings: end'"
		return
	fi
	{
		sed '/settings: begin/q' "$1"
		cat "$TMP/reference"
		sed -n '/settings: end/,$p' "$1"
	} >"$TMP/page"
	if cmp -s "$1" "$TMP/page"; then
		return
	elif [ -n "$WRITE" ]; then
		cat "$TMP/page" >"$1"
		echo "$1: written"
	else
		wrong "$1: differs from $2 $3; tools/check-docs.sh --write BUILD_DIR makes it anew"
		diff -u "$1" "$TMP/page" | head -n 20
	fi
}

BUILD=$(cd "$1" && pwd) || exit 2
cd "$TREE" || exit 2
sed -e 's/#.*//' -e '/^[[:space:]]*$/d' tools/programs.list >"$TMP/programs"
while read -r name program _; do
	page "docs/man/switchyard-$name.8" "$program" --print-man
done <"$TMP/programs"
page docs/configuration.md router/switchyard-router --print-md
exit $STATUS

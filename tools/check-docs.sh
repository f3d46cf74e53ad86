#!/bin/sh
# SPDX-License-Identifier: MIT
# Compares the reference of settings in the manual pages and in docs/ with what the programs say of
# themselves (--print-man, --print-md); with --write, brings it up to date instead.
#
#   tools/check-docs.sh [--write] BUILD_DIR
#
# The reference stands between two marker lines, "settings: begin" and "settings: end".
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

# page FILE PROGRAM OPTION: one file and what makes its reference.
page() {
	if ! "$BUILD/$2" "$3" >"$TMP/reference"; then
		echo "$2 $3 failed" >&2
		exit 2
	fi
	if [ "$(grep -c 'settings: begin' "$1")$(grep -c 'settings: end' "$1")" != 11 ]; then
		echo "$1: needs one line 'settings: begin' and one 'settings: end'"
		STATUS=1
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
		echo "$1: differs from $2 $3; tools/check-docs.sh --write BUILD_DIR makes it anew"
		diff -u "$1" "$TMP/page" | head -n 20
		STATUS=1
	fi
}

BUILD=$(cd "$1" && pwd) || exit 2
cd "$TREE" || exit 2
page docs/man/switchyard-router.8 router/switchyard-router --print-man
page docs/man/switchyard-echo.8 components/echo/switchyard-echo --print-man
page docs/configuration.md router/switchyard-router --print-md
exit $STATUS

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The release build in BUILD_DIR.  The test builds are made by tools/testrun.py.  NO_BUILD takes what
# is there: nothing may change under a bench or a test.

build_release() {
	local log
	[ -z "${NO_BUILD:-}" ] || return 0
	need_packages build
	log=$(mktemp)
	if [ ! -e "$BUILD_DIR/build.ninja" ]; then
		say "setting up $BUILD_DIR"
		meson setup "$BUILD_DIR" "$TREE" -Dtests=false >"$log" 2>&1 || build_failed "$log"
	fi
	say "building"
	ninja -C "$BUILD_DIR" >"$log" 2>&1 || build_failed "$log"
	rm -f "$log"
}

build_failed() { # LOG
	tail -n 40 "$1" >&2
	rm -f "$1"
	die "the build failed"
}

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./switchyard bench: what it needs, then tests/bench/bench.py.

cmd_bench() {
	local names
	case " $* " in
	*" -h "* | *" --help "*) exec /usr/bin/python3 "$TREE/tests/bench/bench.py" --help ;;
	esac
	mapfile -t names < <(program_names)
	need_packages build "${names[@]/#/run-}" bench
	(umask 022 && build_release && ninja -C "$BUILD_DIR" tests/bench/xmppload \
		tests/bench/tlsrelay >/dev/null) || die "the build failed"
	BUILD_DIR=$BUILD_DIR exec /usr/bin/python3 "$TREE/tests/bench/bench.py" "$@"
}

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What every part of ./switchyard uses: messages, the program table, pids that are surely ours.

say() { printf '%s\n' "$*"; }
warn() { printf 'switchyard: %s\n' "$*" >&2; }
die() {
	warn "$@"
	exit 1
}

# An absolute path without needing the file to exist.
abs_path() {
	case $1 in
	/*) printf '%s\n' "$1" ;;
	*) printf '%s/%s\n' "$PWD" "$1" ;;
	esac
}

# --- tools/programs.list --------------------------------------------------------------------------

program_rows() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$TREE/tools/programs.list"; }
program_names() { program_rows | awk '{ print $1 }'; }

# program_field NAME COLUMN
program_field() { program_rows | awk -v n="$1" -v c="$2" '$1 == n { print $c }'; }
program_binary() { printf '%s/%s\n' "$BUILD_DIR" "$(program_field "$1" 2)"; }

# The program that an instance belongs to: "muc.2" is of "muc".
program_of() { printf '%s\n' "${1%%.*}"; }

check_program() {
	[ -n "$(program_field "$1" 2)" ] ||
		die "no program is called '$1'; there are: $(program_names | paste -sd' ')"
}

# --- processes ------------------------------------------------------------------------------------
# A pid file holds the pid and the start time of /proc/PID/stat: a pid that was given to somebody
# else since has another start time, so nobody's process but ours is ever signalled.

proc_start_time() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	stat=${stat##*) } # the name may hold spaces and brackets
	# shellcheck disable=SC2086 # fields
	set -- $stat
	[ "$1" != Z ] && printf '%s\n' "${20}"
}

# live_pid FILE: prints the pid if that very process still lives.
live_pid() {
	local pid start
	[ -r "$1" ] && read -r pid start _ <"$1" && [ -n "$start" ] || return 1
	[ "$(proc_start_time "$pid")" = "$start" ] && printf '%s\n' "$pid"
}

# write_pid FILE PID [MORE]: in one piece, so that a reader never sees half of it.
write_pid() {
	printf '%s %s %s\n' "$2" "$(proc_start_time "$2")" "${3:-}" >"$1.new" && mv "$1.new" "$1"
}

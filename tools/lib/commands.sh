# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# ./switchyard run, stop, status, logs, ctl.

# --- run ------------------------------------------------------------------------------------------

# Reads run's arguments into DETACH, SCALE (NAME=N words) and NAMES.
run_arguments() {
	DETACH='' SCALE=() NAMES=()
	while [ $# -gt 0 ]; do
		case $1 in
		--detach | -d) DETACH=1 ;;
		--scale)
			[ $# -gt 1 ] || die "--scale needs NAME=N"
			shift
			SCALE+=("$1")
			;;
		--scale=*) SCALE+=("${1#--scale=}") ;;
		-*) die "run knows no option $1" ;;
		*)
			check_program "$1"
			NAMES+=("$1")
			;;
		esac
		shift
	done
	[ ${#NAMES[@]} -gt 0 ] || mapfile -t NAMES < <(program_names)
}

# How many instances of a program were asked for.
scale_of() { # PROGRAM
	local word n=1
	for word in "${SCALE[@]}"; do
		[ "${word%%=*}" != "$1" ] || n=${word#*=}
	done
	printf '%s\n' "$n"
}

check_scale() {
	local word name n most
	for word in "${SCALE[@]}"; do
		name=${word%%=*} n=${word#*=}
		check_program "$name"
		most=$(program_field "$name" 4)
		[[ $word == *=* && $n =~ ^[1-9][0-9]?$ ]] || die "--scale $word: NAME=N, N from 1 to 99"
		[ "$n" -le "$most" ] || die "--scale $word: of $name at most $most can run at once"
	done
}

wanted_instances() {
	local name i n
	for name in $(program_names); do
		[[ " ${NAMES[*]} " == *" $name "* ]] || continue
		n=$(scale_of "$name")
		if [ "$n" = 1 ]; then
			printf '%s\n' "$name"
			continue
		fi
		for ((i = 1; i <= n; i++)); do
			printf '%s\n' "$name.$i"
		done
	done
}

# Under the stack's lock: two calls at once do not start anything twice.
start_missing() { # INSTANCE...
	local instance
	STARTED=()
	exec 9>"$RUN_DIR/run/lock"
	flock 9
	for instance; do
		if live_pid "$RUN_DIR/run/$instance.pid" >/dev/null; then
			say "$instance runs already: what has changed in the environment needs a stop first"
			continue
		fi
		start_instance "$instance"
		STARTED+=("$instance")
	done
	exec 9>&-
}

cmd_run() {
	local instances groups
	run_arguments "$@"
	check_scale
	if [ -n "${RUN_USER:-}" ] && [ "$(id -u)" != 0 ]; then
		die "RUN_USER needs root"
	fi
	mapfile -t groups < <(printf 'run-%s\n' "${NAMES[@]}")
	need_packages build run-init "${groups[@]}"
	(umask 022 && build_release) || exit 1
	prepare_run_dir
	mapfile -t instances < <(wanted_instances)
	[ -n "$DETACH" ] || trap 'stop_started; exit 130' INT TERM HUP
	start_missing "${instances[@]}"
	if ! wait_ready "${instances[@]}"; then
		stop_instances "${STARTED[@]}"
		exit 1
	fi
	welcome
	[ -n "$DETACH" ] || follow "${STARTED[@]}"
}

stop_started() {
	trap '' INT TERM HUP
	say "stopping"
	[ ${#FOLLOWERS[@]} -eq 0 ] || kill "${FOLLOWERS[@]}" 2>/dev/null
	stop_instances "${STARTED[@]}"
}

# Shows the logs until it is interrupted, or until nothing of what it started is left.
FOLLOWERS=() STARTED=()
follow() { # INSTANCE...
	local instance
	for instance; do
		tail -c "+${LOG_FROM[$instance]:-1}" -F "$RUN_DIR/log/$instance.log" 2>/dev/null \
			> >(exec sed -u "s/^/$(printf '%-8s' "$instance") | /") &
		FOLLOWERS+=($!)
	done
	say "Ctrl-C stops it."
	while [ -n "$(for instance; do running_instances "$instance"; done)" ]; do
		sleep 1 &
		wait $!
	done
	stop_started
}

welcome() {
	local ctl="./switchyard ctl"
	if [ "$RUN_DIR" != "$TREE/.run" ]; then
		ctl="RUN_DIR=$RUN_DIR $ctl"
	fi
	say "Switchyard serves $DOMAIN"
	say "  clients      $(port_words "${C2S_PORT:-5222}" STARTTLS) $(port_words "${C2S_TLS_PORT:-5223}" TLS)"
	say "  components   $(port_words "${COMPONENT_PORT:-5347}" XEP-0114) $(port_words "${COMPONENT_TLS_PORT:-5348}" TLS)"
	say "  addresses    ${LISTEN:-127.0.0.1,::1}"
	[ -n "${CERTS_DIR+set}" ] || say "  CA file      $CA_DIR/ca.pem (development certificates)"
	say "  add account  $ctl account add alice@$(first_domain) --generate"
}

port_words() { # PORT KIND
	[ "$1" = 0 ] || printf '%s (%s)' "$1" "$2"
}

# --- stop, logs, ctl ------------------------------------------------------------------------------

cmd_stop() {
	local name instances
	[ $# -gt 0 ] || set -- ""
	for name; do
		[ -z "$name" ] || check_program "$(program_of "$name")"
		mapfile -t instances < <(running_instances "$name")
		if [ ${#instances[@]} -eq 0 ]; then
			say "${name:-the stack in $RUN_DIR} does not run"
			continue
		fi
		stop_instances "${instances[@]}"
		say "stopped ${instances[*]}"
	done
}

cmd_logs() {
	local instance file
	if [ $# -gt 0 ]; then
		[ -r "$RUN_DIR/log/$1.log" ] || die "there is no log of '$1' in $RUN_DIR/log"
		cat "$RUN_DIR/log/$1.log"
		return
	fi
	for file in "$RUN_DIR"/log/*.log; do
		[ -r "$file" ] || die "there are no logs in $RUN_DIR/log"
		instance=$(basename "$file" .log)
		sed "s/^/$(printf '%-8s' "$instance") | /" "$file"
	done
}

cmd_ctl() {
	[ -x "$BUILD_DIR/router/switchyardctl" ] || die "not built yet: ./switchyard build"
	CTL_SOCKET=${CTL_SOCKET:-$RUN_DIR/run/ctl.sock} exec "$BUILD_DIR/router/switchyardctl" "$@"
}

# --- status ---------------------------------------------------------------------------------------

# The TCP ports that a process listens on, each once.
listening_ports() { # PID
	local inodes
	inodes=$(find "/proc/$1/fd" -maxdepth 1 -type l -printf '%l\n' 2>/dev/null |
		sed -n 's/^socket:\[\(.*\)\]$/\1/p')
	[ -n "$inodes" ] || return 0
	cat "/proc/$1/net/tcp" "/proc/$1/net/tcp6" 2>/dev/null |
		awk -v inodes="$inodes" '
			BEGIN { n = split(inodes, list, "\n"); for (i = 1; i <= n; i++) ours[list[i]] = 1 }
			$4 == "0A" && ($10 in ours) { n = split($2, a, ":"); print a[n] }' |
		while read -r hex; do printf '%d\n' "0x$hex"; done | sort -nu | paste -sd,
}

# One instance's row: name, pid, state, ports, since (seconds), separated by tabs.
status_row() { # INSTANCE
	local pid state since ports
	if pid=$(live_pid "$RUN_DIR/run/$1.child"); then
		read -r _ _ since _ <"$RUN_DIR/run/$1.child"
		if ask_health "$1" >/dev/null; then
			state=ready
		else
			state="not ready"
		fi
		ports=$(listening_ports "$pid")
	else
		pid=- state=restarting since=- ports=
	fi
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$pid" "$state" "${ports:--}" "$since"
}

status_rows() {
	local name instance
	for name in $(program_names); do
		if [ -z "$(running_instances "$name")" ]; then
			printf '%s\t-\tstopped\t-\t-\n' "$name"
			continue
		fi
		for instance in $(running_instances "$name"); do
			status_row "$instance"
		done
	done
}

iso_time() { # SECONDS
	if [ "$1" = - ]; then
		printf -- '-\n'
	else
		date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ
	fi
}

status_json() {
	local name pid state ports since comma=
	printf '['
	while IFS=$'\t' read -r name pid state ports since; do
		printf '%s\n  {"name": "%s", "pid": %s, "state": "%s", "ports": [%s], "since": %s}' \
			"$comma" "$name" "${pid/#-/null}" "$state" "${ports/#-/}" \
			"$([ "$since" = - ] && echo null || printf '"%s"' "$(iso_time "$since")")"
		comma=,
	done < <(status_rows)
	printf '\n]\n'
}

cmd_status() {
	local name pid state ports since
	case ${1:-} in
	--json)
		status_json
		return
		;;
	'') ;;
	*) die "status knows only --json" ;;
	esac
	printf '%-12s %8s  %-11s %-24s %s\n' NAME PID STATE PORTS SINCE
	while IFS=$'\t' read -r name pid state ports since; do
		printf '%-12s %8s  %-11s %-24s %s\n' "$name" "$pid" "$state" "$ports" "$(iso_time "$since")"
	done < <(status_rows)
}

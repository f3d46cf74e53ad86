# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A stack on this machine: what its programs are given, starting, stopping and watching them.
# Everything of one stack lies below RUN_DIR, so several stand side by side with other ports.

# A Unix socket's path has room for 107 bytes.
MAX_SOCKET_PATH=107
READY_S=${READY_S:-30}
STOP_S=10

first_domain() { printf '%s\n' "${DOMAIN%%,*}" | tr -d ' \t'; }

# component_domain PROGRAM: DOMAIN_<NAME>, or its label before the first domain; empty: has none.
component_domain() {
	local label var
	label=$(program_field "$1" 3)
	[ "$label" != - ] || return 0
	var=$(env_name "DOMAIN_$1")
	printf '%s\n' "${!var:-$label.$(first_domain)}"
}

env_name() { printf '%s\n' "$1" | tr 'a-z.-' 'A-Z__'; }

# give NAME VALUE: unless the caller's environment has NAME or NAME_FILE.
give() {
	local file_form=$1_FILE
	[ -n "${!1+set}" ] || [ -n "${!file_form+set}" ] || export "$1=$2"
}

# The environment of one instance; the caller's own variables win.  Called in a subshell.
program_env() { # INSTANCE
	local program
	program=$(program_of "$1")
	export DOMAIN RUN_DIR
	give CERTS_DIR "$RUN_DIR/certs"
	give DATA_DIR "$RUN_DIR/data"
	give CONF_DIR "$RUN_DIR/conf.d"
	give CTL_SOCKET "$RUN_DIR/run/ctl.sock"
	give LISTEN 127.0.0.1,::1
	give COMPONENT_LISTEN 127.0.0.1,::1
	give HEALTH_LISTEN "$RUN_DIR/run/$1.health"
	if [ "$program" = router ]; then
		router_env
	else
		component_env "$program"
	fi
}

# The router knows every component of the table by its secret and its domain.
router_env() {
	local name secret
	for name in $(program_names); do
		[ -n "$(component_domain "$name")" ] || continue
		give "$(env_name "DOMAIN_$name")" "$(component_domain "$name")"
		[ "$(scale_of "$name")" = 1 ] || give "$(env_name "CONNECTIONS_$name")" share
		secret=$(env_name "COMPONENT_SECRET_$name")
		[ -n "${!secret+set}" ] || give "${secret}_FILE" "$RUN_DIR/secrets/$name"
	done
}

component_env() { # PROGRAM
	# Folders of their own below the router's: one program's settings are unknown to the other.
	local conf_dir=${CONF_DIR:-$RUN_DIR/conf.d}/$1
	[ -d "$conf_dir" ] || conf_dir=$RUN_DIR/conf.d/$1
	export CONF_DIR=$conf_dir
	give ROUTER_HOST 127.0.0.1
	if [ "${ROUTER_TLS:-false}" = true ]; then
		give ROUTER_PORT "${COMPONENT_TLS_PORT:-5348}"
		give ROUTER_CERT_NAME "$(first_domain)"
		# Our own certificates lead to our own CA.
		[ "${COMPONENT_CERTS_DIR:-${CERTS_DIR:-}}" != "$RUN_DIR/certs" ] ||
			give ROUTER_CA_FILE "$RUN_DIR/ca/ca.pem"
	else
		give ROUTER_PORT "${COMPONENT_PORT:-5347}"
	fi
	give COMPONENT_DOMAIN "$(component_domain "$1")"
	[ "$(scale_of "$1")" = 1 ] || give COMPONENT_SHARE true
	[ -n "${COMPONENT_SECRET+set}" ] || give COMPONENT_SECRET_FILE "$RUN_DIR/secrets/$1"
}

# --- starting -------------------------------------------------------------------------------------

# Folders, certificates, secrets: whatever the programs expect to find.
prepare_run_dir() {
	local longest name
	longest=$RUN_DIR/run/$(program_names | awk '{ print length, $0 }' | sort -rn |
		awk 'NR == 1 { print $2 }').10.health
	[ ${#longest} -le $MAX_SOCKET_PATH ] ||
		die "RUN_DIR=$RUN_DIR is too long for the Unix sockets below it: at most" \
			"$((MAX_SOCKET_PATH - ${#longest} + ${#RUN_DIR})) bytes"
	mkdir -p "$RUN_DIR"/{conf.d,data,log,run,secrets} || die "cannot write to $RUN_DIR"
	for name in $(program_names); do
		[ "$name" = router ] || mkdir -p "$RUN_DIR/conf.d/$name"
	done
	make_secrets
	[ -n "${CERTS_DIR+set}" ] || make_dev_certs
	if [ -n "${RUN_USER:-}" ]; then
		chown -R "$RUN_USER:" "$RUN_DIR" || die "RUN_USER=$RUN_USER: cannot give it $RUN_DIR"
	fi
}

# Prints the words that run a command as RUN_USER.
as_user() {
	[ -z "${RUN_USER:-}" ] ||
		printf '%s\n' setpriv "--reuid=$RUN_USER" "--regid=$(id -g "$RUN_USER")" --init-groups --
}

# Where each log stood when its instance was started: what is older is not shown as this run's.
declare -A LOG_FROM=()

this_runs_log() { tail -c "+${LOG_FROM[$1]:-1}" "$RUN_DIR/log/$1.log"; } # INSTANCE

start_instance() { # INSTANCE
	local as pid_file=$RUN_DIR/run/$1.pid deadline=$((SECONDS + 5))
	mapfile -t as < <(as_user)
	"${as[@]}" test -x "$TREE/tools/supervise" ||
		die "RUN_USER=$RUN_USER: cannot reach $TREE/tools/supervise"
	rm -f "$pid_file" "$RUN_DIR/run/$1.restarts"
	LOG_FROM[$1]=$(($(stat -c %s "$RUN_DIR/log/$1.log" 2>/dev/null || echo 0) + 1))
	(
		program_env "$1"
		exec setsid "${as[@]}" "$TREE/tools/supervise" "$1" "$(program_binary "$(program_of "$1")")" \
			</dev/null >/dev/null 2>&1 9>&-
	) &
	disown
	until live_pid "$pid_file" >/dev/null; do
		[ $SECONDS -lt $deadline ] || die "$1: its supervisor did not start"
		sleep 0.05
	done
}

# ask_health INSTANCE: the program's own word on whether it is ready, from the environment that the
# running one was given.
ask_health() {
	local pid env
	pid=$(live_pid "$RUN_DIR/run/$1.child") || {
		say "not running"
		return 1
	}
	mapfile -d '' -t env <"/proc/$pid/environ" 2>/dev/null || return 1
	env -i "${env[@]}" timeout 5 "$(program_binary "$(program_of "$1")")" --health 2>&1
}

# Waits until every instance is ready; says which is not, and why, and fails.
wait_ready() { # INSTANCE...
	local instance answer deadline=$((SECONDS + READY_S))
	for instance; do
		until answer=$(ask_health "$instance"); do
			if [ -s "$RUN_DIR/run/$instance.restarts" ]; then
				why_not "$instance" "it ended"
				return 1
			elif [ $SECONDS -ge $deadline ]; then
				why_not "$instance" "not ready after $READY_S s: $answer"
				return 1
			fi
			sleep 0.1
		done
	done
}

why_not() { # INSTANCE REASON
	warn "$1 did not get ready: $2. Its last words ($RUN_DIR/log/$1.log):"
	this_runs_log "$1" | tail -n 15 | sed 's/^/  /' >&2
}

# --- stopping -------------------------------------------------------------------------------------

# Asks the supervisor, which passes it on; a program whose supervisor is gone is asked itself.
# Whatever is left after STOP_S seconds is ended.
stop_instance() { # INSTANCE
	local pid asked='' deadline=$((SECONDS + STOP_S))
	while pid=$(live_pid "$RUN_DIR/run/$1.pid" || live_pid "$RUN_DIR/run/$1.child"); do
		if [ $SECONDS -ge $deadline ]; then
			kill -KILL "$pid" 2>/dev/null
		elif [ "$pid" != "$asked" ]; then
			kill -TERM "$pid" 2>/dev/null
			asked=$pid
		fi
		sleep 0.05
	done
	rm -f "$RUN_DIR/run/$1".{pid,child,restarts}
}

# The instances that have a supervisor or a program, in starting order; of one program, or all.
running_instances() { # [PROGRAM|INSTANCE]
	local program file instance
	for program in $(program_names); do
		for file in "$RUN_DIR/run/$program".pid "$RUN_DIR/run/$program".*.pid \
			"$RUN_DIR/run/$program".child "$RUN_DIR/run/$program".*.child; do
			instance=$(basename "${file%.*}")
			if [ -n "${1:-}" ] && [ "$1" != "$instance" ] && [ "$1" != "$program" ]; then
				continue
			fi
			if live_pid "$file" >/dev/null; then
				printf '%s\n' "$instance"
			fi
		done
	done | awk '!seen[$0]++'
}

# Components go before the router, so that nobody is told of a router gone away.
stop_instances() { # INSTANCE...
	local i
	for ((i = $#; i > 0; i--)); do
		stop_instance "${!i}"
	done
}

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Debian packages that are missing are installed, from tools/packages.list, without letting the
# services among them start and take ports.

packages_in() { # GROUP...
	local group
	for group; do
		awk -v g="$group" '$1 == g && $2 !~ /:/ { print $2 }' "$TREE/tools/packages.list"
	done | sort -u
}

# PACKAGE:ARCH is not for this machine, but for a sysroot (tools/cross/sysroot.sh) or an image.
packages_of_arch() { # ARCH GROUP...
	local arch=$1 group
	shift
	for group; do
		awk -v g="$group" -v a=":$arch\$" '$1 == g && sub(a, "", $2) { print $2 }' \
			"$TREE/tools/packages.list"
	done | sort -u
}

packages_missing() { # GROUP...
	local package
	packages_in "$@" | while read -r package; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			printf '%s\n' "$package"
	done
}

# Debian asks this file before a package's service is started; 101 says no.
POLICY=/usr/sbin/policy-rc.d

policy_deny() {
	if [ -e "$POLICY" ]; then
		mv "$POLICY" "$POLICY.switchyard-kept"
	fi
	printf '#!/bin/sh\nexit 101\n' >"$POLICY"
	chmod 755 "$POLICY"
}

policy_restore() {
	rm -f "$POLICY"
	if [ -e "$POLICY.switchyard-kept" ]; then
		mv "$POLICY.switchyard-kept" "$POLICY"
	fi
}

# Runs in a subshell of its own, so that the trap restores the policy however it ends.
packages_install() (
	export DEBIAN_FRONTEND=noninteractive
	trap policy_restore EXIT
	trap 'exit 130' INT TERM
	policy_deny
	apt-get install -y -q --no-install-recommends "$@" ||
		{ apt-get update -q && apt-get install -y -q --no-install-recommends "$@"; }
)

need_packages() { # GROUP...
	local missing log
	command -v dpkg-query >/dev/null || {
		warn "this is no Debian system: the packages of the groups '$*' in" \
			"tools/packages.list are taken to be there"
		return
	}
	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ]; then
		warn "Debian packages are missing; as root:"
		say "  apt-get install --no-install-recommends ${missing[*]}" >&2
		exit 1
	fi
	say "installing ${#missing[@]} Debian packages: ${missing[*]}"
	log=$(mktemp)
	if ! packages_install "${missing[@]}" >"$log" 2>&1 </dev/null; then
		tail -n 25 "$log" >&2
		rm -f "$log"
		die "could not install: ${missing[*]}"
	fi
	rm -f "$log"
}

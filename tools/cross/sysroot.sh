#!/bin/bash
# SPDX-License-Identifier: MIT
# The Debian libraries of another architecture, unpacked into a folder: what a cross build links with
# and what its programs run with under qemu.
#
#   tools/cross/sysroot.sh ARCH DIR
#
# apt works on a state of its own below DIR (its sources and keys are the machine's): no architecture is
# added to dpkg, no package of the machine is touched, and nobody has to be root.  DIR/root is the
# sysroot, DIR/sysroot.ini names it to Meson.  Made once; anew when the list of packages has changed.
# The compiler and the emulator are packages of the machine and installed as all others are.
# Ends with 75 where the packages cannot be had, which is not a fault of the tree.
set -eu

TREE=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
# shellcheck source=tools/lib/common.sh
. "$TREE/tools/lib/common.sh"
# shellcheck source=tools/lib/packages.sh
. "$TREE/tools/lib/packages.sh"

[ $# -eq 2 ] || die "usage: tools/cross/sysroot.sh ARCH DIR"
ARCH=$1
DIR=$(abs_path "$2")
mapfile -t PACKAGES < <(packages_of_arch "$ARCH" "$ARCH")
[ ${#PACKAGES[@]} -gt 0 ] || die "tools/packages.list has no group '$ARCH' with packages of it"
(need_packages "$ARCH") || exit 75
[ "$(cat "$DIR/made-of" 2>/dev/null)" = "${PACKAGES[*]}" ] && exit 0

cannot() {
	warn "$@"
	exit 75
}

command -v apt-get >/dev/null || cannot "this is no Debian system: it has no apt-get"

own_apt() {
	apt-get -q -y -o APT::Architecture="$ARCH" -o APT::Architectures="$ARCH" \
		-o APT::Sandbox::User="$(id -un)" -o APT::Install-Recommends=false \
		-o Dir::State="$DIR/apt/state" -o Dir::State::status="$DIR/apt/status" \
		-o Dir::Cache="$DIR/apt/cache" -o Dir::Log="$DIR/apt" "$@"
}

umask 022
rm -rf "$DIR"
mkdir -p "$DIR/apt/state" "$DIR/apt/cache" "$DIR/root"
: >"$DIR/apt/status"
own_apt update || cannot "the lists of packages of $ARCH cannot be had"
own_apt install --download-only "${PACKAGES[@]}" || cannot "the packages of $ARCH cannot be had"
for package in "$DIR"/apt/cache/archives/*.deb; do
	dpkg-deb --extract "$package" "$DIR/root"
done
rm -rf "$DIR/apt"
printf "[constants]\nsysroot = '%s'\n" "$DIR/root" >"$DIR/sysroot.ini"
printf '%s\n' "${PACKAGES[*]}" >"$DIR/made-of" # last: what is half made is made again

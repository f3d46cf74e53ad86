#!/bin/bash
# SPDX-License-Identifier: MIT
# The images of compose/Dockerfile, published.  .github/workflows/images.yml runs it; an operator may
# as well.
#
#   images.sh targets       what is published: the stages of the Dockerfile that start a program
#   images.sh tags          what GITHUB_REF is published as, the first one being its own
#   images.sh login         to the registry, with IMAGE_USER and TOKEN
#   images.sh build ARCH    builds and pushes TARGET:TAG-ARCH, on a machine of that kind
#   images.sh join          gives both platforms of each target their common tags
#   images.sh assets DIR    sources, an SBOM per target and platform, digests, checksums
#
# IMAGE_PREFIX is HOST/PATH, before the name of a target; GITHUB_REF a branch or a tag.
set -euo pipefail

TREE=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
# shellcheck source=tools/lib/common.sh
. "$TREE/tools/lib/common.sh"
cd "$TREE"
ARCHES=(amd64 arm64)

targets() {
	awk '$1 == "FROM" { stage = $4 } $1 == "ENTRYPOINT" { print stage }' compose/Dockerfile
}

version() { sed -n "s/^  version: '\(.*\)',\$/\1/p" meson.build; }

# latest is what nothing higher has been released than, so that a fix of an old one leaves it.
tags() {
	local tag=${GITHUB_REF:-}
	case $tag in
	refs/heads/main)
		say edge
		return
		;;
	refs/tags/v[0-9]*) tag=${tag#refs/tags/} ;;
	*) die "GITHUB_REF is neither main nor a tag v...: '$tag'" ;;
	esac
	[[ ${tag%%-*} == "v$(version)" ]] || die "$tag is not of version $(version) in meson.build"
	say "$tag"
	[[ $tag == *-* ]] ||
		[ "$({ git tag -l 'v[0-9]*' | grep -v -- - && :; say "$tag"; } | sort -V | tail -n 1)" != "$tag" ] ||
		say latest
}

image() { # TARGET TAG
	say "${IMAGE_PREFIX:?}/$1:$2"
}

login() {
	printf '%s' "${TOKEN:?}" |
		docker login "${IMAGE_PREFIX%%/*}" --username "${IMAGE_USER:?}" --password-stdin
}

build() { # ARCH
	local target name kind
	for target in $TARGETS; do
		name=$(image "$target" "$TAG-$1")
		docker build -f compose/Dockerfile --target "$target" -t "$name" \
			--build-arg VERSION="$(version)" --build-arg REVISION="$(git rev-parse HEAD)" .
		kind=$(docker image inspect --format '{{.Architecture}}' "$name")
		[ "$kind" = "$1" ] || die "$name is of $kind: this machine builds no $1"
		docker push "$name"
	done
}

join() {
	local target tag arch parts
	for target in $TARGETS; do
		parts=()
		for arch in "${ARCHES[@]}"; do
			parts+=("$(image "$target" "$TAG-$arch")")
		done
		for tag in $TAGS; do
			docker buildx imagetools create -t "$(image "$target" "$tag")" "${parts[@]}"
		done
	done
}

# dpkg's list is copied out of a container that is never started: the platform does not matter.
sbom() { # TARGET ARCH FILE
	local name container
	name=$(image "$1" "$TAG-$2")
	docker pull -q --platform "linux/$2" "$name" >/dev/null
	container=$(docker create --platform "linux/$2" "$name")
	docker cp "$container:/var/lib/dpkg/status" - | tar -xO |
		tools/release/sbom.py --name "switchyard-$1" --version "$TAG" --arch "$2" >"$3"
	docker rm "$container" >/dev/null
}

assets() { # DIR
	local target arch
	mkdir -p "$1"
	git archive --prefix="switchyard-$TAG/" -o "$1/switchyard-$TAG.tar.gz" HEAD
	for target in $TARGETS; do
		for arch in "${ARCHES[@]}"; do
			sbom "$target" "$arch" "$1/switchyard-$target-$TAG-$arch.spdx.json"
		done
		say "$(image "$target" "$TAG")@$(docker buildx imagetools inspect \
			--format '{{.Manifest.Digest}}' "$(image "$target" "$TAG")")" >>"$1/images.txt"
	done
	(cd "$1" && sha256sum -- * >../SHA256SUMS.new && mv ../SHA256SUMS.new SHA256SUMS)
}

case ${1:-} in
build | join | assets)
	TARGETS=$(targets)
	[ -n "$TARGETS" ] || die "compose/Dockerfile has no target that starts a program"
	TAGS=$(tags)
	TAG=${TAGS%%$'\n'*}
	;;
esac
case $#:${1:-} in
1:targets) targets ;;
1:tags) tags ;;
1:login) login ;;
1:join) join ;;
2:build) build "$2" ;;
2:assets) assets "$2" ;;
*) die "usage: tools/release/images.sh targets|tags|login|build ARCH|join|assets DIR" ;;
esac

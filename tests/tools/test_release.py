# SPDX-License-Identifier: MIT
"""A release without an engine: `docker` is a script that writes down what it is asked."""

import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
import unittest

from testing.build import TREE

IMAGES = os.path.join(TREE, "tools", "release", "images.sh")
SBOM = os.path.join(TREE, "tools", "release", "sbom.py")
STATUS = """Package: libssl3
Status: install ok installed
Maintainer: Somebody <somebody@example.org>
Architecture: arm64
Source: openssl
Version: 3.0.22-1~deb12u2
Description: libraries
 of more than one line
 .
Conffiles:
 /etc/x 123

Package: libstdc++6
Status: install ok installed
Architecture: arm64
Source: gcc-12 (12.2.0-14)
Version: 1:12.2.0-14+b1

Package: gone
Status: deinstall ok config-files
Architecture: arm64
Version: 1
"""
DOCKER = """#!/bin/sh
echo "$*" >>"$DOCKER_LOG"
case $1:$2 in
image:inspect) echo "$DOCKER_ARCH" ;;
create:*) echo c0ffee ;;
cp:*) cat "$DOCKER_STATUS" ;;
buildx:imagetools) [ "$3" != inspect ] || echo sha256:abc ;;
esac
"""


def run(argv, text=None, **env):
    return subprocess.run(argv, input=text, capture_output=True, text=True,
                          env={**os.environ, **env}, cwd=TREE)


def version():
    with open(os.path.join(TREE, "meson.build"), encoding="utf-8") as f:
        return next(line for line in f if line.startswith("  version:")).split("'")[1]


class Sbom(unittest.TestCase):
    ARGS = (SBOM, "--name", "switchyard-muc", "--version", "v1.2.3", "--arch", "arm64")

    def test_what_is_installed(self):
        done = run(self.ARGS, STATUS, SOURCE_DATE_EPOCH="86400")
        self.assertEqual(done.stderr, "")
        sbom = json.loads(done.stdout)
        self.assertEqual(sbom["spdxVersion"], "SPDX-2.3")
        self.assertEqual(sbom["creationInfo"]["created"], "1970-01-02T00:00:00Z")
        image, ssl, cxx = sbom["packages"]
        self.assertEqual((image["name"], image["versionInfo"]), ("switchyard-muc", "v1.2.3"))
        self.assertEqual(ssl["externalRefs"][0]["referenceLocator"],
                         "pkg:deb/debian/libssl3@3.0.22-1~deb12u2?arch=arm64")
        self.assertEqual(ssl["sourceInfo"],
                         "built from the source package openssl 3.0.22-1~deb12u2")
        self.assertEqual(cxx["externalRefs"][0]["referenceLocator"],
                         "pkg:deb/debian/libstdc%2B%2B6@1%3A12.2.0-14%2Bb1?arch=arm64")
        self.assertEqual(cxx["sourceInfo"], "built from the source package gcc-12 12.2.0-14")

    def test_references_hold(self):
        sbom = json.loads(run(self.ARGS, STATUS).stdout)
        ids = [p["SPDXID"] for p in sbom["packages"]]
        self.assertEqual(len(set(ids)), len(ids))
        for name in ids:
            self.assertRegex(name, r"^SPDXRef-[A-Za-z0-9.-]+$")
        related = [(r["relationshipType"], r["relatedSpdxElement"]) for r in sbom["relationships"]]
        self.assertEqual(related, [("DESCRIBES", ids[0]), *(("CONTAINS", i) for i in ids[1:])])

    def test_same_bytes_again(self):
        first, second = (run(self.ARGS, STATUS, SOURCE_DATE_EPOCH="1").stdout for _ in range(2))
        self.assertEqual(first, second)
        other = json.loads(run(self.ARGS, STATUS.replace("1~deb12u2", "2")).stdout)
        self.assertNotEqual(json.loads(first)["documentNamespace"], other["documentNamespace"])

    def test_no_list(self):
        for text in ("", "no list at all\n", STATUS.replace("ok installed", "ok unpacked")):
            done = run(self.ARGS, text)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("this is no dpkg status file", done.stderr)


class Images(unittest.TestCase):
    """In a copy of what the script reads, under git, with two targets."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sw-release-")
        self.addCleanup(folder.cleanup)
        self.tree, self.log = os.path.join(folder.name, "tree"), os.path.join(folder.name, "log")
        for path in ("tools/release/images.sh", "tools/release/sbom.py", "tools/lib/common.sh",
                     "meson.build"):
            with open(os.path.join(TREE, path), encoding="utf-8") as f:
                self.put(path, f.read(), 0o755)
        self.put("compose/Dockerfile", "FROM a AS build\nRUN x\nFROM a AS router\n"
                 'ENTRYPOINT ["r"]\nFROM b AS muc\nENTRYPOINT ["m"]\n')
        self.put("../bin/docker", DOCKER, 0o755)
        with tarfile.open(os.path.join(folder.name, "status.tar"), "w") as tar:
            member = tarfile.TarInfo("status")
            member.size = len(STATUS)
            tar.addfile(member, io.BytesIO(STATUS.encode()))
        self.env = {
            "PATH": os.path.join(folder.name, "bin") + ":" + os.environ["PATH"],
            "DOCKER_LOG": self.log, "DOCKER_ARCH": "arm64", "HOME": folder.name,
            "DOCKER_STATUS": os.path.join(folder.name, "status.tar"),
            "IMAGE_PREFIX": "registry.example.org/sw", "GITHUB_REF": f"refs/tags/v{version()}"}
        for argv in (["init", "-q"], ["add", "-A"],
                     ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "a"]):
            self.assertEqual(run(["git", "-C", self.tree, *argv]).returncode, 0)

    def put(self, path, text, mode=0o644):
        path = os.path.join(self.tree, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, mode)

    def images(self, *words, **env):
        return run([os.path.join(self.tree, "tools/release/images.sh"), *words],
                   **{**self.env, **env})

    def tags(self, ref, *there):
        for tag in there:
            run(["git", "-C", self.tree, "tag", tag])
        return self.images("tags", GITHUB_REF=ref).stdout.split()

    def asked(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read().splitlines()

    def test_tags(self):
        mine = f"v{version()}"
        self.assertEqual(self.tags("refs/heads/main"), ["edge"])
        self.assertEqual(self.tags(f"refs/tags/{mine}"), [mine, "latest"])
        self.assertEqual(self.tags(f"refs/tags/{mine}-rc1"), [f"{mine}-rc1"])
        self.assertEqual(self.tags(f"refs/tags/{mine}", "v0.0.1", mine, f"{mine}-rc1", "v99.0-rc1"),
                         [mine, "latest"])
        self.assertEqual(self.tags(f"refs/tags/{mine}", "v99.0.0"), [mine])

    def test_not_published(self):
        for ref in ("", "refs/heads/other", "refs/tags/x", "refs/tags/v99.1", "refs/pull/1/merge"):
            for words in (["tags"], ["build", "arm64"], ["join"]):
                done = self.images(*words, GITHUB_REF=ref)
                self.assertEqual((done.returncode, done.stdout), (1, ""), (ref, words))
        self.assertFalse(os.path.exists(self.log))

    def test_build(self):
        done = self.images("build", "arm64")
        self.assertEqual(done.returncode, 0, done.stderr)
        asked = self.asked()
        name = f"registry.example.org/sw/router:v{version()}-arm64"
        self.assertIn(f"--target router -t {name} --build-arg VERSION={version()} ", asked[0])
        self.assertEqual(asked[2], f"push {name}")
        self.assertEqual(asked[5], f"push {name.replace('router', 'muc')}")

    def test_build_on_another_machine(self):
        done = self.images("build", "amd64")
        self.assertEqual(done.returncode, 1)
        self.assertIn("is of arm64: this machine builds no amd64", done.stderr)
        self.assertFalse([line for line in self.asked() if line.startswith("push")])

    def test_join(self):
        self.assertEqual(self.images("join").returncode, 0)
        base = f"registry.example.org/sw/router:v{version()}"
        self.assertEqual(self.asked()[:2], [
            f"buildx imagetools create -t {tag} {base}-amd64 {base}-arm64"
            for tag in (base, "registry.example.org/sw/router:latest")])
        self.assertEqual(len(self.asked()), 4)

    def test_assets(self):
        dist = os.path.join(self.tree, "..", "dist")
        done = self.images("assets", dist)
        self.assertEqual(done.returncode, 0, done.stderr)
        v = f"v{version()}"
        sboms = [f"switchyard-{t}-{v}-{a}.spdx.json" for t in ("router", "muc")
                 for a in ("amd64", "arm64")]
        with open(os.path.join(dist, "SHA256SUMS"), encoding="utf-8") as f:
            sums = {name: digest for digest, name in (line.split() for line in f)}
        self.assertEqual(set(sums), {*sboms, f"switchyard-{v}.tar.gz", "images.txt"})
        for name, digest in sums.items():
            with open(os.path.join(dist, name), "rb") as f:
                self.assertEqual(hashlib.sha256(f.read()).hexdigest(), digest)
        with open(os.path.join(dist, sboms[0]), encoding="utf-8") as f:
            self.assertEqual(len(json.load(f)["packages"]), 3)
        with open(os.path.join(dist, "images.txt"), encoding="utf-8") as f:
            self.assertEqual(f.readline(),
                             f"registry.example.org/sw/router:{v}@sha256:abc\n")

    def test_login_tells_nobody(self):
        done = self.images("login", IMAGE_USER="me", TOKEN="hidden")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.asked(),
                         ["login registry.example.org --username me --password-stdin"])

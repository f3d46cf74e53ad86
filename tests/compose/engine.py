# SPDX-License-Identifier: MIT
"""The container engine: whether one answers, its Composes, and the images that the tests run."""

import functools
import os
import shutil
import subprocess

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMPOSE = os.path.join(TREE, "compose")
BASE = os.environ.get("BASE", "debian:bookworm-slim")
PREFIX, TAG = "switchyard-test", "now"
PROGRAMS = ("init", "router", "muc", "pubsub", "archive")
OTHERS = ("biboumi", "ngircd")
BUILD_S, PULL_S = 1800, 120


def run(argv, check=True, timeout=120, env=None, **how):
    """The finished process; its output, stderr included, is `stdout`."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=timeout, env=env, **how)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: status {done.returncode}\n{done.stdout}")
    return done


def docker(*argv, **how):
    return run(["docker", *argv], **how).stdout.strip()


def composes():
    """What calls itself Compose here, the newer one first."""
    found = []
    if shutil.which("docker") and run(["docker", "compose", "version"], check=False).returncode == 0:
        found.append(("docker", "compose"))
    if shutil.which("docker-compose"):
        found.append(("docker-compose",))
    return found


@functools.cache
def missing():
    """Why nothing can be run, or None."""
    if not shutil.which("docker"):
        return "no docker here"
    try:
        if run(["docker", "version"], check=False, timeout=20).returncode != 0:
            return "no container engine answers to docker"
    except subprocess.TimeoutExpired:
        return "the container engine does not answer"
    if not composes():
        return "neither docker compose nor docker-compose here"
    if run(["docker", "image", "inspect", BASE], check=False).returncode != 0:
        try:
            if run(["docker", "pull", "-q", BASE], check=False, timeout=PULL_S).returncode != 0:
                return f"{BASE} is not here and cannot be pulled"
        except subprocess.TimeoutExpired:
            return f"{BASE} is not here and cannot be pulled"
    return None


def image(target, tag=TAG):
    return f"{PREFIX}/{target}:{tag}"


def build(target, tag=TAG, kit=True, dockerfile="compose/Dockerfile", **args):
    """From the tree as it is; args are build arguments."""
    given = [f"--build-arg={k}={v}" for k, v in {"BASE": BASE, **args}.items()]
    run(["docker", "build", "-q", "-f", dockerfile, "--target", target, "-t", image(target, tag),
         *given, "."], cwd=TREE, timeout=BUILD_S,
        env=dict(os.environ, DOCKER_BUILDKIT="1" if kit and has_kit() else "0"))
    return image(target, tag)


@functools.cache
def has_kit():
    return run(["docker", "buildx", "version"], check=False).returncode == 0


@functools.cache
def build_all():
    for target in PROGRAMS:
        build(target)


@functools.cache
def build_others():
    for target in OTHERS:
        build(target, dockerfile="compose/biboumi/Dockerfile")

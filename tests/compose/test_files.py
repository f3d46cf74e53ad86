# SPDX-License-Identifier: MIT
"""The compose files and Dockerfiles as they are written: what both Composes and both builders take,
what every service has to have, and that each setting gets through.  No engine is needed."""

import itertools
import os
import re

import pytest
import yaml

from engine import COMPOSE, TREE, composes, run

FILES = sorted(f for f in os.listdir(COMPOSE) if f.endswith(".yaml"))
STACKS = [("compose.yaml", *more) for n in range(len(FILES)) for more in
          itertools.combinations([f for f in FILES if f != "compose.yaml"], n)]
DOCKERFILES = ("compose/Dockerfile", "compose/biboumi/Dockerfile")
PROGRAMS = ("router", "muc", "pubsub", "archive")

# What compose.yaml itself decides: places in the container, and the links.
DECIDED = {
    "LISTEN", "C2S_PORT", "C2S_TLS_PORT",  # all addresses; compose publishes them elsewhere
    "COMPONENT_LISTEN", "COMPONENT_PORT", "COMPONENT_TLS_PORT", "COMPONENT_SOCKET",
    "COMPONENT_ALLOW_PUBLIC", "COMPONENT_CERTS_DIR", "CERTS_DIR", "CTL_SOCKET", "DATA_DIR",
    "COMPONENT_DOMAIN", "COMPONENT_SECRET", "COMPONENT_SHARE", "ROUTER_HOST", "ROUTER_PORT",
    "ROUTER_TLS", "ROUTER_CA_FILE",
}


def read(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as f:
        return f.read()


def load(name):
    return yaml.safe_load(read(f"compose/{name}"))


def keys(node, path=()):
    """Every path of keys in it."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield (*path, str(key))
            yield from keys(value, (*path, str(key)))
    elif isinstance(node, list):
        for value in node:
            yield from keys(value, path)


def settings(program):
    """The variables of its manual page, each with its other names."""
    page = read(f"docs/man/switchyard-{program}.8").partition("settings: begin")[2]
    page = page.partition(".Ss")[0] if program == "router" and ".Ss" in page else page
    for names in re.findall(r'^\.It Ev "\\&([^"]+)"', page, re.M):
        every = re.findall(r"[A-Z][A-Z0-9_]+", names)
        if not any("TITLE" in n for n in every):
            yield every


# --- what they may say ----------------------------------------------------------------------------

TOO_NEW = ("develop", "start_interval", "additional_contexts", "required", "include", "configs",
           "extends", "post_start", "pre_stop")


@pytest.mark.parametrize("name", FILES)
def test_only_what_both_composes_know(name):
    text, tree = read(f"compose/{name}"), load(name)
    assert set(tree) <= {"services", "networks", "volumes"} | {k for k in tree if k.startswith("x-")}
    for path in keys(tree):
        assert path[-1] not in TOO_NEW or path[-2] == "environment", path
        assert path[-2:] not in (("build", "secrets"), ("secrets", "environment")), path
    bare = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    assert not re.search(r"\$\{[^}]*\$", bare), "a variable within a variable"
    assert not re.search(r"\$\{\w+:?\+", bare), "1.29 knows no ${A:+x}"


@pytest.mark.parametrize("path", DOCKERFILES)
def test_only_what_both_builders_know(path):
    text = read(path)
    assert not re.search(r"^#\s*syntax\s*=", text, re.M)
    for word in ("<<", "--link", "--mount", "--chmod", "BUILDPLATFORM", "TARGETARCH"):
        assert word not in text, word
    stages = re.findall(r"^FROM (\S+) AS (\w+)$", text, re.M)
    assert len(stages) == len(re.findall(r"^FROM", text, re.M))
    for n, (base, _) in enumerate(stages):
        assert base == "${BASE}" or base in [s for _, s in stages[:n]], base
    assert "ARG BASE=debian:bookworm-slim" in text
    assert not re.search(r"apt-get\s+install", text), "packages come from tools/packages.list"


def test_a_target_for_each_program():
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", read("compose/Dockerfile"), re.M))
    assert {"init", *PROGRAMS} <= stages
    built = {s["build"]["target"] for s in load("compose.yaml")["services"].values()}
    assert built == {"init", *PROGRAMS}


def test_what_the_builder_is_given():
    """Nothing that COPY names is kept away from it, and nothing else goes there."""
    ignore = [line for line in read(".dockerignore").splitlines() if line and line[0] != "#"]
    assert ignore[0] == "*"
    allowed = [line[1:] for line in ignore if line.startswith("!")]
    for path in DOCKERFILES:
        for names in re.findall(r"^COPY (?!--from)(.*) \S+$", read(path), re.M):
            for name in names.split():
                assert os.path.exists(os.path.join(TREE, name)), name
                assert any(name == a or name.startswith(a + "/") or a.startswith(name + "/")
                           for a in allowed), name


# --- what services have ---------------------------------------------------------------------------

@pytest.mark.parametrize("name", [f for f in FILES if f != "scale.yaml"])
def test_services_may_little(name):
    for service, has in load(name)["services"].items():
        if "image" not in has:
            continue  # adds to a service of compose.yaml
        assert has["user"] == "${SWITCHYARD_UID:-999}:${SWITCHYARD_GID:-999}", service
        assert has["read_only"] is True and has["cap_drop"] == ["ALL"], service
        assert has["security_opt"] == ["no-new-privileges:true"], service
        assert has["mem_limit"] and has["pids_limit"], service
        assert has["restart"] == ("no" if service == "init" else "unless-stopped"), service
        assert not has.keys() & {"privileged", "cap_add", "container_name", "devices"}, service


def test_what_is_reached_from_outside():
    stack = load("compose.yaml")
    assert [s for s, has in stack["services"].items() if "ports" in has] == ["router"]
    assert stack["networks"]["components"] == {"internal": True}
    for name in PROGRAMS[1:]:
        service = stack["services"][name]
        assert service["networks"] == ["components"]
        assert service["environment"]["ROUTER_TLS"] == "true"
        own = [v for v in service["volumes"] if v.startswith("link")]
        assert own == [f"link-{name}:/etc/switchyard/link:ro"]
        assert service["depends_on"] == {"init": {"condition": "service_completed_successfully"},
                                         "router": {"condition": "service_healthy"}}


def test_volumes_are_all_declared():
    for files in STACKS:
        trees = [load(f) for f in files]
        declared = {v for t in trees for v in t.get("volumes") or {}}
        used = {v.partition(":")[0] for t in trees for s in t["services"].values()
                for v in s.get("volumes", []) if v[0] not in "$./"}
        assert used <= declared, files


# --- settings -------------------------------------------------------------------------------------

@pytest.mark.parametrize("program", PROGRAMS)
def test_every_setting_gets_through(program):
    given = load("compose.yaml")["services"][program]["environment"]
    reference = list(settings(program))
    assert len(reference) > 10
    for names in reference:
        if not DECIDED.isdisjoint(names) and names[0] in DECIDED | {"COMPONENT_DOMAIN"}:
            names = names[1:]
        for name in names:
            assert name in given and given[name] is None, f"{name} is not passed on"
    known = {n for p in PROGRAMS for names in settings(p) for n in names}
    for name in given:
        base = name.removesuffix("_FILE")
        assert {name, base} & known or re.fullmatch(
            r"(COMPONENT_SECRET|DOMAIN|CONNECTIONS)_[A-Z]+", base), f"{name} is no setting"


# --- what Compose makes of them -------------------------------------------------------------------

@pytest.mark.parametrize("files", STACKS, ids="+".join)
def test_compose_takes_them(files, tmp_path):
    if not composes():
        pytest.skip("neither docker compose nor docker-compose here")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DOMAIN": "example.org",
           "MUC_MAX_NICK": "40", "C2S_PORT": "15222"}
    for compose in composes():
        argv = [w for f in files for w in ("-f", os.path.join(COMPOSE, f))]
        merged = yaml.safe_load(run([*compose, *argv, "config"], env=env, cwd=tmp_path).stdout)
        services = merged["services"]
        assert {"init", *PROGRAMS} <= services.keys()
        muc = services["muc"]["environment"]
        assert muc["MUC_MAX_NICK"] == "40" and muc["DOMAIN"] == "example.org"
        assert muc.get("MUC_MAX_ROOMS") is None
        assert "15222" in str(services["router"]["ports"])
        if "scale.yaml" in files:
            assert services["router"]["environment"]["CONNECTIONS_MUC"] == "share"
            assert muc["COMPONENT_SHARE"] == "true"
            assert services["muc"].get("scale", services["muc"].get("deploy", {}).get("replicas")) == 2
        if "biboumi.yaml" in files:
            assert set(services["irc"]["networks"]) == {"irc"}
            assert set(services["router"]["networks"]) == {"clients", "components", "irc"}
            assert [v for v in services["router"]["volumes"] if "conf.d" in str(v)
                    and "biboumi" in str(v)]

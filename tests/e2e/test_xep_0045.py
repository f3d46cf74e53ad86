# SPDX-License-Identifier: MIT
"""docs/xep-0045.md says of each part of XEP-0045 which test shows it: that test is there, and no part
is missing."""

import os
import re

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = {".py": os.path.join(TESTS, "e2e"), ".c": os.path.join(TESTS, "unit")}
DOC = os.path.join(os.path.dirname(TESTS), "docs", "xep-0045.md")
NAMED = re.compile(r"`(\w+)(\.py|\.c)::(\w+)`")

# Version 1.35.5: sections with use cases and rules, and how many parts each has.
SECTIONS = {"5.1": 3, "5.2": 2, "6": 7, "7": 14, "7.2": 18, "7.8": 2, "8": 6, "9": 9, "10": 9,
            "10.1": 3, "11": 2, "17": 4, "18.1": 2}
FURTHER = {"10.2.1", "14.6"}
CODES = {100, 101, 102, 103, 104, 110, 170, 171, 172, 173, 201, 210, 301, 303, 307, 321, 322, 332,
         333}
# What it says about them.
ERRORS = {
    ("entering", c) for c in ("jid-malformed", "not-authorized", "forbidden", "item-not-found",
                              "not-allowed", "not-acceptable", "registration-required", "conflict",
                              "service-unavailable")} | {
    ("a new nick", "conflict"), ("a new nick", "not-acceptable")} | {
    ("messages", c) for c in ("not-acceptable", "forbidden", "item-not-found", "bad-request")} | {
    ("invitations", c) for c in ("forbidden", "item-not-found")} | {
    ("registration", c) for c in ("item-not-found", "not-allowed", "conflict",
                                  "service-unavailable", "bad-request")} | {
    ("roles", c) for c in ("forbidden", "not-allowed", "item-not-found")} | {
    ("affiliations", c) for c in ("forbidden", "not-allowed", "conflict", "bad-request")} | {
    ("lists", "forbidden"), ("configuration", "forbidden"), ("configuration", "conflict"),
    ("destruction", "forbidden"), ("disco", "bad-request"), ("disco", "service-unavailable")}


def parts():
    """Of SECTIONS, those that have no parts themselves."""
    every = {f"{s}.{n}" for s, count in SECTIONS.items() for n in range(1, count + 1)}
    return every - {s for s in SECTIONS if s in every} | FURTHER


def rows():
    """The cells of each table's row."""
    with open(DOC, encoding="utf-8") as f:
        for line in f:
            if line.startswith("| ") and not line.startswith(("| ---", "| section", "| code ",
                                                              "| where")):
                yield [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def defined(name, suffix):
    """The tests of a file: those that are run."""
    with open(os.path.join(FOLDERS[suffix], name + suffix), encoding="utf-8") as f:
        source = f.read()
    if suffix == ".py":
        return set(re.findall(r"^(?:async )?def (test_\w+)\(", source, re.M))
    run = set(re.findall(r"(?:_TEST|cmocka_unit_test\w*)\((test_\w+)", source))
    return run & set(re.findall(r"^static void (test_\w+)\(", source, re.M))


@pytest.mark.parametrize("row", rows(), ids=lambda row: " ".join(row[:2]).replace("`", ""))
def test_row(row):
    """Each names tests that are there, or why there is none."""
    named = NAMED.findall(row[-1])
    assert named or row[-1].startswith("—: ") or row[-1] == "see below"
    assert row[-1].count("`") == 2 * len(named), "something else than a test"
    for name, suffix, test in named:
        assert test in defined(name, suffix), f"{name}{suffix} has no {test}"


def test_nothing_is_missing():
    first = [row[0] for row in rows()]
    assert parts() - set(first) == set()
    assert {int(c) for c in first if re.fullmatch(r"\d{3}", c)} == CODES
    assert ERRORS - {(row[0], row[1].strip("`")) for row in rows()} == set()
    assert len([c for c in first if re.match(r"\d", c)]) == len(
        {c for c in first if re.match(r"\d", c)}), "a section or code stands there twice"

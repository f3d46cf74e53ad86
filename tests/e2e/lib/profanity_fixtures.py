# SPDX-License-Identifier: MIT
"""profanity for tests: conftest.py makes it known."""

import shutil

import pytest

from .profanity import Profanity


@pytest.fixture
def profanity(make_stack, authority, folder):
    """profanity("alice"): started, not connected; ended before the stacks.  ca_file=None: it trusts
    nobody."""
    if not (shutil.which("profanity") and shutil.which("tmux")):
        pytest.skip("profanity or tmux is not installed")
    made = []

    def make(name, ca_file=authority.file):
        made.append(Profanity(folder, name, ca_file))
        return made[-1].start()

    yield make
    for p in made:
        p.close()

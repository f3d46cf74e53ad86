# SPDX-License-Identifier: MIT
"""Fixtures of the tests of the archive: conftest.py makes them known."""

import pytest

from .archive import ENV, Talker


@pytest.fixture
def archive_stack(request, make_stack):
    """Router and archive for localhost; with_archive(...) says what is different."""
    how = dict(getattr(request, "param", {}))
    if disk := how.pop("disk", None):
        how["data_dir"] = request.getfixturevalue("small_disk")(disk)
    return make_stack(components=("archive", *how.pop("components", ())),
                      env={**ENV, **how.pop("env", {})}, **how)


def with_archive(**how):
    """A mark: make_stack's arguments, and disk="8m" for a small one."""
    return pytest.mark.parametrize("archive_stack", [how], indirect=True, ids=[""])


@pytest.fixture
async def talker(archive_stack, raw_client):
    """await talker("alice"): an account, and a session of it that has come."""
    async def make(user, resource="a", come=True):
        jid = f"{user}@localhost"
        if jid not in archive_stack.accounts:
            archive_stack.add_account(jid)
        raw = await raw_client(stack=archive_stack)
        await raw.login(user, archive_stack.accounts[jid], resource)
        one = Talker(raw)
        return await one.come() if come else one

    return make

# SPDX-License-Identifier: MIT
"""Files that can no longer be written while programs have them open, as after an I/O error that
made a file system read-only: remounting it is refused as long as they have.  And a database that is
locked, or on a disk that is full."""

import array
import contextlib
import errno
import fcntl
import os
import sqlite3

import pytest

FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IMMUTABLE_FL = 0x80086601, 0x40086602, 0x10


def _immutable(path, on):
    fd = os.open(path, os.O_RDONLY)
    try:
        flags = array.array("L", [0])
        fcntl.ioctl(fd, FS_IOC_GETFLAGS, flags)
        flags[0] = flags[0] | FS_IMMUTABLE_FL if on else flags[0] & ~FS_IMMUTABLE_FL
        fcntl.ioctl(fd, FS_IOC_SETFLAGS, flags)
    finally:
        os.close(fd)


def _probe(folder):
    """Why it cannot be done in this folder; None: it can."""
    path = os.path.join(folder, "probe")
    with open(path, "wb", buffering=0) as f:
        try:
            _immutable(path, True)
        except OSError as e:
            return f"no file is made immutable here: {e}"
        try:
            f.write(b"x")
            return "this file system writes immutable files that are open"
        except OSError as e:
            return None if e.errno == errno.EPERM else str(e)
        finally:
            _immutable(path, False)
            os.unlink(path)


@contextlib.contextmanager
def unwritable(database):
    """The file and its log, for the programs that have them open and for those that come."""
    if reason := _probe(os.path.dirname(database)):
        pytest.skip(reason)
    paths = [database, f"{database}-wal"]
    try:
        for path in paths:
            _immutable(path, True)
        yield
    finally:
        for path in paths:
            _immutable(path, False)


def fill_disk(folder):
    """The file system takes no more; returns what to unlink for room."""
    filler = os.path.join(folder, "filler")
    with open(filler, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while f.write(b"x" * 4096):
            pass
    return filler


@contextlib.contextmanager
def no_commits(stack):
    """Another process has the lock of the router's database: what is to be written waits."""
    with contextlib.closing(sqlite3.connect(os.path.join(stack.data_dir, "router.sqlite"),
                                            isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")

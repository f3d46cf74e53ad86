# SPDX-License-Identifier: MIT
"""Network and mount namespaces: each pytest worker moves into a pair of its own, so that every
stack has the standard ports to itself and the test CA can stand where real clients look for it."""

import ctypes
import errno
import fcntl
import os
import resource
import shutil
import socket
import struct
import tempfile

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MS_RDONLY = 1
MNT_DETACH = 2
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
HOSTS = "/etc/hosts"

_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """`reason` says why there is none: the tests that need it are skipped with it."""

    def __init__(self):
        self.reason = None
        self.folder = None

    def enter(self):
        """To be called in the main thread, before anything is started from it."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            _call(_libc.unshare, CLONE_NEWNET | CLONE_NEWNS)
            _call(_libc.mount, b"none", b"/", None, MS_REC | MS_PRIVATE, None)
            _loopback_up()
        except OSError as e:
            why = {errno.EINVAL: "; the root is no mount point, as in a plain chroot: mount --bind "
                                 "it onto itself first",
                   errno.EPERM: "; CAP_SYS_ADMIN is needed"}.get(e.errno, "")
            self.reason = f"no namespaces of its own: {e}{why}"
            return
        self.folder = tempfile.mkdtemp(prefix="sw-")
        self._hosts = os.path.join(self.folder, "hosts")
        _write(self._hosts, "127.0.0.1 localhost\n::1 localhost\n")
        if not os.path.exists(HOSTS):  # a machine that was just made may have none
            _write(HOSTS, "127.0.0.1 localhost\n::1 localhost\n")
        bind(self._hosts, HOSTS)

    def leave(self):
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def trust(self, ca_file):
        """The CA becomes the only one that this worker's programs and clients know.  A copy: what
        updates the machine's bundle meanwhile writes to that."""
        if os.path.exists(BUNDLE):
            bind(shutil.copy(ca_file, os.path.join(self.folder, "bundle.pem")), BUNDLE)

    def name(self, *names):
        """These names resolve to loopback, as localhost does."""
        with open(self._hosts, encoding="ascii") as f:
            known = f.read()
        for name in names:
            if f" {name}\n" not in known:
                known += f"127.0.0.1 {name}\n::1 {name}\n"
        _write(self._hosts, known)


def _call(fn, *args):
    if fn(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{fn.__name__}: {os.strerror(number)}")


def _loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(s, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def _write(path, text):
    """In place: a bind mount keeps showing the file that was bound."""
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def bind(source, target):
    _call(_libc.mount, os.fsencode(source), os.fsencode(target), None, MS_BIND, None)


def mount_tmpfs(target, size, flags=0):
    _call(_libc.mount, b"tmpfs", os.fsencode(target), b"tmpfs", flags, f"size={size}".encode())


def unmount(target):
    _call(_libc.umount2, os.fsencode(target), MNT_DETACH)

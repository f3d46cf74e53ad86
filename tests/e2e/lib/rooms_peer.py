# SPDX-License-Identifier: MIT
"""Rooms behind a server that is not ours: a Peer with what the tests of rooms ask of a Stack."""

from . import health
from .peers import Peer
from .wait import DEADLINE, until_sync


class RoomsPeer(Peer):
    """
    env         MUC_X goes to the program; what is the router's means nothing here
    data_dir    instead of the folder
    """

    def __init__(self, name, folder, authority, clock, env=None, data_dir=None):
        self.env, self.data_dir, self._clock = dict(env or {}), data_dir or folder, clock
        super().__init__(name, folder, authority, "muc")
        self.components = {"muc": self.component}

    def _component(self):
        process = super()._component()
        process.env |= {"DATA_DIR": self.data_dir, "SWITCHYARD_CLOCK_FILE": self._clock.file}
        process.env |= {k: str(v) for k, v in self.env.items() if k.startswith("MUC_")}
        return process

    def is_ready(self, _name="muc"):
        return self.linked()

    def why_not(self, _name="muc"):
        return health.ask(self.component.env["HEALTH_LISTEN"], "/readyz")[1]

    def ready(self, *_names, timeout=DEADLINE):
        until_sync(self.linked, lambda: f"muc ready: {self.why_not()}\n{self.component.tail()}",
                   timeout)
        return self

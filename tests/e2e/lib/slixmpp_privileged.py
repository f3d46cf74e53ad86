# SPDX-License-Identifier: MIT
"""A component with slixmpp's XEP-0356 plug-in, in the test's own loop."""

import asyncio

import slixmpp

from .inbox import error_condition
from .wait import DEADLINE, until


class Privileged(slixmpp.ComponentXMPP):
    def __init__(self, domain, secret, host, port, server):
        super().__init__(domain, secret, host, port)
        self.server_host = server  # whom the plug-in sends privileged messages to
        self.errors = []
        self.register_plugin("xep_0356")
        plugin = self["xep_0356"]
        plugin.granted_privileges = dict(plugin.granted_privileges)  # else shared by all instances
        self.add_event_handler("message_error", lambda m: self.errors.append(error_condition(m.xml)))

    @property
    def granted(self):
        return self["xep_0356"].granted_privileges

    async def start(self):
        """Connected, and its privileges have been advertised."""
        told = asyncio.get_running_loop().create_future()
        self.add_event_handler("privileges_advertised",
                               lambda _: told.done() or told.set_result(None))
        self.connect()
        await asyncio.wait_for(told, DEADLINE)
        return self

    async def close(self):
        await self.disconnect(wait=1.0)
        await until(lambda: self.transport is None, "slixmpp's component has ended")
        if self._run_out_filters:
            self._run_out_filters.cancel()

# SPDX-License-Identifier: MIT
"""The table of a run, for people and as Markdown."""

import statistics

NONE, FAILED = "-", "failed"


def number(x, digits=1):
    return f"{x:,.0f}" if x >= 100 else f"{x:.{digits}f}"


class Table:
    """`readings` is {(server, job): [line of xmppload]}, or None where a job failed; a job that a
    server cannot do is not in it, and may have its reason in `skipped`."""

    def __init__(self, servers, rows, readings, skipped, details=False):
        self.servers, self.readings, self.skipped = servers, readings, skipped
        self.heads = ["", *(s.title for s in servers)]
        self.ratio = {"floor", "switchyard"} <= {s.name for s in servers}
        if self.ratio:
            self.heads.append("ours / floor")
        self.lines = []
        for row in rows:
            self.lines.append(self._row(row))
            if details and row.details:
                self.lines += [self._detail(row, "- a second, on so many cores", self._rate),
                               self._detail(row, "- p50 / p99, ms", self._latency)]

    # --- cells ----------------------------------------------------------------------------------
    def _lines_of(self, row, server):
        """None: failed, []: there is none."""
        lines = self.readings.get((server.name, row.job), [])
        return lines and [line for line in lines if row.op in ("", line["op"])]

    def _values(self, row, server):
        lines, base = self._lines_of(row, server), 0
        if row.above:
            below = self.readings.get((server.name, row.above), [])
            if not below:
                return below if lines is not None else None
            base = statistics.median(line[row.field] for line in below)
        return lines and [(line[row.field] - base) * row.scale for line in lines]

    def _row(self, row):
        cells, median = [row.title], {}
        for server in self.servers:
            values = self._values(row, server)
            if not values:
                cells.append(FAILED if values is None else
                             self.skipped.get((server.name, row.job)) or NONE)
                continue
            median[server.name] = statistics.median(values)
            least = f" ({number(min(values), row.digits)})" if len(values) > 1 else ""
            cells.append(number(median[server.name], row.digits) + least)
        if self.ratio:
            ours, floor = median.get("switchyard"), median.get("floor")
            cells.append(f"{ours / floor:.1f}" if ours and floor else NONE)
        return cells

    def _detail(self, row, title, text):
        cells = [title]
        for server in self.servers:
            lines = self._lines_of(row, server)
            cells.append(text(lines) if lines else NONE)
        return cells + [""] * self.ratio

    @staticmethod
    def _rate(lines):
        return (f"{number(statistics.median(line['rate'] for line in lines))} @ "
                f"{statistics.median(line['cores'] for line in lines):.1f}")

    @staticmethod
    def _latency(lines):
        return " / ".join(number(statistics.median(line[f] for line in lines))
                          for f in ("p50_ms", "p99_ms"))

    # --- the whole ------------------------------------------------------------------------------
    def text(self):
        widths = [max(map(len, column)) for column in zip(self.heads, *self.lines)]

        def line(cells):
            return "  ".join([cells[0].ljust(widths[0]),
                              *(c.rjust(w) for c, w in zip(cells[1:], widths[1:]))]).rstrip()

        return "\n".join(line(cells) for cells in [self.heads, *self.lines])

    def markdown(self):
        rule = ["---"] + ["---:"] * (len(self.heads) - 1)
        return "\n".join("| " + " | ".join(cells) + " |"
                         for cells in [self.heads, rule, *self.lines])

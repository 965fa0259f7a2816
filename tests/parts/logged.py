"""
A log whose lines a test can look at.
"""

import json
from typing import Any, cast

from proxy.log import LineWriter, build_log


class Logged:
    """
    `log` is a real one of the supervisor; what is written to it is in `lines`, parsed.
    """

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.log = build_log("supervisor", cast("LineWriter", self))

    def write(self, line: str) -> None:
        """
        As `LineWriter.write`.
        """
        self.lines.append(json.loads(line))

    debug = info = warning = error = critical = write

    @property
    def events(self) -> list[str]:
        """
        What was told, in order.
        """
        return [line["event"] for line in self.lines]

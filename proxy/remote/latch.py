"""
Whether a kill has been taken, as far as that can be seen without control: from what the supervisor answers and keeps.
"""

import json
from time import sleep

from proxy.clock import monotonic
from proxy.errors import RemoteError
from proxy.remote.call import call
from proxy.remote.find import Target
from proxy.remote.registry import Entry

# The supervisor looks for the kill file four times a second, and every worker obeys within one.
PATIENCE = 1.5
LOOK_EVERY = 0.1
HEALTH_SECONDS = 0.5
LARGEST = 64 * 1024


class Latch:
    """
    The kill latch of the supervisor that `entry` names, looked at from outside.
    """

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._before = self._on_disk()

    def is_set(self) -> bool:
        """
        Is it set now? The supervisor's own word counts; without one, what changed on disk since we began to look.
        """
        told = self._told()
        if told is not None:
            return told
        now = self._on_disk()
        # What was there before isn't believed: on a full disk it may be of old.
        return now != self._before and now[0]

    def becomes_set(self) -> bool:
        """
        Will it be, within `PATIENCE`?
        """
        end = monotonic() + PATIENCE
        while not (found := self.is_set()) and monotonic() < end:
            sleep(LOOK_EVERY)
        return found

    def _told(self) -> bool | None:
        try:
            answer = call(Target(url=f"http://{self._entry.health}"), "GET", "/readyz", seconds=HEALTH_SECONDS)
        except RemoteError:
            return None
        return answer.text.endswith(", killed")

    def _on_disk(self) -> tuple[bool, int]:
        try:
            with (self._entry.state / "latch.json").open("rb") as file:
                raw = json.loads(file.read(LARGEST))
            return bool(raw["killed"]), int(raw["number"])
        except (OSError, KeyError, TypeError, ValueError):
            return False, 0

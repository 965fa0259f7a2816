"""
Whether a kill has been taken, as far as that can be seen without control: from what the supervisor answers and keeps.
"""

import json
from dataclasses import dataclass
from time import sleep
from typing import Any

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
# How `/readyz` ends while the latch is set.
KILLED = ", killed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """
    What the supervisor itself says: whether it is ready or why not, and whether the kill latch is set; None where it
    says nothing, and what it keeps on disk is all there is to go by. `who`: by whom it was set, when and why.
    """

    ready: bool
    reason: str
    killed: bool | None
    who: str = ""


def word_of(entry: Entry) -> Word:
    """
    Ask the supervisor that `entry` names, which answers whatever has become of control.
    """
    who = _who(entry)
    try:
        answer = call(Target(url=f"http://{entry.health}"), "GET", "/readyz", seconds=HEALTH_SECONDS)
    except RemoteError as error:
        return Word(ready=False, reason=str(error), killed=None, who=who)
    killed = answer.text.endswith(KILLED)
    reason = "" if answer.status == 200 else answer.text.removesuffix(KILLED)
    return Word(ready=answer.status == 200, reason=reason, killed=killed, who=who)


def _who(entry: Entry) -> str:
    raw = _on_disk(entry)
    if not raw.get("killed"):
        return ""
    why = f": {raw['reason']}" if raw.get("reason") else ""
    return f"by {raw.get('by') or 'somebody'} at {raw.get('at')}{why}"


def _on_disk(entry: Entry) -> dict[str, Any]:
    try:
        with (entry.state / "latch.json").open("rb") as file:
            raw = json.loads(file.read(LARGEST))
    except (OSError, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}


class Latch:
    """
    The kill latch of the supervisor that `entry` names, looked at from outside.
    """

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._before = self._kept()

    def is_set(self) -> bool:
        """
        Is it set now? The supervisor's own word counts; without one, what changed on disk since we began to look.
        """
        told = word_of(self._entry).killed
        if told is not None:
            return told
        now = self._kept()
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

    def _kept(self) -> tuple[bool, int]:
        raw = _on_disk(self._entry)
        try:
            return bool(raw["killed"]), int(raw["number"])
        except (KeyError, TypeError, ValueError):
            return False, 0

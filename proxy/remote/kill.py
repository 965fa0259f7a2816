"""
`parallax kill`: everything to old, whatever else is broken. Three ways, tried in turn until one is seen to work.

The API needs control; the kill file needs a disk, and a supervisor that looks at it; the signal needs the supervisor
alone. None needs the others, and doing two of them does no harm.
"""

import json
import os
import pwd
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

from proxy.clock import monotonic
from proxy.errors import RemoteError
from proxy.remote.call import ask, call
from proxy.remote.find import Target
from proxy.remote.registry import Entry, send_signal
from proxy.remote.show import having

API_SECONDS = 2.0
# The supervisor looks for the file four times a second, and every worker obeys within one.
SEEN_SECONDS = 1.5
LOOK_EVERY = 0.1
HEALTH_SECONDS = 0.5
LARGEST = 64 * 1024

EFFECT = "everything goes to old and nothing is copied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    How it went. `way` is the one that worked: "api", "file" or "signal", None if none did. `seen`: the effect was
    looked for and seen. `said` is the last word for people.
    """

    way: str | None
    seen: bool
    said: str

    def as_values(self) -> dict[str, Any]:
        """
        For scripts.
        """
        return {"killed": self.way is not None, "way": self.way, "seen": self.seen, "said": self.said}


def kill(target: Target, reason: str, kill_file: Path | None, tell: Callable[[str], None]) -> Outcome:
    """
    Kill the Parallax at `target`; `kill_file` is where it was said that it looks, None if only its entry knows. What
    doesn't work is told at once: whoever waits should know why.
    """
    entry = target.entry
    eyes = _Eyes(target)

    # Ask it...
    try:
        _, weights = ask(target, "POST", "/admin/kill", {"reason": reason}, seconds=API_SECONDS)
        return Outcome(way="api", seen=True, said=f"killed {target.url}: {EFFECT}, {having(weights)}")
    except RemoteError as error:
        tell(f"the API: {error}")
        if eyes.see():
            return Outcome(way="api", seen=True, said=f"killed all the same: {EFFECT}")

    # ... or lay the file there...
    path = kill_file or (None if entry is None else entry.kill_file)
    made = path is not None and _lay(path, reason, tell)
    if made and (not eyes.open or eyes.wait()):
        seen = "" if eyes.open else "; a Parallax that looks there obeys within 1 s, which can't be seen from here"
        return Outcome(way="file", seen=eyes.open, said=f"killed by the file {path}: {EFFECT}{seen}")
    if made:
        tell(f"the file: {path} is there, and nothing was seen to come of it within {SEEN_SECONDS:g} s")

    # ... or signal the supervisor.
    if entry is not None:
        try:
            send_signal(entry, signal.SIGUSR1)
        except RemoteError as error:
            tell(f"the signal: {error}")
        else:
            if eyes.wait():
                return Outcome(way="signal", seen=True, said=f"killed by SIGUSR1 to {entry.pid}: {EFFECT}")
            tell(f"the signal: sent to {entry.pid}, and nothing was seen to come of it within {SEEN_SECONDS:g} s")
    if made and eyes.killed_before:
        return Outcome(
            way="file", seen=False, said=f"killed before, as its state on disk has it; {path} holds it there"
        )
    return Outcome(way=None, seen=False, said=_lost(target, entry, path))


def _lay(path: Path, reason: str, tell: Callable[[str], None]) -> bool:
    """
    Make the kill file, whole at once; True if it is there afterwards.
    """
    said = json.dumps({"by": _user(), "reason": reason}).encode()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        return True
    except OSError as error:
        tell(f"the file: {path} can't be made ({(error.strerror or 'refused').lower()})")
        return False
    try:
        os.write(descriptor, said)
    except OSError:
        # A full disk has room for a name. That it is there is all that counts.
        pass
    finally:
        os.close(descriptor)
    return True


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"


def _lost(target: Target, entry: Entry | None, path: Path | None) -> str:
    if path is None and entry is None:
        return (
            f"not killed: no Parallax of this user runs on this machine at {target.url}; "
            "name its kill file with --kill-file PATH, or its configuration with -c FILE"
        )
    if entry is None:
        return f"not killed: only the API and {path} were known, and neither worked"
    return (
        f"not seen to be killed: is the supervisor (process {entry.pid}) stopped? "
        f"It obeys when it goes on: kill -CONT {entry.pid}"
    )


class _Eyes:
    """
    Looks whether the latch is set, at what the supervisor answers and keeps, which needs no control. Not `open`: there
    is nothing to look at.
    """

    def __init__(self, target: Target) -> None:
        self._entry = target.entry
        self.open = target.entry is not None
        self.killed_before, self._number = self._latch()

    def see(self) -> bool:
        """
        Is it set now? What is on disk isn't believed when it said so before: a full disk keeps what was.
        """
        if self._entry is None:
            return False
        if self._told(self._entry.health):
            return True
        killed, number = self._latch()
        return killed and number != self._number

    def wait(self) -> bool:
        """
        Will it be, within `SEEN_SECONDS`?
        """
        end = monotonic() + SEEN_SECONDS
        while not (seen := self.see()) and monotonic() < end:
            sleep(LOOK_EVERY)
        return seen

    def _told(self, health: str) -> bool:
        try:
            return "killed" in call(Target(url=f"http://{health}"), "GET", "/readyz", seconds=HEALTH_SECONDS).text
        except RemoteError:
            return False

    def _latch(self) -> tuple[bool, int]:
        if self._entry is None:
            return False, 0
        try:
            with (self._entry.state / "latch.json").open("rb") as file:
                raw = json.loads(file.read(LARGEST))
            return bool(raw["killed"]), int(raw["number"])
        except (OSError, KeyError, TypeError, ValueError):
            return False, 0

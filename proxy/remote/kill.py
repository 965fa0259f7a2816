"""
`parallax kill`: everything to old, whatever else is broken. Three ways, tried in turn until one is seen to work.

The API needs control; the kill file needs a disk, and a supervisor that looks at it; the signal needs the supervisor
alone. None needs the others, and doing two of them does no harm.
"""

import json
import os
import pwd
import shlex
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy.errors import RemoteError
from proxy.remote.call import ask
from proxy.remote.find import Target
from proxy.remote.latch import PATIENCE, Latch
from proxy.remote.registry import Entry, send_signal
from proxy.remote.show import having, lagging_in, warning_lines

# A worker that lags, or a disk, is waited for in control for 2 s before it answers.
API_SECONDS = 2.5
EFFECT = "everything goes to old and nothing is copied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    How it went. `way` is the one that worked: "api", "file" or "signal", None if none did. `seen`: the effect was
    looked for and seen. `said` is the last word for people; `file` was laid, and keeps `restore` from working.
    """

    way: str | None
    seen: bool
    said: str
    file: Path | None = None

    def back(self, options: Mapping[str, object]) -> str:
        """
        How it is undone, by a command with those of these options that have a value.
        """
        remove = "" if self.file is None else f"rm {shlex.quote(str(self.file))}; "
        given = "".join(f" {name} {shlex.quote(str(value))}" for name, value in options.items() if value is not None)
        return f'{remove}parallax restore{given} --reason "…"'

    def as_values(self) -> dict[str, Any]:
        """
        For scripts.
        """
        file = None if self.file is None else str(self.file)
        return {"killed": self.way is not None, "way": self.way, "seen": self.seen, "said": self.said, "file": file}


def kill(target: Target, reason: str, kill_file: Path | None, tell: Callable[[str], None]) -> Outcome:
    """
    Kill the Parallax at `target`; `kill_file` is where it was said that it looks, None if only its entry knows. What
    doesn't work is told at once: whoever waits should know why.
    """
    entry = target.entry
    latch = None if entry is None else Latch(entry)

    # Ask it...
    try:
        _, weights = ask(target, "POST", "/admin/kill", {"reason": reason}, seconds=API_SECONDS)
        # With not one worker obeying, the supervisor may hang: its own word counts then.
        if latch is None or len(lagging_in(weights)) < len(weights["workers"]) or latch.is_set():
            for warning in warning_lines(weights):
                tell(warning)
            return Outcome(way="api", seen=True, said=f"killed {target.url}: {EFFECT}, {having(weights)}")
        tell("the API: control took it, but not one worker has it yet, nor does the supervisor say so")
    except RemoteError as error:
        tell(f"the API: {error}")
        if latch is not None and latch.is_set():
            return Outcome(way="api", seen=True, said=f"killed all the same: {EFFECT}")

    # ... or lay the file there...
    path = kill_file or (None if entry is None else entry.kill_file)
    laid = path if path is not None and _lay(path, reason, tell) else None
    if laid is not None:
        if latch is None:
            unseen = "a Parallax that looks there obeys within 1 s, which can't be seen from here"
            return Outcome(way="file", seen=False, said=f"{laid} is laid: {unseen}", file=laid)
        if latch.becomes_set():
            return Outcome(way="file", seen=True, said=f"killed by the file {laid}: {EFFECT}", file=laid)
        tell(f"the file: {laid} is there, and nothing was seen to come of it within {PATIENCE:g} s")

    # ... or signal the supervisor.
    if entry is not None and latch is not None:
        try:
            send_signal(entry, signal.SIGUSR1)
        except RemoteError as error:
            tell(f"the signal: {error}")
        else:
            if latch.becomes_set():
                return Outcome(way="signal", seen=True, said=f"killed by SIGUSR1 to {entry.pid}: {EFFECT}", file=laid)
            tell(f"the signal: sent to {entry.pid}, and nothing was seen to come of it within {PATIENCE:g} s")
    return Outcome(way=None, seen=False, said=_lost(target, entry, path), file=laid)


def _lay(path: Path, reason: str, tell: Callable[[str], None]) -> bool:
    """
    Make the kill file; True if it is there afterwards.
    """
    said = json.dumps({"by": f"{_user()} by file", "reason": reason}, ensure_ascii=False).encode(errors="replace")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # Whole at once, so that the supervisor reads who and why...
        _write(draft, said)
        os.link(draft, path)
    except FileExistsError:
        return path.exists() or _touch(path, tell)
    except OSError:
        # ... but that it is there is all that counts: a full disk has no room for words, and some no links.
        return _touch(path, tell)
    finally:
        with suppress(OSError):
            draft.unlink()
    return True


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _touch(path: Path, tell: Callable[[str], None]) -> bool:
    try:
        path.touch()
    except OSError as error:
        tell(f"the file: {path} can't be made ({(error.strerror or 'refused').lower()})")
        return False
    return True


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"


def _lost(target: Target, entry: Entry | None, path: Path | None) -> str:
    if entry is not None:
        return (
            f"not seen to be killed: is the supervisor (process {entry.pid}) stopped? "
            f"It obeys when it goes on: kill -CONT {entry.pid}"
        )
    if path is not None:
        return f"not killed: only the API and {path} were known, and neither worked"
    return (
        f"not killed: no Parallax of this user runs on this machine at {target.url}; "
        "name its kill file with --kill-file PATH, or its configuration with -c FILE"
    )

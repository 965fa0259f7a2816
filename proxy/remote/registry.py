"""
Which Parallaxes run on this machine: every supervisor leaves an entry, one file for each admin port.

Believed is only what nobody else can have put there, and only while the supervisor that it names holds its lock: an
entry of one that was killed stays behind, and its process id may be somebody else's by now.
"""

import fcntl
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from proxy.errors import ConfigurationError, RemoteError
from proxy.remote.private import is_own_folder, read_own


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    A supervisor's own word: where it answers (`admin` and `health`, "host:port"), who it is, and where it keeps what.
    `certificate` is the admin port's, None when that has no TLS; `token_file` is where a token that was made lies.
    """

    admin: str
    health: str
    pid: int
    lock: Path
    state: Path
    kill_file: Path | None
    token_file: Path | None
    certificate: Path | None


def folders(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """
    Where entries may lie: a service has no XDG_RUNTIME_DIR, the shell of the operator that asks for it has. A folder
    that is named is the only one.
    """
    if (named := Path(environment.get("PARALLAX_RUNTIME_DIR", ""))).is_absolute():
        return (named,)
    user, told = os.geteuid(), environment.get("XDG_RUNTIME_DIR", "")
    found = [Path(told) / "parallax"] if Path(told).is_absolute() else []
    return tuple(dict.fromkeys([*found, Path(f"/run/user/{user}/parallax"), Path(f"/tmp/parallax-{user}")]))  # noqa: S108 - looked at before it is believed


def running(places: tuple[Path, ...]) -> tuple[Entry, ...]:
    """
    Those that run now, folder by folder, and there by port: a trial in one's own session must not hide the service.
    """
    files = [file for folder in places if is_own_folder(folder) for file in sorted(folder.glob("*.json"))]
    return tuple(entry for file in files if (entry := _read(file)) is not None and is_held(entry))


def at_state(entry: Entry) -> Entry | None:
    """
    The same entry with the process id that its lock names, None if nobody holds that: for one that was made up from a
    configuration.
    """
    try:
        found = replace(entry, pid=int(entry.lock.read_bytes()[:32]))
    except (OSError, ValueError):
        return None
    return found if is_held(found) else None


def is_held(entry: Entry) -> bool:
    """
    Does this entry's supervisor hold its lock?
    """
    try:
        descriptor = os.open(entry.lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # Shared, so that two who look at once don't take each other for a supervisor.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 32, 0).strip() == str(entry.pid).encode()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def send_signal(entry: Entry, number: signal.Signals) -> None:
    """
    A signal to the supervisor, and to no other process. Raises `RemoteError` when it is gone.
    """
    gone = RemoteError(f"the supervisor (process {entry.pid}) is gone; start `parallax serve`")
    try:
        # Whoever this is: it is signalled only if the lock is held by this number after it was opened.
        process = os.pidfd_open(entry.pid)
    except OSError:
        raise gone from None
    try:
        if not is_held(entry):
            raise gone
        # Whoever can write the lock could name any process in it; this one has to be theirs.
        if Path(f"/proc/{entry.pid}").stat().st_uid != entry.lock.stat().st_uid:
            raise PermissionError(0, "it belongs to another user than its lock")
        signal.pidfd_send_signal(process, number)
    except OSError as error:
        raise RemoteError(f"process {entry.pid} can't be signalled ({(error.strerror or 'refused').lower()})") from None
    finally:
        os.close(process)


def _read(file: Path) -> Entry | None:
    try:
        return _parse(json.loads(read_own(file)))
    except (ConfigurationError, KeyError, TypeError, ValueError):
        return None


def _parse(raw: Any) -> Entry:
    return Entry(
        admin=_text(raw["admin"]),
        health=_text(raw["health"]),
        pid=int(raw["pid"]),
        lock=Path(_text(raw["lock"])),
        state=Path(_text(raw["state"])),
        kill_file=_path(raw["kill_file"]),
        token_file=_path(raw["token_file"]),
        certificate=_path(raw["certificate"]),
    )


def _path(value: Any) -> Path | None:
    return None if value is None else Path(_text(value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value

"""
What `serve` starts, and the first steps with it: addresses, what a predecessor left, and how to be found.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import sleep

from proxy.clock import monotonic
from proxy.compare.judging import JudgingTable, with_learned
from proxy.errors import ConfigurationError
from proxy.log import Log
from proxy.routing.intent import intent_of
from proxy.routing.table import Table
from proxy.supervise.claims import CLAIMS, find_claims
from proxy.supervise.lock import LOCK
from proxy.supervise.memory import Found, find
from proxy.supervise.registry import Entry
from proxy.supervise.sockets import Listeners, open_listeners

LISTEN_TRY_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """
    Addresses are (host, port) as configured, port 0 for any free one; times are seconds.

    The commands get their file descriptors appended: LINK_FD LISTEN_FD for a worker, LINK_FD LISTEN_FD HAND_FD for a
    comparer, LINK_FD ADMIN_FD for control. A worker or comparer that isn't ready `ready_timeout` after its start, or
    that is silent for `silence_timeout`, is killed and replaced, and so is control for the lack of its first or a later
    pulse. A comparer gets `comparer_memory` bytes of address space, 0 for any number.

    `setup` is for control, unread; `judging` is what comparers judge by at first. The folder `state` keeps the table,
    the judging table, the lists of endpoints and the kill latch, and its lock; the latch is set where `kill_file`
    appears. `token_file` and `certificate` are for commands that look for a running Parallax.
    `named` are those keys of the table's intent that the configuration names: of the others it has no opinion.
    """

    table: Table
    listen: tuple[str, int]
    health: tuple[str, int]
    admin: tuple[str, int]
    setup: bytes = b""
    judging: JudgingTable = field(default_factory=lambda: JudgingTable(version=1))
    state: Path | None = None
    kill_file: Path | None = None
    token_file: Path | None = None
    certificate: Path | None = None
    named: tuple[str, ...] = ("weights.new", "mirror.percent")
    workers: int = 1
    comparers: int = 0
    comparer_memory: int = 0
    drain_delay: float = 5.0
    drain_timeout: float = 28.0
    ready_timeout: float = 10.0
    silence_timeout: float = 5.0
    first_pulse_timeout: float = 20.0
    pulse_timeout: float = 10.0
    worker_command: tuple[str, ...] = (sys.executable, "-m", "proxy.worker")
    comparer_command: tuple[str, ...] = (sys.executable, "-m", "proxy.comparer")
    control_command: tuple[str, ...] = (sys.executable, "-m", "proxy.control")


def listen(launch: Launch, patience: float) -> Listeners:
    """
    Bind the addresses, trying again for so many seconds while one is taken. Raises `ConfigurationError`.
    """
    end = monotonic() + patience
    while True:
        try:
            return open_listeners(
                listen=launch.listen, health=launch.health, admin=launch.admin, workers=launch.workers
            )
        except ConfigurationError:
            if monotonic() >= end:
                raise
        sleep(LISTEN_TRY_SECONDS)


def recollect(launch: Launch, log: Log) -> Found:
    """
    What a predecessor left. The operator hears where that departs from what is configured, and how to change it.
    """
    if launch.state is None:
        return Found()
    first = intent_of(launch.table)
    found = replace(find(launch.state, first, log), claims=find_claims(launch.state / CLAIMS, log))
    rules = found.intent or first
    for key, configured, in_force, command in (
        ("weights.new", first.new, rules.new, f"parallax weights set --new {first.new:g} --reason …"),
        ("mirror.percent", first.mirror, rules.mirror, f"parallax mirror set --percent {first.mirror:g} --reason …"),
    ):
        if key in launch.named and configured != in_force:
            log.warning("not_in_force", key=key, configured=configured, in_force=in_force, remedy=command)
    return found


def judging_table(launch: Launch, found: Found) -> JudgingTable:
    """
    The judging table to begin with: rules as configured, noise and waivers as they were. Its version is above those
    that were in use, unless it is the same.
    """
    kept = found.judging
    if kept is None:
        return launch.judging
    table = replace(with_learned(launch.judging, kept), version=kept.version)
    return table if table == kept else replace(table, version=kept.version + 1)


def entry_of(launch: Launch, state: Path, addresses: Mapping[str, str], pid: int) -> Entry:
    """
    What commands get to know of this run; `addresses` are the bound ones.
    """
    return Entry(
        admin=addresses["admin"],
        health=addresses["health"],
        pid=pid,
        lock=str(state / LOCK),
        state=str(state),
        kill_file=_text(launch.kill_file),
        token_file=_text(launch.token_file),
        certificate=_text(launch.certificate),
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)

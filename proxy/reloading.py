"""
Reading the configuration again: when the file is worth it, what may change without a restart, and what comes of it.

Nothing here puts anything in force; that is `Steering.reload`. The settings are imported when they are needed: they
take half a second, which a starting control doesn't have.
"""

import asyncio
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from proxy.compare.judging import JudgingTable
from proxy.errors import ConfigurationError
from proxy.link.setup import Setup
from proxy.routing.table import Table
from proxy.threads import on_thread

if TYPE_CHECKING:
    from proxy.plan.facts import Facts

# Reading the configuration takes 0.6 s the first time.
READ_WAIT: Final = 10.0
LARGEST: Final = 4 * 1024 * 1024
# Of files that a configuration names: lists of keys are the longest. From LARGE on a file is read again only when it
# isn't the one that it was: hashing 64 MiB takes 50 ms.
LARGEST_NAMED: Final = 64 * 1024 * 1024
LARGE: Final = 1024 * 1024
GONE: Final = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """
    A configuration that can be used. The intent in `table` is that of a first start; `judging` is what it says of
    judging, and its version means nothing.
    """

    table: Table
    judging: JudgingTable
    setup: Setup
    warnings: tuple[str, ...]


class Showing(NamedTuple):
    """
    What a look at the configuration and at the PEM files that it names shows, in short; `content` is "" without a file.
    """

    content: str
    files: str


class Watch:
    """
    Says when the configuration is to be read again: when two looks in a row show the same, which is neither in force
    nor known to be refused. Half a file is seen once at most, by whoever looks seldom enough.
    """

    def __init__(self) -> None:
        self._seen: Showing | None = None
        self._tried: Showing | None = None

    def is_due(self, shown: Showing, in_force: Showing) -> bool:
        """
        `shown` is what a look showed, `in_force` what the present configuration was read from.
        """
        agrees, self._seen = shown == self._seen, shown
        # What was refused may be in force again: then reading it once more takes the refusal back.
        if not agrees or shown == (in_force if self._tried is None else self._tried):
            return False
        self._tried = None if shown == in_force else shown
        return True


def read_from(setup: Setup) -> Showing:
    """
    What a setup was read from.
    """
    return Showing(setup.content, _together(setup.files))


def show(setup: Setup) -> Showing:
    """
    What the files of a setup show now. Raises `ConfigurationError` as `look` does, for the configuration. Blocks.
    """
    content = "" if setup.file is None else content_of(look(setup.file))
    return Showing(content, _together((name, _shown(name, before)) for name, before in setup.files))


def _shown(name: str, before: str) -> str:
    try:
        found = Path(name).stat()
        if found.st_size < LARGE:
            return content_of(look(name))
        return _large(name, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    except OSError:
        return GONE
    except ConfigurationError:
        # It could be read once, and can't be looked at.
        return before


@lru_cache(maxsize=64)
def _large(name: str, *_is: int) -> str:
    return content_of(look(name, LARGEST_NAMED))


def _together(files: Iterable[tuple[str, str]]) -> str:
    return " ".join(content for _, content in files)


def content_of(data: bytes | None) -> str:
    """
    What a look at a file showed, in short.
    """
    return GONE if data is None else sha256(data).hexdigest()


def look(file: str, largest: int = LARGEST) -> bytes | None:
    """
    What the file holds, None if it can't be read. By its path and not by its inode or time: Kubernetes swaps a link,
    editors rename. Raises `ConfigurationError` for a pipe or a terminal, which can be read only once. Blocks.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        if stat.S_ISDIR(kind):
            # Somebody is moving things about; it may be a file again at the next look.
            return None
        raise ConfigurationError(f"{file}: is no regular file, so it was read once and can't be again; restart")
    with os.fdopen(descriptor, "rb") as opened:
        try:
            data = opened.read(largest + 1)
        except OSError:
            return None
    if len(data) > largest:
        raise ConfigurationError(f"{file}: is longer than {largest} bytes; name a configuration")
    return data


def read(setup: Setup, content: str | None) -> Configuration | None:
    """
    The configuration that Parallax would be started with now, as it was started; None if `content` is given and the
    file has changed since it showed that. Raises `ConfigurationError` with every problem, also for what needs a
    restart. Blocks.
    """
    from proxy.settings.load import load
    from proxy.settings.setup import build_setup
    from proxy.settings.table import build_judging, build_table

    file, options = None if setup.file is None else Path(setup.file), dict(setup.options)
    data = None if setup.file is None else look(setup.file)
    if setup.file is not None and content is not None and content_of(data) != content:
        return None
    loaded = load(file, environment=os.environ, options=options, data=data)
    again = build_setup(loaded, file=file, options=options, environment=os.environ)
    if problems := refuse_fixed(setup, again):
        raise ConfigurationError(*problems)
    table = build_table(
        loaded.settings, loaded.folder, loaded.authorities, loaded.values, loaded.endpoints, loaded.texts
    )
    judging = build_judging(loaded.settings, version=0, values=loaded.values)
    return Configuration(table=table, judging=judging, setup=again, warnings=loaded.warnings)


def plan_facts(setup: Setup) -> "Facts":
    """
    What the configuration says that a plan relies on, as the file has it now. Raises `ConfigurationError`. Blocks.
    """
    from proxy.plan.facts import facts_of
    from proxy.settings.load import load

    file = None if setup.file is None else Path(setup.file)
    loaded = load(file, environment=os.environ, options=dict(setup.options), is_to_serve=False)
    return facts_of(loaded.settings)


async def read_in_time(setup: Setup, content: str | None) -> Configuration | None:
    """
    As `read`, on a thread, and refused when it takes longer than `READ_WAIT`.
    """
    try:
        return await asyncio.wait_for(on_thread("read the configuration", lambda: read(setup, content)), READ_WAIT)
    except TimeoutError:
        said = f"could not be read within {READ_WAIT:g} s; look at the disk that it is on"
        raise ConfigurationError(f"{setup.file}: {said}") from None


def refuse_fixed(before: Setup, after: Setup) -> list[str]:
    """
    A sentence for every key that only a restart can change.
    """
    were, where = dict(before.fixed), after.file or "the command line"
    return [
        f"{where}: {key}: {text} needs a restart, {were.get(key)} is in force; restart Parallax, or write that to have "
        "the rest reloaded"
        for key, text in after.fixed
        if text != were.get(key)
    ]


def doubts(before: Table, after: Table) -> list[str]:
    """
    What a reload does to users that its author may not have meant.
    """
    if before.sticky == after.sticky or after.weight in {0.0, 100.0}:
        return []
    said = f"sticky.key or sticky.salt changed while {after.weight:g} % are on new, so users change sides"
    return [f"{said}; change them while new is at 0 or 100"]

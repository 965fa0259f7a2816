"""
What a table needs that is read or loaded off the loop before it can be in force: files of sticky keys, and the library
that verifies tokens.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import sleep

from proxy.routing.claims import PEM
from proxy.routing.keyset import KeySet
from proxy.routing.route import KeyFile
from proxy.routing.table import Table
from proxy.threads import Thread

LIBRARY = "jwt.algorithms"


class KeyFiles:
    """
    `sets` are what the files hold that tables name; `warn` is told of those that can't be read, `count` of how many
    keys the others have.
    """

    def __init__(self, warn: Callable[[str], None], count: Callable[[str], None] = lambda _: None) -> None:
        self.sets: dict[KeyFile, KeySet] = {}
        self._warn = warn
        self._count = count
        self._thread = Thread("key files")
        self._prepared = False

    def lacks(self, table: Table) -> bool:
        """
        Whether something is to be read first.
        """
        return any(file not in self.sets for file in key_files(table)) or self._is_to_prepare(table)

    async def read(self, table: Table) -> None:
        """
        Have all that a table needs. Of a file that can't be read, what it held before counts on, or nothing: a cohort
        that nobody belongs to is better than nobody being served.
        """
        if self._is_to_prepare(table):
            self._prepared = True
            # Missing: the table that wants it is refused.
            with suppress(ImportError):
                await self._thread.run(_prepare)
        for file in key_files(table):
            if file in self.sets:
                continue
            try:
                self.sets[file] = keys = await self._thread.run(partial(read_keys, Path(file[0])))
                self._count(f"{file[0]}: {counted(keys)}")
            except OSError as error:
                last = [held for (name, _), held in self.sets.items() if name == file[0]]
                self.sets[file] = last[-1] if last else KeySet()
                then = "what it held before counts on" if last else "nobody belongs to its cohort"
                self._warn(f"{file[0]}: can't be read ({(error.strerror or 'unreadable').lower()}); {then}")

    def forget(self, table: Table) -> None:
        """
        Only this table is in force from now on.
        """
        named = key_files(table)
        self.sets = {file: keys for file, keys in self.sets.items() if file in named}

    def _is_to_prepare(self, table: Table) -> bool:
        return not self._prepared and table.claims_key.startswith(PEM) and LIBRARY not in sys.modules


def key_files(table: Table) -> list[KeyFile]:
    """
    The files of keys that a table names.
    """
    return [cohort.match.keys for cohort in table.cohorts if cohort.match.keys is not None]


def counted(keys: KeySet) -> str:
    """
    How many keys there are, in words.
    """
    number = len(keys)
    return "1 key" if number == 1 else f"{number:,} keys"


def _prepare() -> None:
    # 0.1 s that no client should wait for.
    import jwt.algorithms  # noqa: F401


def read_keys(path: Path) -> KeySet:
    """
    The keys in a file. Blocks, and lets others have their turn meanwhile. Raises OSError.
    """
    keys = KeySet()
    for _ in keys.fill(path.read_bytes()):
        sleep(0)
    return keys

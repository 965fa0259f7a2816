"""
Which table a worker routes by: takes the latest, obeys the kill latch, and puts the outcome in force between two events
of the loop. What can't be put in force changes nothing.
"""

import asyncio
import resource
from collections.abc import Callable
from functools import partial
from ssl import SSLContext

from proxy.clock import monotonic, time
from proxy.course import Course
from proxy.exchange import begin
from proxy.keyfiles import KeyFiles
from proxy.leaving import Leaving
from proxy.metrics.books import Books
from proxy.mirror.budget import Budget
from proxy.mirror.pair import Judge, Pair, Pairs
from proxy.net.encrypted import listener_context
from proxy.net.front import Front, Terms
from proxy.plane import Plane
from proxy.recheck import Rechecks
from proxy.routing.intent import killed
from proxy.routing.table import Encryption, Table, decode, fitted
from proxy.sidefiles import SideFiles, Tell
from proxy.tasks import spawn
from proxy.threads import Thread
from proxy.wire.fields import request_names
from proxy.wire.request import RequestRules

# Seconds from one try to the next to read what a first table needs.
AGAIN = 1.0


class Tables:
    """
    `plane`, `front`, `rechecks` and `leaving` exist from the first table on. `judge` gets the pairs that bytes can't
    settle. `obeyed` is called whenever a table or the latch is in force, and `refused` with a sentence for a table that
    can't be, `tell` with an event of the log, its level and a sentence for what a table names and can't be read.
    """

    def __init__(
        self,
        books: Books,
        on_divergent: Callable[[Pair, int], None],
        *,
        obeyed: Callable[[], None],
        refused: Callable[[str], None],
        tell: Tell = lambda *_: None,
        judge: Judge | None = None,
    ) -> None:
        self.plane: Plane
        self.front: Front
        self.rechecks: Rechecks
        self.leaving: Leaving
        self.killed = False
        self._books = books
        self._on_divergent = on_divergent
        self._judge = judge
        self._obeyed = obeyed
        self._refused = refused
        self._names = request_names()
        # The table in force, but for the latch; and one that waits for certificates.
        self._table: Table | None = None
        self._wanted: Table | None = None
        self._sides = SideFiles(tell)
        self._served: dict[Encryption, SSLContext] = {}
        self._disk = Thread("certificates")
        self._reading = False
        self._keys = KeyFiles(partial(tell, "keys_unread", "error"), partial(tell, "keys_read", "info"))

    def take(self, payload: bytes) -> None:
        """
        Another table has come.
        """
        try:
            table = fitted(decode(payload), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
            latest = self._wanted or self._table
            if latest is not None and table.epoch < latest.epoch:
                self._refused(f"epoch {table.epoch} is over, {latest.epoch} has come already")
                return
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._refused(_words(error))
            return
        self._wanted = table
        self._go_on()

    def latch(self, is_killed: bool) -> None:
        """
        The kill latch has been set: everything to old, and copies under way end; or lifted: the table as it stands.
        """
        self.killed = is_killed
        if self._table is None:
            return
        self._put_in_force(self._table)
        if is_killed:
            self.plane.pairs.drop_all("off")
        self._obeyed()

    # Putting in force...

    def _go_on(self) -> None:
        """
        Put the wanted table in force, once everything that it needs is there.
        """
        table = self._wanted
        if table is None:
            return
        is_unserved = table.tls is not None and table.tls not in self._served
        if is_unserved or self._sides.lacks(table) or self._keys.lacks(table):
            if not self._reading:
                self._reading = True
                spawn(self._read(table), name="files of a table")
            return
        self._wanted = None
        try:
            self._put_in_force(table)
        except (AttributeError, ImportError, KeyError, TypeError, ValueError) as error:
            self._refused(_words(error))
            return
        self._sides.forget(table)
        self._served = {one: context for one, context in self._served.items() if one == table.tls}
        self._keys.forget(table)
        self._obeyed()

    async def _read(self, table: Table) -> None:
        """
        Read what a table names, while everybody goes on by the last one.
        """
        await self._keys.read(table)
        encryption = table.tls
        if encryption is not None and encryption not in self._served:
            try:
                self._served[encryption] = await self._disk.run(partial(listener_context, encryption))
            except (OSError, ValueError) as error:
                self._unread(encryption, error)
        why = await self._sides.read(table, is_first=self._table is None)
        # Unless another one has come meanwhile, with other sides.
        if why is not None and self._wanted is not None and self._wanted.addresses == table.addresses:
            self._wanted = None
            self._refused(why)
        self._reading = False
        self._go_on()

    def _unread(self, encryption: Encryption, error: Exception) -> None:
        """
        A certificate towards clients can't be read. Whoever serves goes on with the last. A worker that has just been
        started has none, and may have come between two files of a renewed one: it tries again until it can serve.
        """
        wanted = self._wanted
        if wanted is None or wanted.tls != encryption:
            return
        self._wanted = None
        self._refused(f"tls: {encryption.certificate} and {encryption.key} can't be used: {_words(error)}")
        if self._table is None:
            asyncio.get_running_loop().call_later(AGAIN, self._retry, wanted)

    def _retry(self, table: Table) -> None:
        if self._table is None and self._wanted is None:
            self._wanted = table
            self._go_on()

    def _put_in_force(self, table: Table) -> None:
        """
        Swap to this table, or to what the latch leaves of it. Exchanges that have begun keep what they began with.
        """
        in_force = killed(table) if self.killed else table
        if self._table is None:
            budget = Budget(table.mirror.memory_budget)
            pairs = Pairs(budget, table.mirror.max_body, self._diverged, self._judge)
            self.plane = Plane(Course(in_force, pairs, monotonic(), self._sides.contexts, self._keys.sets), self._books)
            self.plane.tally.life = f"{self.plane.bits(64):016x}"
            self.front = Front(self._terms(self.plane.course), self._books.error)
            self.front.now = self.plane.now
            self.rechecks = Rechecks(self.plane)
            self.leaving = Leaving(self.plane, self.front)
        else:
            plane = self.plane
            course = Course(in_force, plane.pairs, plane.now, self._sides.contexts, self._keys.sets, plane.course)
            terms = self._terms(course)
            plane.follow(course)
            self.front.terms = terms
            self.leaving.begin(plane.now)
        self.plane.tally.arm(table.events, table.sticky.salt.encode(), time())
        self._table = table

    def _diverged(self, pair: Pair, signature: int) -> None:
        self._on_divergent(pair, signature)
        self.rechecks.note(pair, signature)

    def _terms(self, course: Course) -> Terms:
        """
        What a course's table says to clients, and the exchanges that begin by it.
        """
        table = course.table
        tls = None if table.tls is None else self._served[table.tls]
        most_content = course.ways.most_content if course.ways.have_own_limits else None
        rules = RequestRules(self._names, table.limits)
        return Terms(table, rules, partial(begin, self.plane, course), most_content, tls)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"

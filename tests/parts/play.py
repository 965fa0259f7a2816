"""
Exchanges and tables in any order: whatever is seen of an exchange from outside has to be by one table, the one that was
in force when its head was complete.
"""

import socket
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, cast

from proxy.mirror.breaker import CLOSED
from proxy.net.client import ClientConnection
from proxy.net.upstream import UpstreamConnection
from proxy.routing.table import Table
from tests.parts.plane import NEW, OLD, Data
from tests.parts.transport import FakeTransport
from tests.parts.values import a_table

MARKER = b"X-Parallax-Shadow: 1"
SECRET = b"Authorization: secret"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
SIDES = (b"old", b"new")
# Tables that differ in everything that can be seen; eight of them in a row share their sides.
TABLES, SHARING = 64, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """
    What table `number` says, as far as it can be seen from outside.
    """

    number: int
    killed: bool

    @property
    def live(self) -> int:
        """
        Everything on one side: nobody rolls dice.
        """
        return NEW if self.number & 1 and not self.killed else OLD

    @property
    def mirrors(self) -> bool:
        """
        All or nothing.
        """
        return not self.number & 2 and not self.killed

    @property
    def strips(self) -> bool:
        """
        Credentials are kept from the shadow.
        """
        return bool(self.number & 4)

    @property
    def forwards(self) -> bool:
        """
        X-Forwarded-* are added.
        """
        return self.number % 3 > 0

    @property
    def dates(self) -> bool:
        """
        Date is added.
        """
        return self.number % 5 > 0

    @property
    def name(self) -> bytes:
        """
        How Parallax calls itself.
        """
        return b"p%d" % self.number

    def side(self, side: int) -> bytes:
        """
        The name of a side, in its host and its base.
        """
        return b"%b%d" % (SIDES[side], self.number // SHARING)

    def table(self, epoch: int) -> Table:
        """
        The same as a table.
        """
        sides: dict[str, Any] = {
            name.decode(): {
                "url": f"http://127.0.0.1:900{side}/{self.side(side).decode()}",
                "host": f"{self.side(side).decode()}.example",
            }
            for side, name in enumerate(SIDES)
        }
        credentials = "strip" if self.strips else "forward"
        made = a_table(
            **sides,
            weights={"new": 100 * (self.number & 1)},
            mirror={"percent": 0 if self.number & 2 else 100, "credentials": credentials, "concurrency": 10_000},
            pseudonym=self.name.decode(),
            forwarded=self.forwards,
            add_date=self.dates,
        )
        return replace(made, epoch=epoch)


class Logged(FakeTransport):
    """
    A connection to a side that tells what is written on it.
    """

    def __init__(self, play: "Play", connection: UpstreamConnection, name: bytes, role: str) -> None:
        self.name = name
        self.role = role
        self._log = play.log
        super().__init__(connection, *play.ends)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """
        Bytes for the side.
        """
        super().write(data)
        self._log.append((self, bytes(data)))


class Asked:
    """
    One exchange, from its first byte on.
    """

    def __init__(self, number: int, content: bytes) -> None:
        self.number = number
        lines = [b"GET /users/%d HTTP/1.1" % number, b"Host: a", SECRET]
        lines += [b"Content-Length: %d" % len(content)] if content else []
        self.unsent = b"\r\n".join(lines) + b"\r\n\r\n" + content
        self.content = len(content)
        self.law: Law | None = None
        self.is_to_be_copied = False
        self.legs: dict[str, Logged] = {}
        self.unanswered = {"live": b"k", "shadow": b"k"}
        self.begun: set[str] = set()

    def leg(self, role: str) -> Logged | None:
        """
        The connection that still owes an answer.
        """
        leg = self.legs.get(role)
        return leg if leg is not None and not leg.closed and self.unanswered[role] else None


class Caller:
    """
    A client, and what it asks; `waiting` are requests that it sent ahead.
    """

    def __init__(self, play: "Play") -> None:
        connection = ClientConnection(play.data.front, cast("Any", play.loop))
        self.transport = FakeTransport(connection, *play.ends)
        self.asked: Asked | None = None
        self.waiting: list[Asked] = []


class Play:
    """
    What may happen, one method each; every one leaves the play in a state that was checked. Choices are any integers.
    """

    def __init__(self, stack: ExitStack) -> None:
        self.law = Law(number=0, killed=False)
        self.ends = socket.socketpair()
        for end in self.ends:
            stack.callback(end.close)
        self.data = Data(stack)
        self.loop = self.data.loop
        self.log: list[tuple[Logged, bytes]] = []
        self.begun = self.answered = self.copied = self.refused = self.outlived = 0
        self.callers: list[Caller] = []
        self._epoch = 1
        self._numbers = 0
        self._begun: list[Asked] = []
        self._copies: list[Asked] = []
        self._upstream: list[Logged] = []
        self.data.swap(self.law.table(1))
        self.most = min(1000, self.data.plane.table.mirror.concurrency // 2, self.data.plane.table.limits.connections)

    # What operators do...

    def swap(self, choice: int) -> None:
        """
        Another table.
        """
        self._epoch += 1
        self.law = Law(number=choice % TABLES, killed=self.law.killed)
        self.data.swap(self.law.table(self._epoch))
        self._check()

    def latch(self, choice: int) -> None:
        """
        The kill latch is set, or lifted.
        """
        self.law = Law(number=self.law.number, killed=choice % 4 == 0)
        self.data.tables.latch(self.law.killed)
        if self.law.killed:
            assert not self.data.pairs.open, "nothing is being copied any more"
        self._check()

    # What clients do...

    def come(self, choice: int) -> None:
        """
        Another client.
        """
        if len(self.callers) < self.most:
            self.callers.append(Caller(self))

    def send(self, choice: int) -> None:
        """
        A client sends some of a request, or the rest of it; while it waits for an answer, the next request.
        """
        caller = self._caller(choice)
        if caller is None or not caller.transport.is_reading():
            return
        asked = caller.asked
        if asked is not None and not asked.unsent:
            self._send_ahead(caller, asked)
            return
        if asked is None:
            if caller.waiting:
                return
            asked = caller.asked = self._new(b"content" if choice % 2 else b"")
        size = choice // 7 % len(asked.unsent) + 1 if choice % 3 else len(asked.unsent)
        data, asked.unsent = asked.unsent[:size], asked.unsent[size:]
        if len(asked.unsent) <= asked.content and asked.law is None:
            self._begin(asked)
        caller.transport.feed(data)
        self._check()

    def _send_ahead(self, caller: Caller, asked: Asked) -> None:
        if not asked.content and len(caller.waiting) < 3:
            ahead = self._new(b"")
            caller.waiting.append(ahead)
            data, ahead.unsent = ahead.unsent, b""
            caller.transport.feed(data)
            self._check()

    def leave(self, choice: int) -> None:
        """
        A client goes away.
        """
        caller = self._caller(choice)
        if caller is not None:
            caller.transport.lose()
            self.callers.remove(caller)
            self._check()

    # What sides do...

    def answer(self, choice: int) -> None:
        """
        A live side answers some, or the rest, once it has the whole request.
        """
        caller = self._caller(choice)
        if caller is not None and caller.asked is not None and not caller.asked.unsent:
            self._answer(caller.asked, "live")

    def copy(self, choice: int) -> None:
        """
        A shadow side answers some, or the rest.
        """
        if self._copies:
            self._answer(self._copies[choice % len(self._copies)], "shadow")

    def _answer(self, asked: Asked, role: str) -> None:
        leg = asked.leg(role)
        if leg is None or leg.paused:
            return
        if role not in asked.begun:
            asked.begun.add(role)
            leg.feed(ANSWER + b"\r\no")
        else:
            asked.unanswered[role] = b""
            leg.feed(b"k")
        self._check()

    def reset(self, choice: int) -> None:
        """
        A connection to a side is reset; not one that served before, since that would be tried again.
        """
        caller = self._caller(choice)
        asked = None if caller is None else caller.asked
        leg = None if asked is None else asked.leg("live" if choice % 2 else "shadow")
        if leg is not None and not cast("UpstreamConnection", leg.protocol).reused:
            leg.lose(ConnectionResetError())
            self._check()

    def wait(self, choice: int) -> None:
        """
        Time passes: what was closed is gone, what is late has failed, what was sent ahead has its turn.
        """
        self.data.plane.tick(self.data.plane.now + choice % 4)
        self.data.front.now = self.data.plane.now
        self._check()
        while self.loop.calls:
            call = self.loop.calls.pop(0)
            caller = next((one for one in self.callers if one.transport.protocol is cast("Any", call).__self__), None)
            if caller is not None:
                caller.asked = caller.waiting.pop(0)
                self._begin(caller.asked)
            call()
            self._check()
        for transport in self._upstream:
            if transport.closed and not transport.lost:
                transport.lose()
        self._upstream = [transport for transport in self._upstream if not transport.lost]

    def end(self) -> None:
        """
        Everybody goes; the books balance.
        """
        while self.callers:
            self.leave(0)
        self.data.plane.tick(self.data.plane.now + 1000.0)
        self._check()
        self.data.settled()
        assert sum(self.data.entries().values()) == self.begun

    # What has to be true...

    def _caller(self, choice: int) -> Caller | None:
        return self.callers[choice % len(self.callers)] if self.callers else None

    def _new(self, content: bytes) -> Asked:
        self._numbers += 1
        return Asked(self._numbers, content)

    def _begin(self, asked: Asked) -> None:
        """
        The head will be complete now: this is the law, and there are connections.
        """
        asked.law = law = self.law
        self.begun += 1
        self._begun.append(asked)
        other, table = self.data.plane.sides[1 - law.live], self.data.plane.table
        asked.is_to_be_copied = (
            law.mirrors and other.breaker.state == CLOSED and other.copies < table.mirror.concurrency
        )
        for side in (OLD, NEW):
            for role in ("live", "shadow"):
                pool = self.data.pool(side, role)
                if not pool.places.all[0].idle:
                    connection = UpstreamConnection(pool, pool.places.all[0])
                    self._upstream.append(Logged(self, connection, law.side(side), role))
                    pool.give_back(connection)

    def _check(self) -> None:
        """
        All that was written since the last time.
        """
        for transport, data in self.log:
            if data.startswith(b"GET "):
                number = int(data.split(b" ")[1].rpartition(b"/")[2])
                asked = next(one for one in self._begun if one.number == number)
                self._check_request(asked, transport, data)
        self.log.clear()
        for asked in self._begun:
            assert "live" in asked.legs
            assert ("shadow" in asked.legs) is asked.is_to_be_copied
            if asked.is_to_be_copied:
                self._copies.append(asked)
        self._begun.clear()
        self._copies = [asked for asked in self._copies if asked.leg("shadow")]
        for caller in self.callers.copy():
            if caller.transport.written:
                self._check_answer(caller)
            if caller.transport.closed:
                caller.transport.lose()
                self.callers.remove(caller)

    def _check_request(self, asked: Asked, leg: Logged, data: bytes) -> None:
        law = asked.law
        assert law is not None
        assert leg.role not in asked.legs, "a leg is sent once"
        asked.legs[leg.role] = leg
        is_copy = leg.role == "shadow"
        side = law.side(1 - law.live if is_copy else law.live)
        first, *lines = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
        assert leg.name == side
        assert first == b"GET /%b/users/%d HTTP/1.1" % (side, asked.number)
        assert b"Host: %b.example" % side in lines
        assert [line for line in lines if line.startswith(b"Via")] == [b"Via: 1.1 " + law.name]
        assert any(line.startswith(b"X-Forwarded-For") for line in lines) is law.forwards
        assert (MARKER in lines) is is_copy
        assert (SECRET in lines) is not (is_copy and law.strips)
        assert law.mirrors or not is_copy
        self.copied += is_copy

    def _check_answer(self, caller: Caller) -> None:
        asked, written = caller.asked, caller.transport.written
        assert asked is not None
        law = asked.law
        assert law is not None
        if written.startswith(b"HTTP/1.1 5"):
            assert b"\r\nProxy-Status: " + law.name + b";" in written
            self.refused += 1
        else:
            whole = ANSWER + (b"Date: now\r\n" if law.dates else b"") + b"\r\nok"
            assert whole.startswith(written)
            if written != whole:
                return
            self.answered += 1
            self.outlived += law != self.law
        caller.transport.taken()
        caller.asked = None
        if caller.transport.ended:
            caller.transport.close()

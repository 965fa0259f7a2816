"""
What one mirrored exchange costs in Python alone: real connections and exchanges over transports that go nowhere.

`python -m benchmarks.exchange_cost [--profile]` prints microseconds per exchange (median of rounds, and the best one);
the system calls and the event loop come on top, see `benchmarks/compare.py`. Use it to judge a change to the request
path. `differing` has a pair that isn't byte-equal: its hand-over and its verdict, as a comparer would give it.
`counted` has the events of a plan with six gates and guards, two of them by sticky key.
"""

import argparse
import asyncio
import cProfile
import pstats
import socket
import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import uvloop

from benchmarks.contenders import ROUTING
from proxy.gates.events import EventSpec, event
from proxy.link.pairs import Said, Verdict, VerdictReader, pack_verdicts
from proxy.metrics.books import DIVERGENT, IDENTICAL, Books
from proxy.metrics.endpoints import Known
from proxy.mirror.handover import Handover
from proxy.net.client import ClientConnection
from proxy.net.upstream import UpstreamConnection
from proxy.routing.buckets import bucket
from proxy.routing.table import encode
from proxy.settings.model import Settings
from proxy.settings.table import build_table
from proxy.tables import Tables

REQUEST = b"GET /products/42?page=1 HTTP/1.1\r\nHost: shop.example\r\n\r\n"
BROWSER = (
    b"GET /products/42?page=1 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
    b"Accept: text/html,application/json;q=0.9\r\nAccept-Language: en-GB,en;q=0.5\r\nAccept-Encoding: gzip, deflate\r\n"
    b"Referer: http://shop.example/\r\nConnection: keep-alive\r\nCookie: sid=0123456789abcdef\r\nDNT: 1\r\n"
    b"Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\nCache-Control: no-cache\r\n\r\n"
)
BODY = b'{"a": "' + b"x" * 1300 + b'"}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 22 Nov 2026 10:52:02 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n%b" % (len(BODY), BODY)
)


class Nowhere:
    """
    A transport whose writes vanish.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def write(self, data: bytes) -> None:
        """
        Vanish.
        """

    def writelines(self, pieces: list[bytes]) -> None:
        """
        Vanish.
        """

    def is_closing(self) -> bool:
        """
        Never.
        """
        return False

    def get_extra_info(self, name: str) -> Any:
        """
        As a real one.
        """
        return self._end if name == "socket" else ("127.0.0.1", 1)

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        """
        As a real one.
        """

    def get_write_buffer_size(self) -> int:
        """
        Nothing waits.
        """
        return 0


# With routes, cohorts and a sticky cookie that is not on new at this weight.
ROUTED = {**ROUTING, "weights": {"new": bucket(b"parallax", b"0123456789abcdef") / 100}}


EVENTS = (
    event("mismatch", per_route=True, unit="key/60s"),
    event("old_ok & new_error", unit="key/60s"),
    event("new_ms > 1.10 * old_ms + 2"),
    event("new_ms > 1.25 * old_ms + 50", per_route=True),
    event("ms > 400 | error", of="served"),
    event("error", of="old"),
)


async def measure(
    request: bytes,
    exchanges: int,
    rounds: int,
    profile: bool,
    differing: bool,
    more: Mapping[str, object],
    events: tuple[EventSpec, ...],
) -> tuple[float, float]:
    """
    The median microseconds of one exchange, and those of the best round; `more` goes into the configuration.
    """
    sides = {"old": {"url": "http://127.0.0.1:1"}, "new": {"url": "http://127.0.0.1:2"}}
    limits = {"requests_per_connection": 10**9}
    table = build_table(Settings.model_validate({**sides, "limits": limits, **more}), Path())
    table = replace(table, events=events)
    books = Books()
    handover = Handover()
    handover.active = True
    share = handover.open()
    tables = Tables(books, lambda *_: None, obeyed=lambda: None, refused=print, judge=handover)
    tables.take(encode(table))
    plane, front = tables.plane, tables.front
    plane.know(Known(["GET /products/{id}"]))
    ends = socket.socketpair()
    transport = cast(asyncio.Transport, Nowhere(ends[0]))
    client = ClientConnection(front, asyncio.get_running_loop())
    client.connection_made(transport)
    connections = []
    for pool in (plane.sides[0].live, plane.sides[1].shadow):
        connection = UpstreamConnection(pool, pool.places.all[0])
        connection.connection_made(transport)
        pool.give_back(connection)
        connections.append(connection)
    old, new = connections
    answer = ANSWER.replace(b"x}", b"y}").replace(b'x"}', b'y"}') if differing else ANSWER

    def hand_over() -> None:
        while handover.waits:
            transport.writelines(handover.give(share))
        verdicts = [Verdict(number, int(Said.DIVERGENT), 16, 1, 1) for number in share.pairs]
        handover.answered(share, VerdictReader().feed(pack_verdicts(verdicts)))

    handover.on_batch = hand_over

    def run() -> None:
        for _ in range(exchanges):
            client.data_received(request)
            old.data_received(ANSWER)
            new.data_received(answer)
        hand_over()
        if events:
            plane.tally.fold()

    run()
    if profile:
        profiler = cProfile.Profile()
        profiler.runcall(run)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(40)
    times = []
    for _ in range(rounds):
        before = time.process_time()
        run()
        times.append((time.process_time() - before) / exchanges * 1e6)
    page = books.pages["GET /products/{id}"]
    verdict = DIVERGENT if differing else IDENTICAL
    assert page.verdicts[0][verdict] == page.eligible[0], "every pair must have been judged, and right"
    for end in ends:
        end.close()
    return statistics.median(times), min(times)


def main() -> None:
    """
    The command.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--exchanges", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    for name, request, differing, more, events in (
        ("plain", REQUEST, False, {}, ()),
        ("browser", BROWSER, False, {}, ()),
        ("browser, routed", BROWSER, False, ROUTED, ()),
        ("plain, differing", REQUEST, True, {}, ()),
        ("browser, counted", BROWSER, False, {}, EVENTS),
        ("browser, routed, counted", BROWSER, False, ROUTED, EVENTS),
    ):
        measured = measure(request, options.exchanges, options.rounds, options.profile, differing, more, events)
        cost, best = uvloop.run(measured)
        print(f"{name}: {cost:.1f} µs per mirrored exchange in Python (best {best:.1f})")


if __name__ == "__main__":
    main()

"""
What reading one request head costs: our strict parser against httptools with callbacks that collect the fields.

`python -m benchmarks.parsing` prints microseconds per head (median of alternating rounds) for the two requests of
`benchmarks.exchange_cost`. httptools is what a proxy would put a strict layer on top of, and that layer is not in its
figure. For the decision behind this see `docs/adr/0001-own-http-parser.md`.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import httptools

from benchmarks.exchange_cost import BROWSER, REQUEST
from proxy.settings.model import Settings
from proxy.settings.table import build_table
from proxy.wire.fields import request_names
from proxy.wire.request import RequestRules, parse_request


class Collected:
    """
    What a proxy needs of a head: the target and all fields.
    """

    __slots__ = ("fields", "url")

    def __init__(self) -> None:
        self.url = b""
        self.fields: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        """
        The target, perhaps in pieces.
        """
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """
        One field.
        """
        self.fields.append((name, value))


def with_a_fresh_parser(raw: bytes) -> Collected:
    """
    The head as httptools reads it, first on its connection.
    """
    collected = Collected()
    parser = httptools.HttpRequestParser(collected)
    parser.feed_data(raw)
    parser.get_method()
    return collected


class Connection:
    """
    One parser for many requests, as on a kept-alive connection.
    """

    def __init__(self) -> None:
        self._collected = Collected()
        self._parser = httptools.HttpRequestParser(self._collected)

    def read(self, raw: bytes) -> Collected:
        """
        The next head.
        """
        collected = self._collected
        collected.url, collected.fields = b"", []
        self._parser.feed_data(raw)
        self._parser.get_method()
        assert collected.url
        return collected


def round_of(read: Callable[[bytes], object], raw: bytes, heads: int) -> float:
    """
    Microseconds per head.
    """
    before = time.process_time()
    for _ in range(heads):
        read(raw)
    return (time.process_time() - before) / heads * 1e6


def main() -> None:
    """
    The command.
    """
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--heads", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=15)
    chosen = options.parse_args()
    sides = {"old": {"url": "http://127.0.0.1:1"}, "new": {"url": "http://127.0.0.1:2"}}
    table = build_table(Settings.model_validate(sides), Path())
    rules = RequestRules(request_names(), table.limits)

    def ours(raw: bytes) -> object:
        # As the reader does it: find the end, cut, parse.
        return parse_request(raw[: raw.find(b"\r\n\r\n")], rules)

    readers: dict[str, Callable[[bytes], object]] = {
        "parse_request": ours,
        "httptools, one parser a connection": Connection().read,
        "httptools, one parser a request": with_a_fresh_parser,
    }
    for name, raw in (("plain", REQUEST), ("browser", BROWSER)):
        times: dict[str, list[float]] = {reader: [] for reader in readers}
        for _ in range(chosen.rounds):
            for reader, read in readers.items():
                times[reader].append(round_of(read, raw, chosen.heads))
        for reader, measured in times.items():
            print(f"{name}: {statistics.median(measured):5.2f} µs per head, {reader}")


if __name__ == "__main__":
    main()

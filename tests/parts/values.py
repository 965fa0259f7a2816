"""
Values for tests of the data plane: tables with the true defaults, requests and answers parsed from their bytes, cuts.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from proxy.routing.table import Table
from proxy.settings.model import Settings
from proxy.settings.table import build_table
from proxy.wire.answer import AnswerHead, AnswerParser
from proxy.wire.fields import answer_names, request_names
from proxy.wire.request import RequestHead, RequestRules, parse_request

SIGNIFICANT = ("content-type", "location", "x-cmp-*", "set-cookie")
TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# Ways to cut a message: offsets, taken modulo its length.
CUTS = st.lists(st.integers(0, 10_000), max_size=12)


def a_table(**settings: Any) -> Table:
    """
    The table of a configuration: two sides on loopback, everything else by default unless `settings` say otherwise.
    """
    sides = {"old": {"url": "http://127.0.0.1:9001"}, "new": {"url": "http://127.0.0.1:9002"}}
    return build_table(Settings.model_validate({**sides, **settings}), Path("/nowhere"))


def the_rules(**limits: Any) -> RequestRules:
    """
    What requests are held to, with `limits` changed.
    """
    return RequestRules(request_names(), a_table(limits=limits).limits)


def a_request(raw: bytes, **limits: Any) -> RequestHead:
    """
    The request that a whole head, with its closing empty line, says.
    """
    return parse_request(raw.removesuffix(b"\r\n\r\n"), the_rules(**limits))


def an_answer(raw: bytes, significant: tuple[str, ...] = SIGNIFICANT) -> AnswerHead:
    """
    The answer that a whole head, with its closing empty line, says.
    """
    return AnswerParser(answer_names(significant), 100).parse(raw.removesuffix(b"\r\n\r\n"))


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """
    `data`, cut at these offsets.
    """
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return (data[start:end] for start, end in pairwise(edges))


def each_byte(data: bytes) -> list[bytes]:
    """
    `data`, byte by byte.
    """
    return [data[at : at + 1] for at in range(len(data))]

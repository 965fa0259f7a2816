"""
Cohorts by who a client is: its token, its address, a list of sticky keys.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.routing.belonging import Backing
from proxy.routing.choice import Decision
from proxy.routing.keyset import KeySet
from proxy.routing.route import KeyFile
from proxy.routing.table import NEW, OLD
from proxy.routing.ways import Ways
from tests.parts.values import a_request, a_table
from tests.routing.test_claims import NOW, SECRET, token

FILE = (str(Path("/nowhere/beta.txt")), "")


def listed(*keys: bytes) -> Mapping[KeyFile, KeySet]:
    """
    What a file of keys holds.
    """
    found = KeySet()
    for _ in found.fill(b"\n".join(keys)):
        pass
    return {FILE: found}


def decided(match: dict[str, Any], *lines: bytes, address: bytes = b"10.1.2.3", key: str = "") -> Decision:
    """
    Who answers, where only the cohort is on new.
    """
    cohorts = [{"name": "beta", "match": match, "side": "new"}]
    table = replace(a_table(cohorts=cohorts, sticky={"key": ["header:x-user", "claim:sub"]}), claims_key=key)
    ways = Ways(table, Backing(lambda: NOW, listed(b"ann", b"bob")))
    assert ways.only is not None
    assert ways.only.choice is not None
    head = a_request(b"\r\n".join([b"GET / HTTP/1.1", b"Host: a", *lines, b"", b""]))
    return ways.only.choice.decide(head, address, lambda: 0.0)


IN, OUT = (NEW, "cohort"), (OLD, "weight")


@pytest.mark.parametrize(
    ("address", "expected"),
    [(b"10.1.2.3", IN), (b"11.1.2.3", OUT), (b"::1", IN), (b"::ffff:10.0.0.1", IN), (b"::2", OUT), (b"unknown", OUT)],
)
def test_by_address(address: bytes, expected: tuple[int, str]) -> None:
    """
    As it is believed; an IPv4 address that is written as IPv6 is the IPv4 address.
    """
    assert decided({"address": ["10.0.0.0/8", "::1"]}, address=address) == expected


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"groups": ["a", "beta"]}, IN),
        ({"groups": "beta-2"}, IN),
        ({"groups": ["a"]}, OUT),
        ({"groups": None}, OUT),
        ({}, OUT),
    ],
)
@pytest.mark.parametrize("key", ["", SECRET])
def test_by_claim(claims: dict[str, Any], expected: tuple[int, str], key: str) -> None:
    """
    Verified or not.
    """
    assert decided({"claim": {"groups": "beta*"}}, b"Authorization: Bearer " + token(claims), key=key) == expected


def test_a_forged_token_belongs_nowhere_and_is_no_key() -> None:
    """
    Where there is a key to verify it with.
    """
    forged = b"Authorization: Bearer " + token({"sub": "ann"}, key="x" * 32)

    assert decided({"claim": {"sub": "ann"}}, forged) == IN
    assert decided({"claim": {"sub": "ann"}}, forged, key=SECRET) == OUT
    assert decided({"keys": "beta.txt"}, forged) == IN
    assert decided({"keys": "beta.txt"}, forged, key=SECRET) == OUT


@pytest.mark.parametrize(
    ("lines", "expected"), [([b"X-User: ann"], IN), ([b"X-User: eve"], OUT), ([b"X-User: ANN"], OUT), ([], OUT)]
)
def test_by_a_file_of_keys(lines: list[bytes], expected: tuple[int, str]) -> None:
    """
    The sticky key that a request has is listed.
    """
    assert decided({"keys": "beta.txt"}, *lines) == expected


def test_all_of_a_match_must_hold() -> None:
    """
    With what a request is, too.
    """
    match = {"keys": "beta.txt", "address": ["10.0.0.0/8"], "header": {"x-beta": "*"}}

    assert decided(match, b"X-User: ann", b"X-Beta: 1") == IN
    assert decided(match, b"X-User: ann") == OUT
    assert decided(match, b"X-User: eve", b"X-Beta: 1") == OUT
    assert decided(match, b"X-User: ann", b"X-Beta: 1", address=b"11.0.0.1") == OUT

"""
A flag is asked for beside the request, and counts as long as nothing newer is known.
"""

import pytest

from proxy.routing.choice import Decision
from proxy.routing.flags import AGAIN, ASKED, BY_FLAG, LONGEST, REMEMBERED, FlagMemory, flagged, kept_for
from proxy.routing.route import Flag
from proxy.routing.table import NEW, OLD, decode, encode
from tests.parts.values import a_table

FLAG = Flag(key="orders", mode="decide", cache=5.0)


def test_what_is_not_known_is_asked_for_once() -> None:
    """
    And again after a second, until it is answered; then once it is over.
    """
    counts: dict[str, int] = {}
    memory = FlagMemory(counts)

    assert [memory.says(FLAG, b"ann", 100.0), memory.says(FLAG, b"ann", 100.5)] == [None, None]
    assert memory.take() == [("orders", b"ann")]
    assert memory.says(FLAG, b"ann", 100.0 + AGAIN) is None
    assert memory.take() == [("orders", b"ann")]
    memory.answered("orders", b"ann", True, 102.0)
    assert memory.says(FLAG, b"ann", 106.9) is True
    assert memory.take() == []
    assert memory.says(FLAG, b"ann", 107.0) is True
    assert memory.take() == [("orders", b"ann")]
    memory.answered("orders", b"ann", False, 107.1)
    assert memory.says(FLAG, b"ann", 107.2) is False
    assert counts == {"orders|native": 3, "orders|fresh": 2, "orders|last_known": 1}


@pytest.mark.parametrize(("cache", "kept"), [(0.1, 60.0), (5.0, 60.0), (10.0, 120.0)])
def test_what_was_said_long_ago_is_forgotten(cache: float, kept: float) -> None:
    """
    The native decision holds then, from the first request on, and until there is an answer; a client that comes back
    after hours isn't led by what the flag said when it was there.
    """
    counts: dict[str, int] = {}
    memory, flag = FlagMemory(counts), Flag(key="orders", mode="decide", cache=cache)
    memory.says(flag, b"ann", 100.0)
    memory.answered("orders", b"ann", True, 100.0)

    assert kept_for(flag) == kept
    assert memory.says(flag, b"ann", 100.0 + kept - 0.5) is True
    assert [memory.says(flag, b"ann", 100.0 + kept), memory.says(flag, b"ann", 100.0 + 2 * kept)] == [None, None]
    memory.answered("orders", b"ann", False, 100.0 + 2 * kept)
    assert memory.says(flag, b"ann", 100.0 + 2 * kept) is False
    assert counts == {"orders|native": 3, "orders|last_known": 1, "orders|fresh": 1}


def test_a_changed_cache_counts_for_what_was_said_before() -> None:
    """
    A reload that shortens it must not leave the old one in force for clients that were here.
    """
    memory = FlagMemory({})
    memory.says(FLAG, b"ann", 100.0)
    memory.answered("orders", b"ann", True, 100.0)
    memory.take()
    memory.says(Flag(key="orders", mode="decide", cache=0.5), b"ann", 101.0)

    assert memory.take() == [("orders", b"ann")]


def test_what_is_remembered_and_asked_for_is_bounded() -> None:
    """
    The latest keys are; and a key that is too long is never asked for.
    """
    memory = FlagMemory({})
    for number in range(REMEMBERED + 10):
        memory.says(FLAG, b"%d" % number, 100.0)
    memory.says(FLAG, b"x" * (LONGEST + 1), 100.0)

    assert len(memory._known) == REMEMBERED
    assert len(memory.take()) == ASKED
    memory.answered("orders", b"0", True, 100.0)
    memory.answered("orders", b"%d" % REMEMBERED, True, 100.0)
    assert memory.says(FLAG, b"%d" % REMEMBERED, 101.0) is True
    assert memory.says(FLAG, b"0", 101.0) is None


@pytest.mark.parametrize("native", [Decision(OLD, "route"), Decision(NEW, "route")])
@pytest.mark.parametrize("said", [None, False, True])
def test_a_veto_can_only_hold_back(native: Decision, said: bool | None) -> None:
    """
    A decision can do both; what isn't known changes nothing.
    """
    veto, decide = Flag(key="a", mode="veto", cache=5.0), Flag(key="a", mode="decide", cache=5.0)

    assert flagged(veto, said, native) == (BY_FLAG[OLD] if said is False and native.live == NEW else native)
    assert flagged(decide, said, native) == (native if said is None else BY_FLAG[said])


@pytest.mark.parametrize(
    ("mode", "weight", "shares"),
    [("veto", 100.0, {0.0, 100.0}), ("veto", 0.0, {0.0}), ("decide", 50.0, {0.0, 50.0}), ("decide", 0.0, {0.0})],
)
def test_a_flag_may_keep_everybody_on_old(mode: str, weight: float, shares: set[float]) -> None:
    """
    So both sides may answer, unless new's share is 0: then no flag opens it.
    """
    flag = {"key": "orders", "mode": mode}
    table = a_table(weights={"new": weight}, routes=[{"name": "a", "match": {"path": "/**"}, "flag": flag}])

    assert set(table.shares) == shares
    assert decode(encode(table)) == table

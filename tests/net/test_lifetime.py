"""
What a side was seen to do with idle connections decides which of them carry a request that can't be repeated.
"""

from hypothesis import given
from hypothesis import strategies as st

from proxy.net.lifetime import SHARE, Lifetime

IDLE = st.floats(0.001, 100)


def test_a_side_that_never_closed_is_trusted() -> None:
    """
    Nothing is known against it.
    """
    assert Lifetime().trusts(1e6)


@given(IDLE)
def test_half_of_what_was_seen_is_trusted(idle: float) -> None:
    """
    The close may be on its way already.
    """
    lifetime = Lifetime()
    lifetime.closed_after(idle)

    assert lifetime.trusts(idle * SHARE * 0.99)
    assert not lifetime.trusts(idle * SHARE)


@given(st.lists(IDLE, min_size=1))
def test_the_shortest_counts(seen: list[float]) -> None:
    """
    In whatever order they were seen.
    """
    lifetime = Lifetime()
    for idle in seen:
        lifetime.closed_after(idle)

    assert not lifetime.trusts(min(seen) * SHARE)
    assert lifetime.trusts(min(seen) * SHARE * 0.99)


def test_an_answer_on_an_older_connection_is_better_knowledge() -> None:
    """
    A restart of the side closes young connections too.
    """
    lifetime = Lifetime()
    lifetime.closed_after(0.01)
    lifetime.served_after(4.0)

    assert lifetime.trusts(1.9)


def test_what_was_seen_is_forgotten_slowly() -> None:
    """
    It counts for twice as long after about a minute of ticks.
    """
    lifetime = Lifetime()
    lifetime.closed_after(1.0)
    for _ in range(4 * 60):
        lifetime.tick()

    assert lifetime.trusts(0.9)
    assert not lifetime.trusts(1.2)

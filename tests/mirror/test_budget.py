"""
The budget is never negative and never exceeded.
"""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from proxy.mirror.budget import Budget


@given(st.integers(0, 100), st.integers(0, 200))
def test_all_or_nothing(limit: int, size: int) -> None:
    """
    What doesn't fit takes nothing and is counted.
    """
    budget = Budget(limit)

    taken = budget.take(size)

    assert taken is (size <= limit)
    assert budget.used == (size if taken else 0)
    assert budget.refused == (0 if taken else 1)


class Holders(RuleBasedStateMachine):
    """
    Many takers, who give back what they took, in any order.
    """

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.budget = Budget(1000)
        self.outstanding = 0

    @rule(target=held, size=st.integers(0, 1200))
    def take(self, size: int) -> int:
        """
        Somebody asks.
        """
        fits = self.outstanding + size <= 1000

        assert self.budget.take(size) is fits
        self.outstanding += size if fits else 0
        return size if fits else 0

    @rule(size=consumes(held))
    def give(self, size: int) -> None:
        """
        Somebody is done.
        """
        self.budget.give(size)
        self.outstanding -= size

    @invariant()
    def within_bounds(self) -> None:
        """
        Exactly what is outstanding.
        """
        assert 0 <= self.budget.used == self.outstanding <= self.budget.limit


TestHolders = Holders.TestCase

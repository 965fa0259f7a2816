"""
The tally: what was sent, what of it met something planted, and how long answers took.
"""

from itertools import islice

from proxy.demo.load import script
from proxy.demo.planted import PLANTED, Effect
from proxy.demo.tally import MIX, Tally

TOUR = len(MIX) + len(PLANTED)


def test_the_tally_knows_which_requests_met_a_planted_divergence() -> None:
    """
    `affected` counts divergent and failed ones, not slow or harmless ones.
    """
    tally = Tally()
    for ask in islice(script(), TOUR):
        tally.send(ask)

    for planted in PLANTED:
        expected = planted.effect in (Effect.DIVERGENT, Effect.FAILED)

        assert (tally.affected[planted.endpoint] > 0) == expected


def test_quantiles_are_of_the_latest_answers() -> None:
    """
    None without answers, else a latency that was measured.
    """
    tally = Tally()

    assert tally.quantile(0.5) is None

    tally.latencies.extend(range(1, 101))

    assert (tally.quantile(0.5), tally.quantile(0.99), tally.quantile(1)) == (51, 100, 100)

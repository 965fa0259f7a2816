"""
A pair that was handed over ends in exactly one entry of the books, whatever its comparer does.
"""

import pytest

from proxy.link.pairs import Said
from proxy.metrics.books import VERDICTS
from proxy.mirror.handover import DEADLINE
from tests.parts.handed import Stage


@pytest.mark.parametrize(
    ("said", "entry"),
    [
        (Said.EQUIVALENT, "equivalent"),
        (Said.NOISE, "noise"),
        (Said.WAIVED, "waived"),
        (Said.DIVERGENT, "divergent"),
        (Said.UNDECODABLE, "undecodable"),
        (Said.BODY_TOO_LARGE, "body_too_large"),
        (Said.JUDGE_ERROR, "judge_error"),
        (99, "judge_error"),
    ],
)
def test_what_a_comparer_says_is_what_the_books_say(said: int, entry: str) -> None:
    """
    Once, and then the pair's bytes are given back; a word that nobody knows is no verdict.
    """
    stage = Stage()
    share = stage.handover.open()
    stage.differ()
    assert stage.entries == {}
    assert stage.budget.used
    [number] = stage.given(share)
    for _ in range(2):
        stage.says(share, number, said, 1 << 4, 7)

    assert stage.entries == {entry: 1}
    assert stage.budget.used == stage.handover.unanswered == stage.page.pending(0) == 0
    assert stage.shown == ([7] if entry == "divergent" else [])
    assert stage.page.differences == ({"value": 1} if entry in VERDICTS else {})


def test_only_so_many_may_be_unanswered() -> None:
    """
    The others end at once, until there is room again.
    """
    stage = Stage(limit=2)
    share = stage.handover.open()
    stage.differ(3)
    assert stage.entries == {"queue_full": 1}
    stage.says(share, stage.given(share)[0], Said.EQUIVALENT)
    stage.differ()

    assert stage.entries == {"queue_full": 1, "equivalent": 1}
    assert stage.handover.unanswered == 2


def test_a_comparer_that_is_gone_takes_along_what_it_had_and_no_more() -> None:
    """
    What waits is for the next one; what the dead one says, nobody hears.
    """
    stage = Stage()
    first = stage.handover.open()
    stage.differ()
    [number] = stage.given(first)
    stage.differ()
    stage.handover.close(first)
    assert stage.entries == {"comparer_lost": 1}
    stage.says(first, number, Said.DIVERGENT)
    second = stage.handover.open()
    stage.says(second, stage.given(second)[0], Said.NOISE)

    assert stage.entries == {"comparer_lost": 1, "noise": 1}
    assert stage.budget.used == 0


def test_there_is_a_deadline_for_those_that_wait_and_for_those_that_a_comparer_has() -> None:
    """
    A comparer that owes for too long is named.
    """
    stage = Stage()
    share = stage.handover.open()
    stage.differ()
    stage.given(share)
    stage.differ()

    assert stage.handover.tick(DEADLINE) == []
    assert stage.entries == {}
    assert stage.handover.tick(DEADLINE + 0.1) == [share]
    assert stage.entries == {"comparer_lost": 1}
    stage.handover.close(share)
    assert stage.entries == {"comparer_lost": 2}
    assert stage.budget.used == 0


def test_an_endpoint_that_killed_is_kept_away_for_its_time() -> None:
    """
    Those that wait too.
    """
    stage = Stage()
    stage.differ()
    stage.handover.quarantine("GET /a", 60.0)
    stage.differ()
    assert stage.entries == {"judge_error": 2}
    stage.handover.tick(60.0)
    stage.differ()

    assert stage.entries == {"judge_error": 2}
    assert stage.handover.waits


def test_all_of_them_end_when_draining() -> None:
    """
    Those that wait, and those that a comparer has.
    """
    stage = Stage()
    share = stage.handover.open()
    stage.differ()
    stage.given(share)
    stage.differ()
    stage.handover.drop_all("draining")

    assert stage.entries == {"draining": 2}
    assert stage.budget.used == stage.handover.unanswered == 0

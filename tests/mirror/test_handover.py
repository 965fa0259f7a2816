"""
A pair that was handed over ends in exactly one entry of the books, whatever its comparer does.
"""

import pytest

from proxy.link.pairs import Said
from proxy.metrics.books import VERDICTS
from proxy.mirror.costly import STRIKES
from proxy.mirror.handover import DEADLINE, KEPT_AWAY, LATE, Share
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


def judged(stage: Stage, share: Share, seconds: float, times: int = 1, said: int = Said.EQUIVALENT) -> None:
    """
    So many pairs of an endpoint were judged, each at that cost.
    """
    for _ in range(times):
        stage.differ()
        [number] = stage.given(share)
        stage.says(share, number, said, cost=seconds)


def costly(limit: int = 100) -> tuple[Stage, Stage, Share]:
    """
    A slow endpoint whose first pairs have taken a second each, beside a quick one that waits for the comparer; the
    slow one is served last from now on.
    """
    slow, quick = Stage(limit), Stage(limit, name="GET /quick")
    quick.pairs.judge = quick.handover = slow.handover
    share = slow.handover.open()
    judged(quick, share, 0.001, 10)
    judged(slow, share, 1.0, 2)
    slow.differ()
    quick.differ(3)
    slow.handover.tick(1.0)
    assert list(slow.handover.costly.names) == ["GET /a"]
    return slow, quick, share


def test_an_endpoint_that_takes_most_of_the_time_is_served_after_all_others() -> None:
    """
    Also what waited before, and one pair at a time if that is all there is time for.
    """
    slow, quick, share = costly()
    slow.differ()
    assert [pair.endpoint for pair in slow.taken(share)] == [b"GET /quick"] * 3
    [last] = slow.taken(share)
    assert last.endpoint == b"GET /a"
    assert not slow.handover.has_for(share)
    quick.differ()
    assert [pair.endpoint for pair in slow.taken(share)] == [b"GET /quick"]
    slow.says(share, last.id, Said.EQUIVALENT, cost=1.0)

    assert slow.handover.has_for(share)
    assert [pair.endpoint for pair in slow.taken(share)] == [b"GET /a"]


def test_of_what_is_served_last_only_so_much_waits_as_can_be_judged_in_time() -> None:
    """
    The rest ends as `queue_full`, at the endpoint that it is about; the others' queue has its room.
    """
    slow, quick, share = costly()
    slow.differ(9)
    assert slow.entries == {"equivalent": 2, "queue_full": 8}
    slow.handover.costly.memory = 1
    slow.taken(share)
    slow.taken(share)
    slow.differ(2)
    assert slow.entries == {"equivalent": 2, "queue_full": 10}
    for second in range(2, 6):
        slow.handover.tick(float(second))

    assert slow.entries == {"equivalent": 2, "queue_full": 11}
    assert set(quick.entries) == {"equivalent"}


def test_an_endpoint_is_served_like_the_others_once_nothing_waits_long() -> None:
    """
    And none is put last for what it costs alone: only while somebody waits for it.
    """
    slow, quick, share = costly()
    for stage in (quick, slow):
        for pair in stage.taken(share):
            stage.says(share, pair.id, Said.EQUIVALENT, cost=0.01)
    judged(slow, share, 1.0, 2)
    slow.handover.tick(2.0)

    assert slow.handover.costly.names == {}
    assert slow.entries == {"equivalent": 5}
    assert slow.budget.used == quick.budget.used == slow.handover.unanswered == 0


def test_an_endpoint_whose_pairs_keep_costing_too_much_is_kept_away() -> None:
    """
    After three on end, told once; then the first one that does so again is enough, and one that doesn't begins anew.
    """
    stage, told = Stage(), list[str]()
    stage.handover.on_slow = told.append
    share = stage.handover.open()
    judged(stage, share, 1.0, STRIKES - 1, Said.TOO_SLOW)
    judged(stage, share, 0.1)
    judged(stage, share, 1.0, STRIKES - 1, Said.TOO_SLOW)
    assert told == []
    judged(stage, share, 1.0, 1, Said.TOO_SLOW)
    stage.differ()
    assert told == ["GET /a"]
    assert stage.entries == {"equivalent": 1, "judge_error": 2 * STRIKES}
    stage.handover.tick(KEPT_AWAY)
    judged(stage, share, 1.0, 1, Said.TOO_SLOW)
    stage.handover.tick(2 * KEPT_AWAY)
    judged(stage, share, 0.1)
    judged(stage, share, 1.0, 1, Said.TOO_SLOW)

    assert told == ["GET /a"] * 2
    assert stage.entries == {"equivalent": 2, "judge_error": 2 * STRIKES + 2}


def test_what_a_comparer_would_answer_too_late_is_lost_and_not_all_that_it_has() -> None:
    """
    As long as it goes on answering.
    """
    stage = Stage()
    share = stage.handover.open()
    stage.differ(2)
    first, second = stage.given(share)
    stage.handover.tick(LATE)
    stage.differ()
    [third] = stage.given(share)
    stage.says(share, first, Said.EQUIVALENT)

    assert stage.handover.tick(DEADLINE + 0.1) == []
    for number in (second, third):
        stage.says(share, number, Said.EQUIVALENT)
    assert stage.entries == {"equivalent": 2, "comparer_lost": 1}

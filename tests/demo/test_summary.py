"""
The summary: what passes, and everything that must not.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import pytest

from proxy.demo.course import Place
from proxy.demo.load import script
from proxy.demo.planted import BY_ENDPOINT, REGRESSION, Effect
from proxy.demo.reading import Found, Reading, Signature
from proxy.demo.signed import Learned
from proxy.demo.summary import Course, Summary, summarise
from proxy.demo.tally import Tally
from proxy.demo.users import Users

Readings = dict[str, Reading]
Received = dict[str, dict[str, int]]


BY_NEW, CUT = 80, 2  # answers that users got from new, whole and cut off
EARLY = 3  # pairs at each noisy place that were blamed before it was known
LEARNED = Learned(at=100.0, after=5.0)
BROKEN = 7  # answers of the bad release
DONE = Course(place=Place(phase="finished", rollbacks=1), tripped_after=2.5)


def perfect() -> tuple[Tally, Readings, Received]:
    """
    A run of 1,000 requests in which everything is as planted.
    """
    tally = Tally()
    for ask in islice(script(), 1000):
        tally.send(ask)
    tally.answered = tally.sent
    readings = {}
    for endpoint, asked in tally.asked.items():
        planted, met = BY_ENDPOINT.get(endpoint), tally.affected[endpoint]
        if not endpoint.startswith("GET"):
            readings[endpoint] = Reading(endpoint=endpoint, eligible=asked, skipped={"method": asked})
            continue
        verdicts = {"identical": asked - met}
        if planted is not None and planted.effect in (Effect.DIVERGENT, Effect.FAILED):
            verdicts[planted.effect] = met
        if planted is not None and planted.effect is Effect.NOISE:
            verdicts = {"noise": asked - EARLY, "divergent": EARLY}
        if endpoint == REGRESSION.endpoint:
            verdicts = {"identical": asked - BROKEN, "divergent": BROKEN}
        slow = planted is not None and planted.effect is Effect.SLOWER
        new = (31.0, 40.0) if slow else (1.1, 2.1)
        readings[endpoint] = Reading(endpoint=endpoint, eligible=asked, verdicts=verdicts, old=(1.0, 2.0), new=new)
    reads = tally.sent - tally.writes
    tally.answered -= CUT
    tally.by_new, tally.cut = BY_NEW, CUT
    tally.users = Users(first={"user-001": 1.0}, on_old_when_killed=10)
    received = {
        "old": {"reads": reads, "writes": tally.writes, "copies": BY_NEW + CUT},
        "new": {"reads": reads, "writes": 0, "copies": reads - BY_NEW - CUT, "broken": BROKEN},
    }
    return tally, readings, received


def signatures(readings: Readings) -> tuple[Signature, ...]:
    """
    What is divergent in a perfect run, by what it is made of.
    """
    return tuple(
        Signature(
            id=f"{number:016x}",
            endpoint=endpoint,
            parts=(REGRESSION if endpoint == REGRESSION.endpoint else planted).parts or planted.noise,
            count=divergent,
            last=99.0 if planted.effect is Effect.NOISE else 1000.0,
        )
        for number, (endpoint, planted) in enumerate(BY_ENDPOINT.items())
        if (divergent := readings[endpoint].verdicts.get("divergent", 0))
    )


def check(
    tally: Tally, readings: Readings, received: Received, found: Found | None = None, course: Course = DONE
) -> Summary:
    found = found or Found(signatures=signatures(readings))
    return summarise(tally, tuple(readings.values()), found, LEARNED, received, course)


def bad_rows(summary: Summary) -> list[str]:
    return [line.endpoint for line in summary.rows if not line.good]


def bad_checks(summary: Summary) -> list[str]:
    return [item.sentence for item in summary.checks if not item.good]


def test_a_perfect_run_is_good() -> None:
    """
    Each planted difference found as often as it was met, nothing else, and the books balance.
    """
    summary = check(*perfect())

    assert summary.good
    assert {line.endpoint: line.found for line in summary.rows}["GET /recommendations/{id}"] == "+30 ms"


def test_a_divergence_where_none_was_planted_is_not_good() -> None:
    """
    One false accusation spoils the run.
    """
    tally, readings, received = perfect()
    honest = readings["GET /categories"]
    readings["GET /categories"] = replace(honest, verdicts={"identical": honest.eligible - 1, "divergent": 1})

    assert bad_rows(check(tally, readings, received)) == ["GET /categories"]


def test_an_endpoint_that_nobody_asked_for_is_checked_too() -> None:
    """
    Divergences counted as `other` are not swept under the carpet.
    """
    tally, readings, received = perfect()
    readings["other"] = Reading(endpoint="other", eligible=1, verdicts={"divergent": 1})

    assert bad_rows(check(tally, readings, received)) == ["other"]


@pytest.mark.parametrize("endpoint", [name for name, planted in BY_ENDPOINT.items() if planted.effect != "harmless"])
def test_a_planted_difference_that_was_not_found_is_not_good(endpoint: str) -> None:
    """
    All identical, and just as fast, where something was planted.
    """
    tally, readings, received = perfect()
    reading = readings[endpoint]
    readings[endpoint] = replace(reading, verdicts={"identical": reading.eligible}, new=reading.old)

    assert bad_rows(check(tally, readings, received)) == [endpoint]


@pytest.mark.parametrize("by", [-1, 1])
def test_one_more_or_less_than_planted_is_not_good(by: int) -> None:
    """
    The count is exact, not "some".
    """
    tally, readings, received = perfect()
    reading = readings["GET /orders/{id}"]
    found = reading.verdicts["divergent"] + by
    readings[reading.endpoint] = replace(reading, verdicts={"identical": reading.eligible - found, "divergent": found})

    assert bad_rows(check(tally, readings, received)) == ["GET /orders/{id}"]


def test_what_parallax_says_it_skipped_may_be_missing() -> None:
    """
    An exchange that got a skip reason can't have been found; that is Parallax's right, and it is counted.
    """
    tally, readings, received = perfect()
    reading = readings["GET /orders/{id}"]
    verdicts = {**reading.verdicts, "divergent": reading.verdicts["divergent"] - 1}
    readings[reading.endpoint] = replace(reading, verdicts=verdicts, skipped={"concurrency": 1})

    assert check(tally, readings, received).good


def test_what_was_sent_while_killed_is_not_excused_otherwise() -> None:
    """
    Nothing was copied then, and nothing could be found: that is known exactly, and excuses nothing else.
    """
    tally, readings, received = perfect()
    reading = readings["GET /orders/{id}"]
    tally.off[reading.endpoint] = 5
    tally.asked[reading.endpoint] += 5
    tally.answered += 5
    eligible, skipped = reading.eligible + 5, {"off": 5}
    readings[reading.endpoint] = replace(reading, eligible=eligible, skipped=skipped)
    assert check(tally, readings, received).good

    verdicts = {**reading.verdicts, "divergent": reading.verdicts["divergent"] - 1}
    verdicts["identical"] += 1
    readings[reading.endpoint] = replace(reading, eligible=eligible, skipped=skipped, verdicts=verdicts)
    assert bad_rows(check(tally, readings, received)) == ["GET /orders/{id}"]


def test_a_difference_that_is_found_by_another_signature_is_not_good() -> None:
    """
    As often as planted, and at the right endpoint; but it is something else.
    """
    run = perfect()
    price = next(one for one in signatures(run[1]) if one.endpoint == "GET /products/{id}")
    others = tuple(one for one in signatures(run[1]) if one is not price)
    wrong = replace(price, parts=frozenset({("$.rating", "value")}))
    summary = check(*run, Found(signatures=(*others, wrong)))

    assert bad_rows(summary) == ["GET /products/{id}"]
    assert [line.signature for line in summary.signed if not line.good] == [wrong]


def test_noise_that_is_blamed_once_it_is_known_is_not_good() -> None:
    """
    The row and the sentence say so; before it was known, it could not be told from a difference.
    """
    run = perfect()
    late = tuple(replace(one, last=101.0) for one in signatures(run[1]))
    summary = check(*run, Found(signatures=late))

    assert set(bad_rows(summary)) == {"GET /categories", "GET /products"}
    assert "some after" in bad_checks(summary)[0]


def test_noise_that_never_is_called_noise_is_not_good() -> None:
    """
    All pairs identical, where both sides were to differ from themselves.
    """
    tally, readings, received = perfect()
    reading = readings["GET /categories"]
    readings["GET /categories"] = replace(reading, verdicts={"identical": reading.eligible})

    assert bad_rows(check(tally, readings, received)) == ["GET /categories"]


def test_a_run_in_which_noise_was_never_known_is_not_good() -> None:
    """
    And says so.
    """
    tally, readings, received = perfect()
    found = Found(signatures=signatures(readings))
    summary = summarise(tally, tuple(readings.values()), found, None, received, DONE)

    assert bad_checks(summary) == ["It never was known where old differs from itself"]


@pytest.mark.parametrize(
    ("course", "said"),
    [
        (Course(), "The plan never rolled back for the bad release"),
        (replace(DONE, tripped_after=16.0), "rolled back by itself 16.0 s after"),
        (replace(DONE, place=Place(phase="aborted", stage="half", rollbacks=1)), "then it stayed at half"),
    ],
)
def test_a_plan_that_does_not_roll_back_and_go_on_is_not_good(course: Course, said: str) -> None:
    """
    By itself, soon, and then to its end.
    """
    (sentence,) = bad_checks(check(*perfect(), course=course))

    assert said in sentence


def test_answers_of_the_bad_release_that_were_not_found_are_missed() -> None:
    """
    As many as new gave.
    """
    tally, readings, received = perfect()
    received["new"]["broken"] += 1

    assert bad_rows(check(tally, readings, received)) == [REGRESSION.endpoint]


def _client_error(tally: Tally, _readings: Readings, _received: Received) -> None:
    tally.errors["status 502"] += 1


def _uncounted(tally: Tally, _readings: Readings, _received: Received) -> None:
    tally.asked["GET /health"] += 1
    tally.answered += 1


def _unbalanced(_tally: Tally, readings: Readings, _received: Received) -> None:
    reading = readings["GET /health"]
    readings["GET /health"] = replace(reading, verdicts={"identical": reading.eligible - 1})


def _write_on_new(_tally: Tally, _readings: Readings, received: Received) -> None:
    received["new"]["writes"] = 1


def _unmarked_copy(_tally: Tally, _readings: Readings, received: Received) -> None:
    received["new"]["copies"] -= 1


def _came_back(tally: Tally, _readings: Readings, _received: Received) -> None:
    tally.users.came_back = 1


def _stranger_too_early(tally: Tally, _readings: Readings, _received: Received) -> None:
    tally.users.first["user-100"] = 0.5
    tally.users.others(2.0)


def _nobody_on_new(tally: Tally, _readings: Readings, _received: Received) -> None:
    tally.users.first.clear()


def _slow_kill(tally: Tally, _readings: Readings, _received: Received) -> None:
    tally.users.last_on_new = 1.001


def _unseen_kill(tally: Tally, _readings: Readings, _received: Received) -> None:
    tally.users.on_old_when_killed = 0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_client_error, "errors: 1; 1 × status 502"),
        (_uncounted, "counted 1,000 of 1,001 requests"),
        (_unbalanced, "1,000 eligible, "),
        (_write_on_new, "1 reached new"),
        (_unmarked_copy, " copies, 80 of users, and 2 that it cut off"),
        (_came_back, "answers of old after that: 1"),
        (_stranger_too_early, "others before them: 1"),
        (_nobody_on_new, "Of 200 users 0 came to be on new"),
        (_slow_kill, "answered no request sent more than 1001 ms later"),
        (_unseen_kill, "answered no request sent after that"),
    ],
)
def test_each_promise_is_checked(spoil: Callable[[Tally, Readings, Received], None], said: str) -> None:
    """
    Client errors, missing requests, unbalanced books, writes on new and unmarked copies are each told by a sentence.
    """
    run = perfect()
    spoil(*run)
    summary = check(*run)

    assert not summary.good
    assert len(bad_checks(summary)) == 1
    assert said in bad_checks(summary)[0]

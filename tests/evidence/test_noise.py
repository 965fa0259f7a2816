"""
Tests of what is known of old's own differences.
"""

import json
from random import Random

import pytest

from proxy.compare.difference import Kind
from proxy.compare.judging import Noisy
from proxy.evidence.noise import MOST, Noise, Place, dump, load

ENDPOINT = "GET /users/{id}"
TIME = ("$.generated_at", int(Kind.VALUE))
PLACE = Place(ENDPOINT, *TIME)
HOUR = 3600.0


def learned(*, bad: int = 500, n: int = 1_000) -> Noise:
    """
    One place, learned from twins, that the first judging table has.
    """
    noise = Noise(open_until=HOUR, lasts=14 * 24 * HOUR)
    noise.teach(ENDPOINT, n, {TIME: bad}, 0.0)
    noise.put_in_force(1)
    return noise


def states(noise: Noise) -> list[str]:
    """
    The state of every place.
    """
    return [known.state for _, known in noise.all()]


def test_what_twins_show_is_noise() -> None:
    """
    A place at which old differed from itself twice is noise; other kinds of difference there are not.
    """
    assert learned().noisy() == (Noisy(endpoint=ENDPOINT, pattern="$.generated_at", kind=Kind.VALUE),)


def test_once_is_not_enough() -> None:
    """
    One difference between two reads of old may be a write in between.
    """
    noise = learned(bad=1)
    assert noise.noisy() == ()
    assert states(noise) == ["seen once"]

    noise.teach(ENDPOINT, 10, {TIME: 1}, 5.0)
    assert states(noise) == ["noise"]


def test_noise_does_not_grow_unattended() -> None:
    """
    After learning has closed, what twins show is proposed, and accepted by people only.
    """
    noise = learned()
    later = ("$.etag", int(Kind.VALUE))
    noise.teach(ENDPOINT, 100, {later: 50}, HOUR)
    assert states(noise) == ["proposed", "noise"]

    noise.accept(Place(ENDPOINT, *later), HOUR)
    assert states(noise) == ["noise", "noise"]


def test_a_frozen_baseline_stays_as_it_is() -> None:
    """
    Rates of what is known stay, nothing is learned, and learning again ends it.
    """
    noise = learned()
    noise.freeze()
    noise.teach(ENDPOINT, 1_000, {TIME: 1_000, ("$.b", 4): 3}, 1.0)

    assert [(known.bad, known.n, known.state) for _, known in noise.all()] == [
        (3, 1_000, "proposed"),
        (500, 1_000, "noise"),
    ]

    noise.learn(2 * HOUR)
    noise.teach(ENDPOINT, 1_000, {TIME: 1_000, ("$.c", 4): 3}, 2.0)
    assert states(noise) == ["proposed", "noise", "noise"]


def test_new_is_not_accused_for_what_old_does() -> None:
    """
    As long as new differs no more often than old, nothing happens, also in a place that always differs.
    """
    for bad in (500, 1_000):
        noise = learned(bad=bad)
        for _ in range(100):
            assert noise.watch(ENDPOINT, 100, {TIME: bad // 10}, 1.0, version=1) == []


def test_new_is_accused_when_it_differs_more() -> None:
    """
    A place at which new differs more often than old is accused once, with the time, and counts again.
    """
    noise = learned()

    assert noise.watch(ENDPOINT, 500, {TIME: 400}, 7.0, version=1) == [PLACE]
    assert noise.watch(ENDPOINT, 500, {TIME: 400}, 8.0, version=1) == []
    assert noise.noisy() == ()
    assert noise.listing()[0]["state"] == "accused"
    assert noise.listing()[0]["accused"] == 7.0


def test_what_is_accepted_is_measured_by_what_it_was() -> None:
    """
    Accepting an accused place makes new's present rate the baseline, which twins no longer change: more than that is
    accused again.
    """
    noise = learned()
    noise.watch(ENDPOINT, 500, {TIME: 400}, 7.0, version=1)
    noise.accept(PLACE, 8.0)
    noise.put_in_force(1)
    noise.teach(ENDPOINT, 1_000, {TIME: 500}, 9.0)

    assert noise.watch(ENDPOINT, 1_000, {TIME: 800}, 10.0, version=1) == []
    assert noise.watch(ENDPOINT, 1_000, {TIME: 1_000}, 11.0, version=1) == [PLACE]


def live(noise: Noise) -> list[tuple[int, int]]:
    """
    In how many of how many pairs new differed at each place.
    """
    return [(known.live.bad, known.live.n) for _, known in noise.all()]


def test_what_was_judged_before_comparers_knew_a_place_says_nothing_of_it() -> None:
    """
    They didn't look for it: such pairs are none in which new didn't differ there. The same after it was accused, and
    for a successor, whose tables have other numbers.
    """
    noise = learned()
    later = ("$.etag", int(Kind.VALUE))
    noise.teach(ENDPOINT, 100, {later: 50}, 1.0)
    noise.watch(ENDPOINT, 10, {TIME: 5}, 1.0, version=1)
    noise.put_in_force(3)
    counted = []
    for version in (0, 2, 3, 4):
        noise.watch(ENDPOINT, 10, {TIME: 5, later: 5}, 2.0, version=version)
        counted.append(live(noise))
    heir = load(json.loads(json.dumps(dump(noise))), noise.lasts)
    heir.watch(ENDPOINT, 10, {TIME: 5, later: 5}, 3.0, version=9)

    assert counted == [[(0, 0), (5, 10)], [(0, 0), (10, 20)], [(5, 10), (15, 30)], [(10, 20), (20, 40)]]
    assert live(heir) == counted[-1]
    assert noise.watch(ENDPOINT, 500, {TIME: 500, later: 250}, 4.0, version=4) == [PLACE]
    noise.put_in_force(5)
    noise.accept(PLACE, 5.0)
    noise.put_in_force(6)
    noise.watch(ENDPOINT, 10, {TIME: 10}, 6.0, version=5)
    assert live(noise)[1] == (0, 0)


def test_accepting_what_is_noise_already_changes_nothing_of_what_was_counted() -> None:
    """
    Evidence against new that has been gathered is not thrown away by it.
    """
    noise = learned()
    noise.watch(ENDPOINT, 100, {TIME: 55}, 1.0, version=1)
    noise.accept(PLACE, 2.0)

    assert states(noise) == ["noise"]
    assert live(noise) == [(55, 100)]


def test_what_is_forgotten_is_only_proposed() -> None:
    """
    Somebody says that a place isn't noise: twins still show it, and it isn't learned by itself again.
    """
    noise = learned()
    noise.forget(PLACE)
    noise.teach(ENDPOINT, 100, {TIME: 50}, 3.0)

    assert states(noise) == ["proposed"]


def test_what_is_not_known_can_be_neither_accepted_nor_forgotten() -> None:
    """
    A KeyError, and nothing changes.
    """
    noise = learned()
    with pytest.raises(KeyError):
        noise.accept(Place("GET /", "$", 4), 1.0)
    with pytest.raises(KeyError):
        noise.forget(Place(ENDPOINT, "$", 4))

    assert states(noise) == ["noise"]


def test_it_expires() -> None:
    """
    What twins haven't shown for long isn't known any more; what they still show stays.
    """
    noise = learned()
    noise.teach(ENDPOINT, 100, {("$.b", 4): 3}, 10 * 24 * HOUR)
    noise.expire(20 * 24 * HOUR)

    assert [place.pattern for place, _ in noise.all()] == ["$.b"]
    noise.expire(50 * 24 * HOUR)
    assert list(noise.all()) == []
    assert noise.count == 0


def test_it_is_bounded() -> None:
    """
    Names that never come twice fill it only so far.
    """
    noise = Noise(open_until=HOUR, lasts=HOUR)
    for number in range(MOST // 100 + 2):
        noise.teach(ENDPOINT, 100, {(f"$.a{number}_{name}", 4): 1 for name in range(100)}, 0.0)

    assert noise.count == sum(1 for _ in noise.all()) == MOST


def test_it_survives() -> None:
    """
    What was dumped as JSON is loaded as it was, and goes on.
    """
    noise = learned()
    noise.watch(ENDPOINT, 12_345, {TIME: 6_000}, 1.0, version=1)
    again = load(json.loads(json.dumps(dump(noise))), noise.lasts)
    again.put_in_force(1)

    assert again == noise
    assert again.watch(ENDPOINT, 500, {TIME: 500}, 7.0, version=1) == noise.watch(
        ENDPOINT, 500, {TIME: 500}, 7.0, version=1
    )


@pytest.mark.parametrize("broken", [{}, {"open_until": 0, "frozen": False, "places": [["a"]]}, {"places": None}])
def test_what_is_broken_is_said_so(broken: dict[str, object]) -> None:
    """
    One of three errors, whatever was on the disk.
    """
    with pytest.raises((KeyError, TypeError, ValueError)):
        load(broken, HOUR)


@pytest.mark.parametrize(("old", "new", "accused"), [(0.5, 0.55, True), (0.5, 0.5, False), (0.001, 0.001, False)])
def test_a_change_of_rate_does_not_hide(old: float, new: float, accused: bool) -> None:
    """
    The promise in short: against 20,000 frozen twin pairs, five points more on a place that is noisy half of the time
    are found within 5,000 pairs, and nothing is where nothing is (`python -m benchmarks.noise`: 97 % of 1,000 runs).
    """
    random = Random(2)
    found = 0
    for _ in range(15):
        noise = learned(bad=sum(random.random() < old for _ in range(20_000)), n=20_000)
        noise.freeze()
        found += any(
            noise.watch(ENDPOINT, 100, {TIME: sum(random.random() < new for _ in range(100))}, 1.0, version=1)
            for _ in range(50)
        )

    assert found >= 13 if accused else found == 0

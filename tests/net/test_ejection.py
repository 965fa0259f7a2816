"""
A side that doesn't answer gets no more live requests, and finds its way back by itself.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.net.ejection import TRANSPORT, UNHEALTHY, Ejection
from proxy.routing.table import Eject, Health

START = 1000.0
# In the middle of the spread: exactly the nominal time.
MIDDLE = 0.5
RULES = Eject(consecutive=5, share=50.0, of=20, pause=1.0, longest=30.0)
HEALTH = Health(path="/healthz", interval=5.0, timeout=2.0, healthy=2, unhealthy=3)


def after(story: str, rules: Eject = RULES, *, now: float = START) -> Ejection:
    """
    One that saw live legs end like this: a dot was answered, an x was not.
    """
    ejection = Ejection(rules)
    tell(ejection, story, now)
    return ejection


def tell(ejection: Ejection, story: str, now: float) -> None:
    """
    Some more of them, as the request path tells them: answers only where they change something.
    """
    for one in story:
        if one == "x":
            ejection.failed("refused", now, MIDDLE)
        elif ejection.trouble:
            ejection.answered(now)


def changed(**rules: float) -> Eject:
    """
    The usual rules but for these.
    """
    values = {name: getattr(RULES, name) for name in Eject.__slots__}
    return Eject(**{**values, **rules})


def tries(ejection: Ejection, now: float) -> bool:
    """
    Whether a live request is let through.
    """
    return ejection.admits(now, MIDDLE, is_safe=True)


def knocks(ejection: Ejection, seconds: float) -> list[float]:
    """
    When somebody knocks within so many seconds, seen every quarter of one, if nothing else happens.
    """
    times = [quarter / 4 for quarter in range(int(seconds * 4) + 1)]
    return [time for time in times if ejection.is_due(START + time, MIDDLE)]


# Going out...


@pytest.mark.parametrize(
    ("story", "is_out"),
    [
        ("", False),
        ("xxxx", False),
        ("xxxxx", True),
        ("xxxx.xxxx", False),
        ("xxxx.xxxx.xx", True),
        ("x.x.x.x.x.x.x.x.x", False),
        ("x.x.x.x.x.x.x.x.x.x", True),
        ("xxx..xxx..xxx..", False),
        ("xxx......xxx......xxx......xxx......", False),
        ("........................................x", False),
    ],
)
def test_five_on_end_or_half_of_twenty_put_a_side_out(story: str, is_out: bool) -> None:
    """
    Whichever comes first; what was never seen counts as answered.
    """
    ejection = after(story)

    assert ejection.is_out == is_out
    assert ejection.cause == ("refused" if is_out else "")


@pytest.mark.parametrize(
    ("rules", "story", "is_out"),
    [
        ({"consecutive": 0}, "xxxxxxxxx", False),
        ({"consecutive": 0}, "xxxxxxxxxx", True),
        ({"share": 0.0}, "xxxx." * 50, False),
        ({"share": 0.0}, "xxxxx", True),
        ({"share": 0.0, "consecutive": 0}, "x" * 100, False),
        ({"consecutive": 50, "share": 0.0}, "x" * 49, False),
        ({"consecutive": 50, "share": 0.0}, "x" * 50, True),
        ({"consecutive": 0, "share": 1.0}, "x", True),
        ({"consecutive": 1}, "x", True),
    ],
)
def test_either_rule_can_be_switched_off(rules: dict[str, float], story: str, is_out: bool) -> None:
    """
    0 is never; a run may be longer than what the share is taken of.
    """
    assert after(story, changed(**rules)).is_out == is_out


@pytest.mark.parametrize("cause", sorted(TRANSPORT))
def test_what_a_side_does_to_its_connections_counts(cause: str) -> None:
    """
    And the one that put it out is remembered.
    """
    ejection = Ejection(RULES)
    for _ in range(5):
        ejection.failed(cause, START, MIDDLE)

    assert ejection.is_out
    assert ejection.cause == cause


@pytest.mark.parametrize("cause", ["limit", "descriptors", "reload", "overload", "internal", "upgrade", "incomplete"])
def test_what_is_our_own_doing_or_the_clients_does_not(cause: str) -> None:
    """
    However often.
    """
    ejection = Ejection(RULES)
    for _ in range(100):
        ejection.failed(cause, START, MIDDLE)

    assert not ejection.is_out
    assert ejection.trouble == 0


def test_a_side_without_trouble_need_not_be_told_of_answers() -> None:
    """
    Twenty answers after a failure it is forgotten.
    """
    ejection = after("x")
    assert ejection.trouble
    tell(ejection, "." * 20, START)

    assert ejection.trouble == 0


# Being out...


def test_while_it_is_out_somebody_knocks_now_and_then() -> None:
    """
    Every second: it costs nobody anything.
    """
    assert knocks(after("xxxxx"), 5.0) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_no_client_tries_before_the_side_has_opened_its_door() -> None:
    """
    And then one does.
    """
    ejection = after("xxxxx")
    assert not tries(ejection, START + 0.9)
    assert ejection.is_due(START + 1.0, MIDDLE)
    assert not tries(ejection, START + 1.0)
    ejection.knocked(START)

    assert [tries(ejection, START + 1.0) for _ in range(3)] == [True, False, False]
    assert ejection.is_out


def test_nobody_tries_once_the_door_is_shut_again() -> None:
    """
    As when there was no request for a while.
    """
    ejection = after("xxxxx")
    ejection.is_due(START + 1.0, MIDDLE)
    ejection.knocked(START + 1.0)
    ejection.is_due(START + 2.0, MIDDLE)
    ejection.stayed_shut()

    assert not tries(ejection, START + 2.0)


def test_the_answer_to_the_one_that_tries_brings_it_back() -> None:
    """
    With a clean slate.
    """
    ejection = after("xxxxx")
    ejection.is_due(START + 1.0, MIDDLE)
    ejection.knocked(START)
    assert tries(ejection, START + 1.0)
    ejection.answered(START + 1.1)

    assert not ejection.is_out
    assert ejection.trouble == 0
    tell(ejection, "xxxx", START + 1.2)
    assert not ejection.is_out


def test_each_one_that_tries_in_vain_doubles_the_pause() -> None:
    """
    Its door may be open and nobody home. Up to half a minute.
    """
    ejection, now, pauses = after("xxxxx"), START, []
    for _ in range(7):
        pause = next(quarter / 4 for quarter in range(400) if ejection.is_due(now + quarter / 4, MIDDLE))
        pauses.append(pause)
        now += pause
        ejection.knocked(START)
        assert tries(ejection, now)
        ejection.failed("terminated", now, MIDDLE)
        assert ejection.is_out
        assert not tries(ejection, now)

    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_one_that_tries_and_never_ends_keeps_nobody_from_trying() -> None:
    """
    Its client may have gone, or it hangs: then few others do.
    """
    ejection = after("xxxxx")
    for seconds in (1.0, 3.0, 7.0):
        assert not ejection.is_due(START + seconds - 0.1, MIDDLE)
        assert ejection.is_due(START + seconds, MIDDLE)
        ejection.knocked(START)
        assert tries(ejection, START + seconds)


def test_a_write_tries_only_if_nothing_else_comes() -> None:
    """
    For a second after the door was opened; further knocks change nothing about that.
    """
    ejection = after("xxxxx")
    for seconds in (1.0, 1.5):
        ejection.is_due(START + seconds, MIDDLE)
        ejection.knocked(START + seconds)

    assert not ejection.admits(START + 1.9, MIDDLE, is_safe=False)
    assert ejection.admits(START + 2.0, MIDDLE, is_safe=False)


def test_late_endings_change_nothing() -> None:
    """
    Of requests that were under way when it went out.
    """
    ejection = after("xxxxx" + "x.x." * 20)

    assert ejection.is_out
    assert ejection.is_due(START + 1.0, MIDDLE)


def test_a_copy_that_is_answered_brings_it_back_too() -> None:
    """
    Nobody has to try then; not while the pause lasts, and whoever has knocked meanwhile.
    """
    ejection = after("xxxxx")
    ejection.copied(START + 0.9)
    assert ejection.is_out
    ejection.is_due(START + 1.0, MIDDLE)
    ejection.copied(START + 1.1)

    assert not ejection.is_out


def test_a_side_that_nobody_can_be_sent_away_from_comes_back_by_its_answers() -> None:
    """
    Old goes on getting requests; one more that fails after the pause doubles it.
    """
    ejection = after("xxxxx")
    tell(ejection, "xxxx", START + 1.0)
    tell(ejection, ".", START + 2.9)
    assert ejection.is_out
    tell(ejection, ".", START + 3.0)

    assert not ejection.is_out


def test_one_that_flaps_is_out_for_longer_each_time() -> None:
    """
    Until it has been back for half a minute.
    """
    ejection, now, pauses = Ejection(RULES), START, []
    for rest in (0.0, 1.0, 1.0, 29.0, 1.0, 1.0, 30.0):
        now += rest
        tell(ejection, "xxxxx", now)
        assert ejection.is_out
        pause = next(quarter / 4 for quarter in range(400) if ejection.is_due(now + quarter / 4, MIDDLE))
        pauses.append(pause)
        now += pause
        ejection.knocked(START)
        assert tries(ejection, now)
        ejection.answered(now)

    # The request that tried doubles the pause, and so does being out again.
    assert pauses == [1.0, 4.0, 16.0, 30.0, 30.0, 30.0, 1.0]


@pytest.mark.parametrize(("roll", "seconds"), [(0.0, 0.9), (MIDDLE, 1.0), (1.0, 1.1)])
def test_workers_do_not_knock_in_step(roll: float, seconds: float) -> None:
    """
    Ten percent either way.
    """
    ejection = Ejection(RULES)
    for _ in range(5):
        ejection.failed("refused", START, roll)

    assert not ejection.is_due(START + seconds - 0.001, roll)
    assert ejection.is_due(START + seconds + 0.001, roll)


# Checks...


def checked(*results: bool) -> Ejection:
    """
    One whose health was asked for every five seconds.
    """
    ejection = Ejection(RULES, HEALTH)
    for turn, is_well in enumerate(results):
        ejection.checked(is_well, START + 5.0 * turn, MIDDLE)
    return ejection


@pytest.mark.parametrize(
    ("results", "is_out"),
    [
        ([False, False], False),
        ([False, False, True, False, False], False),
        ([False, False, False], True),
        ([False, False, False, True], True),
        ([False, False, False, True, False, True], True),
        ([False, False, False, True, True], False),
    ],
)
def test_checks_put_it_out_and_bring_it_back(results: list[bool], is_out: bool) -> None:
    """
    Three bad ones in a row, two good ones in a row.
    """
    ejection = checked(*results)

    assert ejection.is_out == is_out
    assert ejection.cause in ("", UNHEALTHY)


def test_where_it_is_checked_only_checks_bring_it_back() -> None:
    """
    Live requests may still put it out; good checks from before that don't count.
    """
    ejection = checked(True, True, True)
    tell(ejection, "xxxxx", START + 20.0)
    assert ejection.is_out
    assert ejection.cause == "refused"
    tell(ejection, ".", START + 60.0)
    ejection.copied(START + 60.0)
    assert not ejection.is_due(START + 60.0, MIDDLE)
    ejection.checked(True, START + 61.0, MIDDLE)
    assert ejection.is_out
    ejection.checked(True, START + 66.0, MIDDLE)

    assert not ejection.is_out


def test_without_checks_to_come_nothing_is_made_of_one() -> None:
    """
    Of a check that was under way when checks were switched off.
    """
    ejection = Ejection(RULES)
    for _ in range(10):
        ejection.checked(False, START, MIDDLE)

    assert not ejection.is_out


# Whatever happens...

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["answered", "failed", "admits", "copied", "is_due", "knocked", "stayed_shut", "checked"]),
        st.sampled_from(["refused", "connect_timeout", "limit"]),
        st.booleans(),
        st.floats(0, 40),
        st.floats(0, 1, exclude_max=True),
    ),
    max_size=200,
)


def play(ejection: Ejection, events: list[tuple[str, str, bool, float, float]]) -> float:
    """
    All of this happens; the time when it has.
    """
    now = START
    for kind, cause, is_well, step, roll in events:
        now += step
        match kind:
            case "answered":
                ejection.answered(now)
            case "failed":
                ejection.failed(cause, now, roll)
            case "admits":
                ejection.admits(now, roll, is_safe=is_well)
            case "copied":
                ejection.copied(now)
            case "is_due":
                ejection.is_due(now, roll)
            case "stayed_shut":
                ejection.stayed_shut()
            case "knocked":
                ejection.knocked(now)
            case _:
                ejection.checked(is_well, now, roll)
        assert (ejection.trouble == -1) == ejection.is_out
        assert not (ejection._trial and not ejection.is_out)
    return now


@given(EVENTS)
def test_it_always_comes_back(events: list[tuple[str, str, bool, float, float]]) -> None:
    """
    Whatever happened: after the longest pause a knock, one request that is answered, and the side is back.
    """
    ejection = Ejection(RULES)
    now = play(ejection, events) + RULES.longest * 1.1
    if ejection.is_out:
        assert ejection.is_due(now, MIDDLE)
        ejection.knocked(START)
        assert tries(ejection, now)
        ejection.answered(now)

    assert not ejection.is_out
    assert not tries(ejection, now)


@given(EVENTS)
def test_good_checks_always_bring_it_back(events: list[tuple[str, str, bool, float, float]]) -> None:
    """
    Whatever happened before them.
    """
    ejection = Ejection(RULES, HEALTH)
    now = play(ejection, events) + RULES.longest * 1.1
    for _ in range(HEALTH.healthy):
        ejection.checked(True, now, MIDDLE)

    assert not ejection.is_out


@given(st.text(alphabet="x.", max_size=200), st.integers(0, 8), st.integers(0, 100), st.integers(1, 30))
def test_it_goes_out_exactly_when_the_rules_say(story: str, consecutive: int, share: int, of: int) -> None:
    """
    Against the rules said in another way: over the text of all that was seen.
    """
    rules = changed(consecutive=consecutive, share=float(share), of=of)
    expected = any(
        (consecutive and story[:end].endswith("x" * consecutive))
        or (share and story[max(0, end - of) : end].count("x") * 100 >= share * of)
        for end in range(1, len(story) + 1)
        if story[end - 1] == "x"
    )

    assert after(story, rules).is_out == expected

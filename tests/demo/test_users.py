"""
Who stayed on new, and who came back: by the order that users can tell.
"""

import pytest

from proxy.demo.users import USERS, Users, name


def story(*answers: tuple[str, bool, float, float]) -> Users:
    """
    A run with a kill from 10 to 20, whose restore took until 21; answers are user, by new, sent, answered.
    """
    users = Users()
    for user, by_new, sent, now in sorted(answers, key=lambda answer: answer[3]):
        _tell_what_happened(users, now)
        users.answered(user, by_new=by_new, sent=sent, now=now)
    return users


def _tell_what_happened(users: Users, now: float) -> None:
    if now >= 10:
        users.kill(10)
    if now >= 20:
        users.restore(20)
    if now >= 21:
        users.restored(21)


def test_who_is_on_new_stays_there() -> None:
    """
    From old to new, once.
    """
    users = story(("u", False, 1, 2), ("u", True, 3, 4), ("u", True, 5, 6), ("u", True, 22, 23))

    assert (list(users.on_new), users.came_back) == (["u"], 0)


@pytest.mark.parametrize(("sent", "now"), [(4.1, 5), (22, 23)])
def test_an_answer_of_old_after_one_of_new_is_a_way_back(sent: float, now: float) -> None:
    """
    Also after a restore, which brings back what was.
    """
    assert story(("u", True, 3, 4), ("u", False, sent, now)).came_back == 1


def test_what_was_under_way_when_new_answered_is_none() -> None:
    """
    It was sent before anybody could know.
    """
    assert story(("u", True, 3, 4), ("u", False, 3.5, 5)).came_back == 0


@pytest.mark.parametrize(("sent", "now"), [(9.9, 10.1), (11, 12), (19, 20.5), (20.5, 22), (9, 30)])
def test_a_kill_brings_everybody_to_old(sent: float, now: float) -> None:
    """
    And what was under way when it began or ended may be anywhere.
    """
    assert story(("u", True, 3, 4), ("u", False, sent, now)).came_back == 0


def test_how_long_the_kill_took_is_told_by_what_new_still_answered() -> None:
    """
    By when that was sent; what old answered shows that there was anybody to ask.
    """
    users = story(("u", True, 9.9, 10.5), ("u", True, 10.25, 10.75), ("u", False, 11, 12), ("u", True, 20.5, 22))

    assert (users.last_on_new, users.on_old_when_killed) == (0.25, 1)


def test_users_have_names() -> None:
    """
    Each their own.
    """
    assert len({name(number) for number in range(USERS)}) == USERS


def test_staff_come_first() -> None:
    """
    Whoever else got an answer of new before others were to, came too early.
    """
    users = Users()
    users.answered(name(3), by_new=True, sent=1, now=2)
    users.answered(name(30), by_new=True, sent=2, now=3)
    users.others(4)
    users.others(7)
    users.answered(name(31), by_new=True, sent=5, now=6)
    users.answered(name(4), by_new=True, sent=5, now=6)

    assert (users.staff, users.too_early) == (2, 1)


def test_a_rollback_begins_anew() -> None:
    """
    Who comes back because of it, or while it is under way, is no one's fault; who is on new after it stays.
    """
    users = Users()
    users.answered("u", by_new=True, sent=1, now=2)
    users.answered("v", by_new=True, sent=1, now=2)
    users.roll_back()
    users.answered("u", by_new=False, sent=3, now=4)
    users.rolled_back(5)
    users.answered("v", by_new=False, sent=4.9, now=6)
    users.answered("u", by_new=False, sent=7, now=8)

    assert (users.came_back, users.on_new, list(users.first)) == (0, {}, ["u", "v"])

    users.answered("v", by_new=True, sent=7, now=8)
    users.answered("v", by_new=False, sent=9, now=10)

    assert users.came_back == 1

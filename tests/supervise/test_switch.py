"""
Whoever turns the kill switch.
"""

from proxy.supervise.killfile import Sighting
from proxy.supervise.latch import Latch
from proxy.supervise.switch import LONGEST_WORDS, Switch
from tests.parts.logged import Logged


def a_switch() -> tuple[Switch, list[Latch], Logged]:
    """
    One that nobody turned yet, its turns, and what it logs.
    """
    turns: list[Latch] = []
    logged = Logged()
    return Switch(Latch(), logged.log, turns.append), turns, logged


def test_each_turn_is_told_before_it_is_logged_and_no_turn_is_none() -> None:
    """
    Workers don't wait for words.
    """
    logged = Logged()
    before: list[list[str]] = []
    switch = Switch(Latch(), logged.log, lambda _: before.append(list(logged.events)))
    switch.restore("ops", "nothing to lift")
    switch.kill("ops", "errors")
    switch.kill("SIGUSR1", "more")
    switch.restore("ops", "mended")
    switch.restore("ops", "again")

    assert before == [[], ["killed", "already_killed"]]
    assert logged.events == ["killed", "already_killed", "restored"]
    assert logged.lines[1]["first_reason"] == "errors"


def test_the_kill_file_kills_and_forbids_to_restore_while_it_is_there() -> None:
    """
    Its end lifts nothing.
    """
    switch, turns, logged = a_switch()
    switch.file_seen(Sighting(by="ops", reason="errors"))
    switch.restore("somebody", "mended")
    switch.file_seen(None)

    assert [turn.killed for turn in turns] == [True]
    assert switch.latch.by == "ops"
    assert logged.events == ["killed", "restore_refused", "kill_file_gone"]
    assert "remove it" in logged.lines[1]["remedy"]

    switch.restore("somebody", "mended")

    assert [turn.killed for turn in turns] == [True, False]


def test_words_are_bounded() -> None:
    """
    They are kept, sent and shown.
    """
    switch, _, _ = a_switch()
    switch.kill("x" * 10_000, "y" * 10_000)

    assert (len(switch.latch.by), len(switch.latch.reason)) == (LONGEST_WORDS, LONGEST_WORDS)

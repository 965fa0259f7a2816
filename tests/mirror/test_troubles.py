"""
Whoever carries the pager is told why a side fails: at once, and not again with every request.
"""

from proxy.mirror.troubles import REPEAT, Trouble, Troubles


def test_the_first_trouble_is_due_at_once() -> None:
    """
    With how often it came until then.
    """
    troubles = Troubles()
    troubles.note(1, 1, "refused")
    troubles.note(1, 1, "refused")

    assert troubles.due(100.0) == [Trouble(1, 1, "refused", 2)]
    assert troubles.due(100.0) == []


def test_the_same_trouble_waits_its_time_and_another_does_not() -> None:
    """
    Nothing is lost in between.
    """
    troubles = Troubles()
    troubles.note(1, 1, "refused")
    troubles.due(100.0)
    for _ in range(3):
        troubles.note(1, 1, "refused")
    troubles.note(0, 0, "dns")

    assert troubles.due(101.0) == [Trouble(0, 0, "dns", 1)]
    assert troubles.due(100.0 + REPEAT) == [Trouble(1, 1, "refused", 3)]

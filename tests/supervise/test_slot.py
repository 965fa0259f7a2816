"""
How long a slot waits before it starts another child.
"""

from proxy.supervise.slot import MOST_FAILURES, back_off, count_failures


def test_back_off_doubles_from_a_tenth_of_a_second_to_ten() -> None:
    """
    A single death is repaired at once, a crash loop costs little.
    """
    assert [back_off(failures) for failures in range(1, 10)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert back_off(10_000) == 10.0
    assert back_off(MOST_FAILURES) == 10.0


def test_work_makes_up_for_short_lives() -> None:
    """
    Who is killed every few seconds comes back at once each time; who never works waits longer and longer; and after a
    crash loop that was mended it takes no more than a quarter of a minute until all is forgiven.
    """
    killed = crashing = 0
    for _ in range(50):
        killed = count_failures(killed, 2.5)
        crashing = count_failures(crashing, 0.5)

    assert killed == 1
    assert back_off(crashing) == 10.0
    assert count_failures(crashing, 16.0) == 1

"""
How long a slot waits before it starts another child.
"""

from proxy.supervise.slot import back_off


def test_back_off_doubles_from_a_tenth_of_a_second_to_ten() -> None:
    """
    A single death is repaired at once, a crash loop costs little.
    """
    assert [back_off(failures) for failures in range(1, 10)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert back_off(10_000) == 10.0

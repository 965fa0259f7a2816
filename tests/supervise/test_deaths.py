"""
Accidents, and workers that keep dying.
"""

from proxy.supervise.deaths import LIMIT, SECONDS, Deaths


def test_five_deaths_in_a_minute_are_trouble_until_the_minute_has_passed() -> None:
    """
    The words say how many, of what, and when it will be over.
    """
    deaths = Deaths()
    for number in range(LIMIT - 1):
        deaths.add(10.0 * number, 86_400.0 + 10.0 * number, "worker 0 (exit code 3)")
    assert deaths.trouble(30.0) is None
    deaths.add(40.0, 86_440.0, "worker 1 (exit code 4)")

    assert deaths.trouble(40.0) == (
        "workers keep dying: 5 deaths in 60 s, the last of worker 1 (exit code 4); "
        "what lives serves on; ready at 00:01:00 UTC if no other dies"
    )
    assert deaths.trouble(59.0) == deaths.trouble(40.0)
    assert deaths.trouble(SECONDS) is None


def test_deaths_now_and_then_are_none() -> None:
    """
    One every quarter of a minute, all day.
    """
    deaths = Deaths()
    for number in range(100):
        deaths.add(15.0 * number, 15.0 * number, "worker 0")

        assert deaths.trouble(15.0 * number) is None

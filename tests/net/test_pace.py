"""
Slow clients are told from paused ones.
"""

from proxy.net.pace import SendingPace, TakingPace

RATE, GRACE = 500, 10.0


def test_any_pace_is_fine_within_the_grace() -> None:
    """
    Slow start, slow networks.
    """
    pace = SendingPace(100.0)

    assert not pace.is_too_slow(110.0, RATE, GRACE)
    assert pace.is_too_slow(110.1, RATE, GRACE)


def test_bytes_buy_time() -> None:
    """
    500 bytes a second, on average since the client was free to send.
    """
    pace = SendingPace(100.0)
    pace.came(10_000)

    assert not pace.is_too_slow(120.0, RATE, GRACE)
    assert pace.is_too_slow(120.1, RATE, GRACE)


def test_time_that_we_took_is_not_the_clients() -> None:
    """
    After a pause the count starts anew.
    """
    pace = SendingPace(100.0)
    pace.restart(200.0)

    assert not pace.is_too_slow(210.0, RATE, GRACE)
    assert pace.is_too_slow(210.1, RATE, GRACE)


def test_no_rate_allows_any_pace() -> None:
    """
    `timeouts.body_rate: 0`.
    """
    assert not SendingPace(0.0).is_too_slow(1e9, 0, GRACE)
    assert not TakingPace(0.0, 100).is_too_slow(1e9, 100, 0, 0, GRACE)


def test_a_client_that_takes_nothing_is_given_up() -> None:
    """
    After `write_idle`, counted from the last byte taken.
    """
    pace = TakingPace(100.0, 1000)

    assert not pace.is_too_slow(130.0, 1000, 30.0, 0, GRACE)
    assert not pace.is_too_slow(131.0, 999, 30.0, 0, GRACE)
    assert not pace.is_too_slow(161.0, 999, 30.0, 0, GRACE)
    assert pace.is_too_slow(161.1, 999, 30.0, 0, GRACE)


def test_a_client_that_takes_too_little_is_given_up() -> None:
    """
    A byte now and then keeps no connection.
    """
    assert not TakingPace(100.0, 100_000).is_too_slow(120.0, 90_000, 30.0, RATE, GRACE)
    assert TakingPace(100.0, 100_000).is_too_slow(120.0, 90_001, 30.0, RATE, GRACE)

"""
Guessing is slow, and neither memory nor the audit can be filled by it.
"""

from hypothesis import given
from hypothesis import strategies as st

from proxy.admin.throttle import ALLOWED, LINES, OTHERS, PEERS, WINDOW, Line, Throttle, network


def test_ten_a_minute_then_wait() -> None:
    """
    The first failure is allowed again a minute after it, to the second.
    """
    throttle = Throttle()
    for second in range(ALLOWED):
        assert throttle.wait("10.0.0.1", 100.0 + second) == 0
        throttle.failed("10.0.0.1", 100.0 + second)

    assert throttle.wait("10.0.0.1", 109.5) == 51
    assert throttle.wait("10.0.0.2", 109.5) == 0
    assert throttle.wait("10.0.0.1", 159.9) == 1
    assert throttle.wait("10.0.0.1", 160.0) == 0


def test_trying_on_does_not_make_it_longer() -> None:
    """
    What is refused is counted for the audit, and not against the address.
    """
    throttle = Throttle()
    for _ in range(500):
        throttle.failed("10.0.0.1", 100.0)

    assert throttle.wait("10.0.0.1", 159.0) == 1
    assert throttle.wait("10.0.0.1", 160.0) == 0


def test_the_first_is_told_then_one_line_a_minute_with_a_count() -> None:
    """
    Not one failure is missing from the audit, and no storm fills it.
    """
    throttle = Throttle()
    told = [throttle.failed("10.0.0.1", 100.0 + tenth / 10) for tenth in range(1205)]

    lines = [line for some in told for line in some]
    assert told[0] == [Line(peer="10.0.0.1", count=1)]
    assert [line.count for line in lines] == [1, 600, 600]
    assert throttle.due(221.0) == []
    assert throttle.due(280.0) == [Line(peer="10.0.0.1", count=4)]
    assert throttle.due(1000.0) == []


def test_who_is_quiet_for_a_minute_is_forgotten() -> None:
    """
    Nothing is kept that could still matter to nobody.
    """
    throttle = Throttle()
    throttle.failed("10.0.0.1", 100.0)
    throttle.failed("10.0.0.1", 130.0)

    throttle.due(159.0)
    assert throttle._peers
    throttle.due(160.0)
    throttle.due(220.0)
    assert not throttle._peers
    assert throttle.failed("10.0.0.1", 221.0) == [Line(peer="10.0.0.1", count=1)]


def test_many_addresses_share_the_lines_of_a_minute() -> None:
    """
    Those beyond are one line together.
    """
    throttle = Throttle()
    lines = [line for number in range(5000) for line in throttle.failed(f"10.1.{number >> 8}.{number & 255}", 100.0)]
    lines += throttle.due(100.0 + WINDOW)

    assert len(throttle._peers) <= PEERS
    assert len(lines) == LINES + 1
    assert sum(line.count for line in lines) == 5000
    assert lines[-1].peer == OTHERS


@given(
    st.lists(
        st.tuples(st.sampled_from([f"10.0.0.{n}" for n in range(30)]), st.floats(0.0, 20.0), st.booleans()),
        max_size=200,
    )
)
def test_every_failure_is_told_once_within_bounds(steps: list[tuple[str, float, bool]]) -> None:
    """
    Whoever fails whenever: the counts add up, and no minute has more lines or an address more failures than allowed.
    """
    throttle = Throttle()
    now = 1000.0
    told: list[tuple[float, Line]] = []
    counted: list[tuple[float, str]] = []
    for address, pause, only_time in steps:
        now += pause
        if only_time:
            told += [(now, line) for line in throttle.due(now)]
            continue
        if not throttle.wait(address, now):
            counted.append((now, address))
        told += [(now, line) for line in throttle.failed(address, now)]
    told += [(now + 100, line) for line in throttle.due(now + 100)]
    told += [(now + 200, line) for line in throttle.due(now + 200)]

    assert sum(line.count for _, line in told) == sum(not only_time for _, _, only_time in steps)
    for at, _ in told:
        assert len([1 for other, _ in told if at <= other < at + WINDOW]) <= LINES
    for at, address in counted:
        assert len([1 for other, name in counted if name == address and at <= other < at + WINDOW]) <= ALLOWED
    mine = [(at, line.peer) for at, line in told]
    assert not [1 for at, peer in mine for other, name in mine if peer == name and at < other < at + WINDOW]


def test_an_ipv6_network_is_one_peer() -> None:
    """
    Whoever has one address of it usually has all.
    """
    assert network("2001:db8:1:2:3:4:5:6") == network("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert network("2001:db8:1:3::1") != network("2001:db8:1:2::1")
    assert network("::ffff:10.0.0.1") == network("10.0.0.1") == "10.0.0.1"
    assert network("::1") == "::1"
    assert network("fe80::1%eth0") == "fe80::/64"
    assert network("") == ""
    assert network("a socket") == "a socket"

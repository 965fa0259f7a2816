"""
A tester's value says a side and perhaps a name, and is worth nothing without the key of the table.
"""

from dataclasses import replace

import pytest

from proxy.routing.choice import SPLIT
from proxy.routing.overrides import FORCED, Overrides, forcing
from proxy.routing.signed import pack
from proxy.routing.table import NEW, OLD
from tests.parts.values import a_request, a_table

KEY = "0123456789abcdef" * 4
NOW = 1_790_000_000.5
UNTIL = 1_790_000_060


def request(value: str, method: str = "GET") -> bytes:
    """
    With a tester's value.
    """
    return f"{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nX-Parallax-Force: {value}\r\n\r\n".encode()


@pytest.mark.parametrize("side", [OLD, NEW])
@pytest.mark.parametrize("name", ["", "qa", "a_b-C9" * 5])
def test_a_side_is_forced_until_it_is_over(side: int, name: str) -> None:
    """
    To the second.
    """
    head = a_request(request(forcing(KEY, side, UNTIL, name)))
    overrides = Overrides(replace(a_table(), signing=KEY))

    assert overrides.forced(head, NOW) is FORCED[side]
    assert overrides.forced(head, UNTIL) is None


@pytest.mark.parametrize("name", ["a.b", "a b", "ä", "x" * 33, "a\r\nb"])
def test_a_name_is_what_can_stand_anywhere(name: str) -> None:
    """
    In a field, a cookie, a log line.
    """
    with pytest.raises(ValueError, match="write up to 32 letters"):
        forcing(KEY, NEW, UNTIL, name)


def test_without_a_key_nothing_is_believed() -> None:
    """
    Not even what was signed without one; nor what was signed as something else.
    """
    unsigned = pack(b"", b"force", b"new", UNTIL).decode()
    other = pack(bytes.fromhex(KEY), b"write", b"new", UNTIL).decode()

    assert Overrides(a_table()).forced(a_request(request(unsigned)), NOW) is None
    assert Overrides(replace(a_table(), signing=KEY)).forced(a_request(request(other)), NOW) is None


def test_split_data_says_more() -> None:
    """
    Of what may write.
    """
    value = forcing(KEY, NEW, UNTIL)
    overrides = Overrides(replace(a_table(data="split"), signing=KEY))

    assert overrides.forced(a_request(request(value)), NOW) is FORCED[NEW]
    assert overrides.forced(a_request(request(value, "POST")), NOW) is SPLIT

"""
Listening sockets: shared among our own slots, refused when anybody else has the port.
"""

import select
import socket
from collections.abc import Iterator

import pytest

from proxy.errors import ConfigurationError
from proxy.supervise.sockets import address_of, listen_on, listen_per_slot, open_listeners, show

ANYWHERE = ("127.0.0.1", 0)


@pytest.fixture
def slots() -> Iterator[list[socket.socket]]:
    """
    Three listeners on one free port.
    """
    listeners = listen_per_slot("listen", ANYWHERE, 3)
    yield listeners
    for listener in listeners:
        listener.close()


def test_all_slots_listen_on_the_port_that_the_first_got(slots: list[socket.socket]) -> None:
    """
    Port 0 works with any number of workers.
    """
    assert len({listener.getsockname() for listener in slots}) == 1
    assert slots[0].getsockname()[1] != 0


def test_the_kernel_spreads_connections_over_the_slots(slots: list[socket.socket]) -> None:
    """
    Each slot gets some of 60.
    """
    counts = [0, 0, 0]
    for _ in range(60):
        with socket.create_connection(slots[0].getsockname()):
            for listener in select.select(slots, [], [], 5)[0]:
                counts[slots.index(listener)] += 1
                listener.accept()[0].close()

    assert sum(counts) == 60
    assert min(counts) > 0


@pytest.mark.parametrize("ours", [1, 2])
@pytest.mark.parametrize("theirs", [1, 2])
def test_a_second_parallax_is_refused_although_it_would_share(ours: int, theirs: int) -> None:
    """
    SO_REUSEPORT alone would let two of them take half the traffic each, silently.
    """
    first = listen_per_slot("listen", ANYWHERE, ours)
    port = first[0].getsockname()[1]

    with pytest.raises(ConfigurationError) as refused:
        listen_per_slot("listen", ("127.0.0.1", port), theirs)

    assert str(refused.value) == (
        f"listen: 127.0.0.1:{port} is in use by another process; stop that, or set listen to a free port"
    )
    for listener in first:
        listener.close()


def test_a_foreign_user_that_shares_is_noticed() -> None:
    """
    Whoever listens there with SO_REUSEPORT would get some of our clients.
    """
    with socket.socket() as foreign:
        foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        foreign.bind(ANYWHERE)
        foreign.listen()

        with pytest.raises(ConfigurationError, match="in use"):
            listen_per_slot("listen", foreign.getsockname(), 2)


def test_a_restart_is_not_hindered_by_connections_that_linger(slots: list[socket.socket]) -> None:
    """
    TIME_WAIT on the listening side, as after any deployment.
    """
    where = slots[0].getsockname()
    client = socket.create_connection(where)
    (listener,) = select.select(slots, [], [], 5)[0]
    accepted, _ = listener.accept()
    accepted.close()
    assert client.recv(1) == b""
    client.close()
    for old in slots:
        old.close()

    fresh = listen_per_slot("listen", where, 2)

    for new in fresh:
        new.close()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (("192.0.2.1", 8080), "health.listen: 192.0.2.1:8080 is no address of this machine"),
        (("not.a.name.invalid", 8080), "health.listen: not.a.name.invalid:8080 has no address"),
        (("2001:db8::1", 80), r"health.listen: \[2001:db8::1\]:80 "),
    ],
)
def test_an_address_that_cannot_be_had_is_explained(address: tuple[str, int], words: str) -> None:
    """
    One sentence: which key, what is wrong, what to write instead.
    """
    with pytest.raises(ConfigurationError, match=words) as refused:
        listen_on("health.listen", address)

    assert ";" in str(refused.value)


def test_either_everything_listens_or_nothing() -> None:
    """
    A refused third address leaves the first two free.
    """
    with listen_on("x", ANYWHERE) as taken, listen_on("y", ANYWHERE) as free:
        where = free.getsockname()
        free.close()

        with pytest.raises(ConfigurationError, match=r"^admin\.listen: "):
            open_listeners(listen=where, health=ANYWHERE, admin=taken.getsockname(), workers=2)

        listen_on("listen", where).close()


def test_addresses_are_written_as_people_write_them() -> None:
    """
    IPv6 in brackets.
    """
    assert show(("127.0.0.1", 80)) == "127.0.0.1:80"
    assert show(("::1", 80)) == "[::1]:80"
    with listen_on("listen", ANYWHERE) as listener:
        assert address_of(listener) == f"127.0.0.1:{listener.getsockname()[1]}"

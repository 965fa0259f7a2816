"""
Where comparers listen: names that nobody guesses, sockets and pages that outlive whoever uses them.
"""

import os
import socket
from contextlib import closing

import pytest

from proxy.link.hand import SIZE, Hand
from proxy.supervise.places import Places


def test_each_comparer_has_a_place_of_its_own_that_nobody_can_guess() -> None:
    """
    128 random bits, and a number; two Parallaxes never meet.
    """
    with closing(Places(2)) as places, closing(Places(2)) as others:
        names = [*places.names, *others.names]

        assert len(set(names)) == 4
        assert all(len(bytes.fromhex(name.split("-")[1])) == 16 for name in names)
        assert len({place.page for place in places.all}) == 2


def test_a_worker_connects_while_nobody_is_there_and_what_it_sends_waits() -> None:
    """
    As while a comparer is replaced.
    """
    with closing(Places(1)) as places, socket.socket(socket.AF_UNIX) as worker:
        worker.settimeout(5)
        worker.connect(f"\0{places.names[0]}")
        worker.sendall(b"a pair")
        accepted, _ = places.all[0].listener.accept()
        with accepted:
            assert accepted.recv(100) == b"a pair"


def test_the_page_is_shared_with_whoever_inherits_its_descriptor() -> None:
    """
    And outlives him.
    """
    with closing(Places(1)) as places:
        place = places.all[0]
        assert os.fstat(place.page).st_size == SIZE
        comparers = Hand(place.page)
        comparers.hold(b"GET /a")
        del comparers

        assert place.hand.held() == "GET /a"


def test_closed_places_refuse() -> None:
    """
    Nothing is left of them.
    """
    places = Places(1)
    places.close()
    with socket.socket(socket.AF_UNIX) as worker, pytest.raises(ConnectionRefusedError):
        worker.connect(f"\0{places.names[0]}")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(places.all[0].page)

"""
The kill latch as a value.
"""

import pytest

from proxy.supervise.latch import Latch, decode, encode


def test_the_first_reason_stays_until_somebody_restores() -> None:
    """
    Clients are on old for the reason that was given first; each change has its number.
    """
    killed = Latch().set("ops", "errors", "then")

    assert killed == Latch(killed=True, by="ops", reason="errors", at="then", number=1)
    assert killed.set("SIGUSR1", "more errors", "later") is killed

    restored = killed.lift("ops", "mended", "later")

    assert restored == Latch(killed=False, by="ops", reason="mended", at="later", number=2)
    assert restored.lift("ops", "again", "even later") is restored
    assert restored.set("SIGUSR1", "again", "at last").number == 3


@pytest.mark.parametrize("latch", [Latch(), Latch().set("ops", "é\n\x00", "then")])
def test_a_latch_comes_back_from_disk_as_it_was(latch: Latch) -> None:
    """
    Whatever people write as a reason.
    """
    assert decode(encode(latch)) == latch


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x00",
        b"null",
        b"[]",
        b"{}",
        encode(Latch())[:-1],
        encode(Latch()).replace(b"false", b"0"),
        encode(Latch()).replace(b"0", b'"0"'),
        encode(Latch()).replace(b"0", b"false"),
    ],
)
def test_what_is_no_latch_is_refused(data: bytes) -> None:
    """
    Its reader takes it for a kill.
    """
    with pytest.raises(ValueError, match=r".*"):
        decode(data)

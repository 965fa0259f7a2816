"""
A key is granted once: to whoever asks first, on file before that, and never again, whoever is killed.
"""

import asyncio
from pathlib import Path

import pytest

import proxy.supervise.claims as room
from proxy.supervise.claims import CLAIMS, HEAD, MAGIC, SIZE, Claims, before, find_claims
from tests.parts.logged import Logged

ONE, OTHER, THIRD = bytes(16), bytes([1]) * 16, bytes([2]) * 16


async def asked(claims: Claims, *keys: bytes) -> list[bool]:
    """
    What is answered to these keys, all asked for at once.
    """
    loop = asyncio.get_running_loop()
    answers: list[asyncio.Future[bool]] = [loop.create_future() for _ in keys]
    for key, answer in zip(keys, answers, strict=True):
        claims.ask(key, answer.set_result)
    async with asyncio.timeout(10):
        return await asyncio.gather(*answers)


@pytest.fixture
def logged() -> Logged:
    """
    A log that can be read.
    """
    return Logged()


async def test_a_key_is_granted_once(tmp_path: Path, logged: Logged) -> None:
    """
    Also when it is asked for twice before it is on file.
    """
    claims = find_claims(tmp_path / CLAIMS, logged.log)

    assert await asked(claims, ONE, OTHER, ONE) == [True, True, False]
    assert await asked(claims, OTHER, THIRD) == [False, True]
    assert logged.lines == []


async def test_it_is_on_file_before_it_is_granted(tmp_path: Path, logged: Logged) -> None:
    """
    So that a successor knows, at whatever moment its predecessor was killed.
    """
    claims = find_claims(tmp_path / CLAIMS, logged.log)
    seen: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    claims.ask(ONE, lambda _: seen.set_result((tmp_path / CLAIMS).read_bytes()))

    assert (await seen)[HEAD.size :] == ONE
    assert await asked(find_claims(tmp_path / CLAIMS, logged.log), ONE, OTHER) == [False, True]
    assert (tmp_path / CLAIMS).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cut", range(HEAD.size + 2 * SIZE + 1))
async def test_a_file_that_ends_anywhere_is_gone_on_with(tmp_path: Path, logged: Logged, cut: int) -> None:
    """
    Its writer was killed; what was not whole was granted to nobody.
    """
    path = tmp_path / CLAIMS
    await asked(find_claims(path, logged.log), ONE, OTHER)
    path.write_bytes(path.read_bytes()[:cut])
    keys = max(0, cut - HEAD.size) // SIZE

    assert await asked(find_claims(path, logged.log), ONE, OTHER, THIRD) == [keys < 1, keys < 2, True]
    assert await asked(find_claims(path, logged.log), ONE, OTHER, THIRD) == [False, False, False]
    assert logged.lines == []


@pytest.mark.parametrize("broken", [b"x", b"no list of claims, and long enough to be one"])
async def test_what_is_no_list_is_moved_aside_and_said(tmp_path: Path, logged: Logged, broken: bytes) -> None:
    """
    Somebody else wrote it; what was granted is forgotten.
    """
    (tmp_path / CLAIMS).write_bytes(broken)
    claims = find_claims(tmp_path / CLAIMS, logged.log)

    assert logged.events == ["claims_lost"]
    assert (tmp_path / "claims.broken").read_bytes() == broken
    assert await asked(claims, ONE, ONE) == [True, False]


async def test_what_cannot_be_written_is_not_granted(tmp_path: Path, logged: Logged) -> None:
    """
    And can be asked for again; the log says so once.
    """
    folder = tmp_path / "missing"
    claims = find_claims(folder / CLAIMS, logged.log)
    assert await asked(claims, ONE) == [False]
    assert await asked(claims, ONE, OTHER) == [False, False]
    folder.mkdir()

    assert await asked(claims, ONE, OTHER) == [True, True]
    assert logged.events == ["claims_not_saved", "claims_saved"]
    assert await asked(find_claims(folder / CLAIMS, logged.log), ONE, OTHER) == [False, False]


async def test_a_file_that_is_taken_away_is_made_again(tmp_path: Path, logged: Logged) -> None:
    """
    One claim is not granted; what is in memory stays known.
    """
    path = tmp_path / CLAIMS
    claims = find_claims(path, logged.log)
    await asked(claims, ONE)
    path.unlink()

    assert await asked(claims, OTHER) == [False]
    assert await asked(claims, OTHER, ONE) == [True, False]
    assert path.read_bytes().startswith(MAGIC)


async def test_the_older_half_is_forgotten_when_there_are_many(
    tmp_path: Path, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Never the newest; a successor knows the same.
    """
    monkeypatch.setattr(room, "GENERATION", 10)
    path = tmp_path / CLAIMS
    claims = find_claims(path, logged.log)
    keys = [number.to_bytes(SIZE, "big") for number in range(100)]
    for key in keys:
        assert await asked(claims, key) == [True]
    after = find_claims(path, logged.log)
    known = [await asked(one, *keys[::-1]) for one in (after, claims)]

    assert known[0][:10] == known[1][:10] == [False] * 10
    assert any(known[0])
    assert path.stat().st_size <= HEAD.size + 110 * SIZE


async def test_after_a_day_another_generation_begins(
    tmp_path: Path, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A key is known for a day at least, and two at most.
    """
    now = [1_000_000.0]
    monkeypatch.setattr(room, "time", lambda: now[0])
    path = tmp_path / CLAIMS
    claims = find_claims(path, logged.log)
    await asked(claims, ONE)
    now[0] += room.SECONDS + 1
    await asked(claims, OTHER)

    assert before(path).read_bytes()[HEAD.size :] == ONE
    assert await asked(find_claims(path, logged.log), ONE, OTHER) == [False, False]
    now[0] += room.SECONDS + 1
    await asked(claims, THIRD)
    assert await asked(find_claims(path, logged.log), OTHER, ONE) == [False, True]


async def test_without_a_folder_they_are_known_until_the_end() -> None:
    """
    Nothing is kept then.
    """
    assert await asked(Claims(), ONE, ONE) == [True, False]


def test_a_list_that_cannot_be_read_is_said(tmp_path: Path, logged: Logged) -> None:
    """
    A folder in its place.
    """
    (tmp_path / CLAIMS).mkdir()
    find_claims(tmp_path / CLAIMS, logged.log)

    assert logged.events == ["claims_lost"]

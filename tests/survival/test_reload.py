"""
The configuration is reloaded again and again under load, well and badly.
"""

import logging
import random
from pathlib import Path

import pytest

from proxy.clock import monotonic
from tests.parts.editor import WAYS, editor
from tests.parts.parallax import until
from tests.parts.siege import siege

log = logging.getLogger("survival")

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize(
    ("good", "seconds", "more"),
    [pytest.param(3, 2.0, 6, id="2s"), pytest.param(5, 9.0, 100, id="9s", marks=pytest.mark.prove)],
)
async def test_nothing_is_lost_by_reloads(tmp_path: Path, good: int, seconds: float, more: int) -> None:
    """
    Reloads under 20 keep-alive and 5 one-shot clients, then good and bad ones at random, by every way: no request is
    lost, each one goes by one configuration that was in force, and what is bad is never applied.
    """
    roll, ways = random.Random(more), tuple(WAYS)
    async with siege({}, tmp_path) as it:
        author = await editor(it)
        before, begin = await it.operator.weights(), monotonic()
        for number in range(good):
            await it.load.answered(int(300 * seconds / good))
            await author.load_good(ways[number % 3], roll)
        took, sent = monotonic() - begin, len(it.load.asked)
        for number in range(more):
            # The file is left to itself now and then only: that takes its time.
            way = "file" if number % 8 == 7 else ways[number % 2]
            await (author.load_bad if roll.random() < 0.5 else author.load_good)(way, roll)
        await author.load_good("api", roll)
        await it.load.answered(50)
        stand = await it.quiet()
        now = await it.operator.weights()

    log.info(
        "%d reloads in %.1f s with %d requests, then %d good and %d bad ones, %d requests in all: %d lost",
        good, took, sent, len(author.versions) - good - 1, author.bad, len(stand.fates), len(stand.lost),
    )  # fmt: skip
    assert stand.lost == []
    assert it.load.refused == []
    assert author.strangers(stand.fates) == []
    assert now["epoch"] == before["epoch"]
    assert author.bad > 0


async def test_a_config_map_is_swapped(tmp_path: Path) -> None:
    """
    The file is a symlink into a folder behind a symlink, as Kubernetes mounts one: when that is swapped, the new file
    is loaded, and the old folder may go.
    """
    (tmp_path / "..v1").mkdir()
    (tmp_path / "..data").symlink_to("..v1")
    (tmp_path / "parallax.yaml").symlink_to("..data/parallax.yaml")
    async with siege({"store": f"sqlite:///{tmp_path}/state/parallax.db"}, tmp_path) as it:
        author = await editor(it)
        await it.load.answered(50)
        (tmp_path / "..v2").mkdir()
        (tmp_path / "..v2/parallax.yaml").write_text(author.text("second"))
        (tmp_path / "..next").symlink_to("..v2")
        (tmp_path / "..next").replace(tmp_path / "..data")
        (tmp_path / "..v1/parallax.yaml").unlink()
        (tmp_path / "..v1").rmdir()

        async def swapped() -> bool:
            return any(arrival.via == "second" for arrival in await it.arrived())

        await until(swapped, "the second file is in force", 15)
        await it.load.answered(50)
        stand = await it.quiet()

    assert stand.lost == []
    assert it.load.refused == []

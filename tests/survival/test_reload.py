"""
The configuration is reloaded again and again under load, well and badly.
"""

import logging
import random
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGHUP

import pytest
import yaml

from proxy.clock import monotonic
from tests.parts.account import Fate
from tests.parts.load import Outcome
from tests.parts.parallax import BASE, Configuration, merged, until
from tests.parts.siege import Siege, siege

log = logging.getLogger("survival")

pytestmark = pytest.mark.timeout(180)

# Who is told, by way; a file is noticed by itself, which takes a second or two.
WAYS = {"api": "ann", "signal": "SIGHUP", "file": "file"}
FAULTS = ("unparsable", "unknown key", "changed listen", "half-written", "empty", "wrong kind")


@dataclass(slots=True)
class Version:
    """
    A good configuration by the name that Parallax goes by under it, and the longest time it can have been in force.
    """

    name: str
    earliest: float = 0.0
    latest: float = float("inf")


@dataclass(slots=True)
class Editor:
    """
    Writes configurations and has them loaded. `digest` is that of the present one.
    """

    it: Siege
    digest: str
    versions: list[Version] = field(default_factory=lambda: [Version("parallax")])
    bad: int = 0

    @property
    def file(self) -> Path:
        """
        The configuration's.
        """
        return self.it.folder / "parallax.yaml"

    def put(self, text: str) -> None:
        """
        Replace the file as careful editors do.
        """
        draft = self.file.with_suffix(".draft")
        draft.write_text(text)
        draft.replace(self.file)

    def text(self, name: str, **changes: object) -> str:
        """
        The present configuration under another name. What is required comes last, so that no beginning of it will do.
        """
        whole: Configuration = merged(merged(BASE, self.it.configuration), {"pseudonym": name, **changes})
        last = {key: whole.pop(key) for key in ("old", "new")}
        return yaml.safe_dump({**whole, **last}, sort_keys=False)

    async def load_good(self, way: str, roll: random.Random) -> None:
        """
        Have a good one loaded. Returns once all workers go by it.
        """
        number = len(self.versions)
        address = roll.choice(("first", "second"))
        text = self.text(
            f"v{number}",
            new={"url": self.it.sides.url("new", address)},
            old={"url": self.it.sides.url("old", roll.choice(("first", "second")))},
            timeouts={"keep_alive": roll.choice((60, 75))},
            limits={"head": roll.choice((32768, 65536))},
        )
        version = Version(f"v{number}", earliest=monotonic())
        self.put(text)
        await self.tell(way, 200)
        before = self.digest

        async def loaded() -> bool:
            now = {worker["config"] for worker in (await self.it.operator.weights())["workers"]}
            self.digest = now.pop()
            return not now and self.digest != before

        await until(loaded, f"version {number} is loaded by {way}", 15)
        self.versions[-1].latest = monotonic()
        self.versions.append(version)

    async def load_bad(self, way: str, roll: random.Random) -> None:
        """
        Have a bad one loaded, which changes nothing.
        """
        self.bad += 1
        good = self.text(f"bad{self.bad}")
        text = {
            "unparsable": good + "\n  {[",
            "unknown key": good + "\nwieghts: {new: 100}\n",
            "changed listen": self.text(f"bad{self.bad}", listen="127.0.0.1:1"),
            "half-written": good[: roll.randrange(1, good.index("old:"))],
            "empty": "",
            "wrong kind": good + f"\nvia: {roll.choice(('often', '[]', '3'))}\n",
        }[roll.choice(FAULTS)]
        told = self._refusals(way)
        self.put(text)
        await self.tell(way, 422)

        async def refused() -> bool:
            return self._refusals(way) > told

        await until(refused, f"a bad file is refused by {way}:\n{text}", 15)
        now = {worker["config"] for worker in (await self.it.operator.weights())["workers"]}
        assert now == {self.digest}, f"a bad file is in force:\n{text}"

    def _refusals(self, way: str) -> int:
        return sum(line["by"] == WAYS[way] for line in self.it.parallax.events("reload_refused"))

    async def tell(self, way: str, status: int) -> None:
        """
        Say that the file should be read, unless it is watched anyway.
        """
        if way == "api":
            reply = await self.it.operator.ask("POST", "/admin/reload", {"reason": "new file"})
            assert reply.status == status, reply
        elif way == "signal":
            self.it.parallax.signal(SIGHUP)

    def strangers(self, fates: list[Fate]) -> list[Fate]:
        """
        Requests that went by a version that was not in force, by a bad one, or by two.
        """
        return [fate for fate in fates if fate.asked.outcome is Outcome.RIGHT and not self._explained(fate)]

    def _explained(self, fate: Fate) -> bool:
        names = {arrival.via for arrival in (*fate.live, *fate.copies)}
        possible = {
            version.name
            for version in self.versions
            if version.earliest <= fate.asked.ended and fate.asked.began <= version.latest
        }
        return len(names) == 1 and names <= possible


async def editor(it: Siege) -> Editor:
    """
    Somebody who edits this one's configuration.
    """
    it.parallax.forgiven.add("reload_refused")
    return Editor(it, (await it.operator.weights())["workers"][0]["config"])


@pytest.mark.parametrize(
    ("good", "seconds", "more"),
    [pytest.param(3, 3.0, 8, id="3s"), pytest.param(5, 9.0, 100, id="9s", marks=pytest.mark.prove)],
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
            way = ways[number % 2] if number % 8 else "file"
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

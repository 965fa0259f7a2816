"""
Somebody who edits a configuration and has it loaded, well and badly, and knows which one was in force when.
"""

import random
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGHUP

import yaml

from proxy.clock import monotonic
from tests.parts.account import Fate
from tests.parts.load import Outcome
from tests.parts.parallax import BASE, Configuration, merged, until
from tests.parts.siege import Siege

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

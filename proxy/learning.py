"""
STORY: what is learned of old's noise becomes what comparers judge by, and stays so whoever dies.

1. Comparers tell each second where old differed from its twin, and where new differed from old at places that are
   known for noise; `evidence/tally.py` makes counts of it, with what workers' snapshots say.
2. `evidence/noise.py` learns from the counts, and accuses new where it differs more often than old does.
3. What is noise then goes into the judging table, every `PUBLISH` at most.
4. Everything is kept in `noise.json` beside the store: a successor goes on with the same counts. What an operator
   decides is kept before it is answered; counts every `KEEP`, since a few that are lost make no difference.
5. Another old, or other rules, have other noise: learning opens anew. What is known stays, unless it is frozen.
"""

import asyncio
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from proxy.admin.changes import read_reason_of
from proxy.admin.facts import Facts
from proxy.admin.steering import Invalid, NotYet, Unknown, Unsaved, Who
from proxy.clock import time
from proxy.compare.difference import Kind
from proxy.compare.judging import JudgingTable
from proxy.evidence.noise import Known, Noise, Place, dump, load
from proxy.evidence.tally import Tally
from proxy.files import explain, set_aside, write_whole
from proxy.routing.table import Table
from proxy.rulebook import Rulebook
from proxy.tasks import spawn
from proxy.threads import Thread

# Seconds from one publication, and from one writing of the counts, to the next; and what an operator waits for a disk.
PUBLISH: Final = 2.0
KEEP: Final = 10.0
PATIENCE: Final = 2.0

Note = Callable[[Who, str, str, Any], "asyncio.Future[None]"]


class Learning:
    """
    Of one control. `note` writes a line into the audit, done once it is there; `publish` tells who listens.
    """

    def __init__(
        self,
        facts: Facts,
        rulebook: Rulebook,
        folder: Path,
        *,
        tell: Callable[..., None],
        publish: Callable[[str, dict[str, Any]], None],
        note: Note,
    ) -> None:
        self._facts = facts
        self._rulebook = rulebook
        self._path = folder / "noise.json"
        self._tell = tell
        self._publish = publish
        self._note = note
        self._tally = Tally()
        self._disk = Thread("noise")
        # None until it has been read.
        self._noise: Noise | None = None
        self._subject = ""
        self._published = self._kept = 0.0
        self._changing = asyncio.Lock()
        self._unkept: str | None = None

    # What a predecessor knew...

    def start(self) -> None:
        """
        Read what is kept, in the background.
        """
        spawn(self._open(), name="noise")

    async def _open(self) -> None:
        table = self._facts.table
        assert table is not None, "steering begins with a table"
        now, lasts = time(), table.noise.expires
        noise = Noise(open_until=now + table.noise.learn_for, lasts=lasts)
        subject = _subject(table, self._rulebook.table)
        try:
            data = await self._disk.run(lambda: self._path.read_bytes() if self._path.exists() else None)
            if data is not None:
                raw = orjson.loads(data)
                noise, self._subject = load(raw, lasts), str(raw["subject"])
        except OSError as error:
            self._tell("warning", "noise_lost", why=explain(error), remedy="noise is learned anew")
        except (AttributeError, KeyError, TypeError, ValueError):
            fate = await self._disk.run(lambda: set_aside(self._path))
            self._tell("warning", "noise_lost", why=f"{self._path.name} is broken; {fate}", remedy="it is learned anew")
        if not self._subject:
            self._subject = subject
        self._noise = noise

    # ... what comparers and workers tell...

    def take(self, judged: Mapping[str, Any]) -> None:
        """
        What one comparer saw. Raises `LinkError` for something else.
        """
        self._tally.take(judged)

    def look(self) -> None:
        """
        To be called once a second.
        """
        noise, table = self._noise, self._facts.table
        if noise is None or table is None or not (noise.count or table.noise.sample):
            return
        now = time()
        noise.lasts = table.noise.expires
        self._follow(noise, table, now)
        twins, live = self._tally.look(self._facts.merge.totals().pages, self._judged_by())
        for endpoint, counted in twins.items():
            noise.teach(endpoint, counted.pairs, counted.bad, now)
        for version, judged in live:
            for endpoint, counted in judged.items():
                for place in noise.watch(endpoint, counted.pairs, counted.bad, now, version=version):
                    self._accused(place, noise.endpoints[place.endpoint][place.pattern, place.kind])
        if now - self._published >= PUBLISH:
            self._published = now
            noise.expire(now)
            self._put_in_force(noise)
        if now - self._kept >= KEEP and not self._changing.locked():
            self._kept = now
            spawn(self._keep(), name="keep noise")

    def _follow(self, noise: Noise, table: Table, now: float) -> None:
        subject = _subject(table, self._rulebook.table)
        if subject != self._subject:
            self._subject = subject
            if not noise.frozen:
                noise.learn(now + table.noise.learn_for)
                self._tell("info", "noise_learning", until=noise.open_until, why="old, or how it is judged, is another")

    def _accused(self, place: Place, known: Known) -> None:
        said = {
            "endpoint": place.endpoint,
            "path": place.pattern,
            "kind": Kind(place.kind).name.lower(),
            "old": f"{known.bad} of {known.n}",
            "new": f"{known.live.bad} of {known.live.n}",
        }
        remedy = "new differs there more often than old from itself: look at samples, or accept it"
        self._tell("warning", "noise_accused", **said, remedy=remedy)
        self._publish("noise", {"state": "accused", **said})
        # At once: it counts from here on.
        self._published = 0.0

    def _put_in_force(self, noise: Noise) -> None:
        accused: dict[str, int] = {}
        for place, known in noise.all():
            if known.accused:
                accused[place.endpoint] = accused.get(place.endpoint, 0) + 1
        self._facts.accused = accused
        noisy = noise.noisy()
        if noisy != self._rulebook.table.noise:
            self._rulebook.change(noise=noisy)
        noise.put_in_force(self._rulebook.table.version)

    def _judged_by(self) -> int:
        """
        The oldest judging table that a comparer judges by; 0 while none does.
        """
        comparers = () if self._facts.status is None else self._facts.status.comparers
        return min((one.version for one in comparers if one.version is not None), default=0)

    # ... and what people decide.

    def listing(self) -> dict[str, Any]:
        """
        See `admin.noise`.
        """
        noise, table = self._open_noise(), self._facts.table
        return {
            "learning": not noise.frozen and time() < noise.open_until,
            "open_until": noise.open_until,
            "frozen": noise.frozen,
            "sample": 0.0 if table is None else table.noise.sample,
            "in_force": self._is_in_force(noise),
            "places": noise.listing(),
            "trouble": self._unkept,
        }

    def _is_in_force(self, noise: Noise) -> bool:
        judging = self._rulebook.table
        comparers = () if self._facts.status is None else self._facts.status.comparers
        is_told = noise.noisy() == judging.noise
        return is_told and bool(comparers) and all(one.version == judging.version for one in comparers)

    async def change(self, action: str, who: Who, body: Mapping[str, Any]) -> dict[str, Any]:
        """
        See `admin.noise`.
        """
        reason = read_reason_of(body)
        # What has begun is ended even if whoever asked is gone.
        return await asyncio.shield(
            spawn(self._change(action, who, reason, body), name="noise", on_error=lambda _: None)
        )

    async def _change(self, action: str, who: Who, reason: str, body: Mapping[str, Any]) -> dict[str, Any]:
        async with self._changing:
            noise = self._open_noise()
            before = orjson.dumps(dump(noise))
            places = self._apply(action, noise, body)
            if (trouble := await self._keep()) is not None:
                self._noise = load(orjson.loads(before), noise.lasts)
                raise Unsaved(f"nothing is changed, because it can't be saved: {trouble}")
            told = self._note(who, f"noise_{action}", reason, {"places": [list(place) for place in places]})
            self._put_in_force(noise)
            # A store that doesn't write goes on trying; what is decided stands.
            await asyncio.wait({told}, timeout=PATIENCE)
        self._tell("info", "noise_changed", action=action, by=who.name, reason=reason, places=len(places))
        self._publish("noise", {"state": action, "places": len(places)})
        return self.listing()

    def _apply(self, action: str, noise: Noise, body: Mapping[str, Any]) -> list[Place]:
        """
        Change what is known. Returns the places that it is about. Raises `Invalid`, `Unknown`.
        """
        table, now = self._facts.table, time()
        if action in {"freeze", "learn"}:
            _only(body, ("reason",))
            if action == "freeze":
                noise.freeze()
            else:
                noise.learn(now + (3600.0 if table is None else table.noise.learn_for))
            return []
        places = _chosen(noise, body)
        for place in places:
            if action == "accept":
                noise.accept(place, now)
            else:
                noise.forget(place)
        return places

    def _open_noise(self) -> Noise:
        if self._noise is None:
            raise NotYet("what is known of noise is being read; ask again in a second")
        return self._noise

    async def _keep(self) -> str | None:
        """
        Write everything down. Returns why that can't be done.
        """
        if self._noise is None:
            return None
        data = orjson.dumps({"subject": self._subject, **dump(self._noise)})
        try:
            await asyncio.wait_for(self._disk.run(lambda: write_whole(self._path, data)), PATIENCE)
            trouble = None
        except TimeoutError:
            trouble = f"{self._path} is not written after {PATIENCE:g} s; look at its disk"
        except OSError as error:
            trouble = f"{self._path}: {explain(error)}"
        if trouble != self._unkept:
            self._unkept = trouble
            if trouble is not None:
                self._tell("warning", "noise_not_saved", why=trouble)
        return trouble


def _subject(table: Table, judging: JudgingTable) -> str:
    """
    What noise is noise of: old, its twin, and how they are compared.
    """
    rules = [
        judging.rules,
        dict(judging.by_endpoint),
        dict(judging.by_route),
        table.headers,
        table.sides[0],
        table.noise.twin,
    ]
    return sha256(orjson.dumps(rules, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _only(body: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key, value in body.items():
        if key not in known:
            raise Invalid("", f"there is a key that this call doesn't take; it takes {', '.join(known)}")
        if not isinstance(value, str):
            raise Invalid(key, "is no text")


def _chosen(noise: Noise, body: Mapping[str, Any]) -> list[Place]:
    """
    The places that a body names: all of an endpoint, of one path, or of one kind.
    """
    _only(body, ("endpoint", "path", "kind", "reason"))
    if "endpoint" not in body:
        raise Invalid("endpoint", "is missing; GET /admin/noise lists what there is")
    chosen = [
        place
        for place, _ in noise.all()
        if place.endpoint == body["endpoint"]
        and body.get("path", place.pattern) == place.pattern
        and body.get("kind", Kind(place.kind).name.lower()) == Kind(place.kind).name.lower()
    ]
    if not chosen:
        raise Unknown("nothing is known of such a place; GET /admin/noise lists what there is")
    return chosen

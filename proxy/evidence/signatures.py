"""
Signatures as control knows them: counted from what comparers tell, kept in memory, handed on to be stored. Pure.

Counts since this control began are apart from those that the store had, so that a share is of the same time as the
pairs it is compared with, and so that nothing is counted twice whenever the store comes and goes.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from proxy.compare.difference import SEVERITY_NAMES
from proxy.compare.signature import Signature
from proxy.errors import LinkError
from proxy.evidence.batch import Batch
from proxy.evidence.waivers import SIGNATURE, read_parts, shown_parts

# Signatures that are known; the one that was seen longest ago is forgotten first. The store knows more.
MOST: Final = 5000
# Samples whose ids are shown with a signature, and those held while the store has none: all, and their bytes.
LATEST: Final = 5
HELD: Final = 200
HELD_BYTES: Final = 16 * 2**20
LARGEST_SAMPLE: Final = 256 * 1024
# Digests of keys that wait to be stored.
MOST_KEYS: Final = 5000
# Signatures that only workers have told of.
MOST_EARLY: Final = 1000
# What is evidence; noise is told of elsewhere.
VERDICTS: Final = frozenset({"divergent", "waived"})


@dataclass(slots=True)
class Count:
    """
    Of something: `before` is what the store had counted, `seen` what came since, `unsaved` what of that isn't stored.
    """

    before: int = 0
    seen: int = 0
    unsaved: int = 0

    @property
    def total(self) -> int:
        """
        All that is known of.
        """
        return self.before + self.seen

    def add(self, more: int) -> None:
        """
        So many more have come.
        """
        self.seen += more
        self.unsaved += more

    def restore(self, stored: int) -> None:
        """
        What the store has; in this life some of it may have been counted here, and stored there, already.
        """
        self.before = max(0, stored - (self.seen - self.unsaved))

    def save(self) -> int:
        """
        What isn't stored yet, which is from now on.
        """
        unsaved, self.unsaved = self.unsaved, 0
        return unsaved


@dataclass(slots=True, kw_only=True)
class Known:
    """
    One signature: its `pairs`, how many of them were `rechecked`, and how many of those were `transient`.
    """

    signature: Signature
    first: float
    last: float
    verdict: str
    pairs: Count = field(default_factory=Count)
    rechecked: Count = field(default_factory=Count)
    transient: Count = field(default_factory=Count)
    samples: deque[str] = field(default_factory=lambda: deque(maxlen=LATEST))

    @property
    def count(self) -> int:
        """
        All that is known of.
        """
        return self.pairs.total

    @property
    def is_due(self) -> bool:
        """
        Whether anything isn't stored yet.
        """
        return bool(self.pairs.unsaved or self.rechecked.unsaved)

    def recheck(self, still: int, agree: int) -> None:
        """
        So many pairs were asked again and still differed, and so many agreed.
        """
        self.rechecked.add(still + agree)
        self.transient.add(agree)


class Signatures:
    """
    `take` what comparers tell, `due` what is to be stored.
    """

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}
        self.dropped = 0
        self._samples: deque[dict[str, Any]] = deque()
        self._held: deque[tuple[str, str, bytes]] = deque(maxlen=HELD)
        self._held_bytes = 0
        self._keys: dict[tuple[str, str], list[float]] = {}
        # Rechecks of which workers told before comparers told of the signature.
        self._early: dict[str, list[int]] = {}
        # Judged pairs by endpoint at the time that counting began.
        self._base: dict[str, int] = {}

    # In...

    def start(self, judged: Mapping[str, int]) -> None:
        """
        Shares are of what is judged from now on.
        """
        self._base = dict(judged)

    def take(self, judged: Mapping[str, Any]) -> list[Known]:
        """
        What one comparer has told. Returns the signatures that were never seen before. Raises `LinkError`.
        """
        try:
            sightings = [_sighting(one) for one in judged.get("signatures", ()) if one["verdict"] in VERDICTS]
            samples = [_sample(one) for one in judged.get("samples", ())]
        except (KeyError, TypeError, ValueError) as error:
            raise LinkError("what was judged has the wrong shape") from error
        new = [known for sighting, keys in sightings if (known := self._see(sighting, keys)) is not None]
        for row in samples:
            self._take_sample(row)
        return new

    def take_rechecked(self, found: Mapping[str, Any]) -> None:
        """
        By signature, how many pairs still differed when one worker asked again, and how many agreed. Raises
        `LinkError`.
        """
        try:
            counts = {number: (int(still), int(agree)) for number, (still, agree) in found.items()}
        except (TypeError, ValueError) as error:
            raise LinkError("what was asked again has the wrong shape") from error
        for number, (still, agree) in counts.items():
            known = self.known.get(number)
            if known is not None:
                known.recheck(still, agree)
            elif number in self._early or len(self._early) < MOST_EARLY:
                early = self._early.setdefault(number, [0, 0])
                early[0] += still
                early[1] += agree

    def _see(self, sighting: Known, keys: Mapping[str, Any]) -> Known | None:
        number = sighting.signature.id
        known = self.known.pop(number, None)
        self._note_keys(number, keys, sighting.last)
        if known is not None:
            known.pairs.add(sighting.pairs.seen)
            known.first, known.last = min(known.first, sighting.first), max(known.last, sighting.last)
            known.verdict = sighting.verdict
        is_new, known = known is None, known or sighting
        known.recheck(*self._early.pop(number, (0, 0)))
        # Seen last, forgotten last.
        self.known[number] = known
        if len(self.known) > MOST:
            gone = self.known.pop(next(iter(self.known)))
            self.dropped += gone.is_due
        return known if is_new else None

    def _note_keys(self, number: str, keys: Mapping[str, Any], at: float) -> None:
        for digest, (by_old, by_new) in keys.items():
            counted = self._keys.get((number, digest))
            if counted is None:
                if len(self._keys) >= MOST_KEYS:
                    self.dropped += 1
                    continue
                counted = self._keys[number, digest] = [0, 0, at]
            counted[0] += by_old
            counted[1] += by_new
            counted[2] = at

    def _take_sample(self, row: dict[str, Any]) -> None:
        known = self.known.get(row["signature"])
        if known is not None:
            known.samples.append(row["id"])
        if sum(len(one["data"]) for one in self._samples) + len(row["data"]) > HELD_BYTES or len(self._samples) >= HELD:
            self.dropped += 1
        else:
            self._samples.append(row)
        if len(self._held) == HELD:
            self._let_go()
        self._held.append((row["id"], row["signature"], row["data"]))
        self._held_bytes += len(row["data"])
        while self._held_bytes > HELD_BYTES:
            self._let_go()

    def _let_go(self) -> None:
        self._held_bytes -= len(self._held.popleft()[2])

    # ... from and to the store...

    def restore(self, signatures: Iterable[Mapping[str, Any]], samples: Iterable[Mapping[str, str]]) -> None:
        """
        What the store has, the newest first: signatures, and which samples.
        """
        ids: dict[str, list[str]] = {}
        for sample in samples:
            if len(found := ids.setdefault(sample["signature"], [])) < LATEST:
                found.append(sample["id"])
        older: dict[str, Known] = {}
        for row in signatures:
            known = self.known.get(row["id"])
            if known is None:
                if len(self.known) + len(older) >= MOST:
                    continue
                known = older[row["id"]] = Known(
                    signature=Signature(id=row["id"], endpoint=row["endpoint"], parts=read_parts(row["parts"])),
                    first=row["first"],
                    last=row["last"],
                    verdict=row["verdict"],
                )
            known.pairs.restore(row["count"])
            known.rechecked.restore(row["rechecked"])
            known.transient.restore(row["transient"])
            known.first = min(known.first, row["first"])
            known.samples.extendleft(ids.get(row["id"], ()))
        # What was seen longest ago comes first.
        self.known = {**dict(reversed(older.items())), **self.known}

    def due(self) -> Batch:
        """
        What isn't stored yet. Whoever takes it gives it back by `failed`, or it counts as stored.
        """
        batch = Batch(samples=list(self._samples))
        self._samples.clear()
        for known in self.known.values():
            if known.is_due:
                batch.signatures.append(_row(known))
        batch.keys = [
            {"signature": number, "key": digest, "by_old": counted[0], "by_new": counted[1], "last": counted[2]}
            for (number, digest), counted in self._keys.items()
        ]
        self._keys.clear()
        return batch

    def failed(self, batch: Batch) -> None:
        """
        A batch could not be stored: its counts are tried again, its samples and keys are lost.
        """
        for row in batch.signatures:
            known = self.known.get(row["id"])
            if known is None:
                self.dropped += 1
            else:
                known.pairs.unsaved += row["count"]
                known.rechecked.unsaved += row["rechecked"]
                known.transient.unsaved += row["transient"]
        self.dropped += len(batch.samples) + len(batch.keys)

    # ... and out.

    def listed(
        self,
        judged: Mapping[str, int],
        waived: Callable[[str], str | None],
        *,
        endpoint: str | None = None,
        severity: str | None = None,
    ) -> list[dict[str, Any]]:
        """
        The signatures as the API tells them, the worst first and then the most frequent. `judged` are the pairs with a
        verdict by endpoint, `waived` says until when a signature is.
        """
        found = [
            known
            for known in self.known.values()
            if (endpoint is None or known.signature.endpoint == endpoint)
            and (severity is None or known.signature.severity == severity)
        ]
        found.sort(key=lambda known: (SEVERITY_NAMES.index(known.signature.severity), -known.count, known.signature.id))
        return [self.told(known, judged, waived) for known in found]

    def told(self, known: Known, judged: Mapping[str, int], waived: Callable[[str], str | None]) -> dict[str, Any]:
        """
        One signature as the API tells it.
        """
        signature = known.signature
        pairs = judged.get(signature.endpoint, 0) - self._base.get(signature.endpoint, 0)
        return {
            "id": signature.id,
            "endpoint": signature.endpoint,
            "severity": signature.severity,
            "parts": shown_parts(signature.parts),
            "first": round(known.first, 3),
            "last": round(known.last, 3),
            "count": known.count,
            "rechecked": known.rechecked.total,
            "transient": known.transient.total,
            # The books come once a second, what was judged in another.
            "share": round(min(1.0, known.pairs.seen / pairs), 6) if pairs > 0 else None,
            "verdict": known.verdict,
            "waived_until": waived(signature.id),
            "samples": list(reversed(known.samples)),
        }

    def samples_of(self, number: str) -> list[dict[str, Any]]:
        """
        The samples of a signature that are held, the newest first.
        """
        return [orjson.loads(data) for _, signature, data in reversed(self._held) if signature == number]


def _sighting(raw: Mapping[str, Any]) -> tuple[Known, Mapping[str, Any]]:
    parts = read_parts(raw["parts"])
    number = str(raw["id"])
    if not parts or SIGNATURE.fullmatch(number) is None:
        raise ValueError("no signature")
    known = Known(
        signature=Signature(id=number, endpoint=str(raw["endpoint"]), parts=parts),
        first=float(raw["first"]),
        last=float(raw["last"]),
        verdict=str(raw["verdict"]),
    )
    known.pairs.add(int(raw["count"]))
    keys = raw.get("keys", {})
    return known, {str(digest): (int(by_old), int(by_new)) for digest, (by_old, by_new) in keys.items()}


def _sample(raw: Mapping[str, Any]) -> dict[str, Any]:
    data = orjson.dumps(raw)
    number = str(raw["signature"])
    if len(data) > LARGEST_SAMPLE or SIGNATURE.fullmatch(number) is None:
        raise ValueError("no sample")
    return {"id": str(raw["id"]), "signature": number, "at": float(raw["at"]), "data": data}


def _row(known: Known) -> dict[str, Any]:
    """
    What of it isn't stored yet, which counts as stored from now on.
    """
    signature = known.signature
    return {
        "id": signature.id,
        "endpoint": signature.endpoint,
        "severity": signature.severity,
        "parts": orjson.dumps(signature.parts).decode(),
        "first": known.first,
        "last": known.last,
        "count": known.pairs.save(),
        "verdict": known.verdict,
        "rechecked": known.rechecked.save(),
        "transient": known.transient.save(),
    }

"""
The demo's last word: what Parallax found against what was planted, and what the clients saw. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proxy.demo.planted import BY_ENDPOINT, Effect, Planted
from proxy.demo.reading import Reading, total
from proxy.demo.tally import MIX, Tally

# Both medians are read off histogram buckets, so new's 30 ms don't show as exactly that.
SLOWER_FACTOR = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    One endpoint: what was planted (None: nothing), how many requests met it, what was found, and whether that is so.
    """

    endpoint: str
    planted: Planted | None
    met: int
    found: str
    good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """
    One sentence that must hold for the whole run, with its figures.
    """

    sentence: str
    good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """
    Everything that was checked.
    """

    rows: tuple[Row, ...]
    checks: tuple[Check, ...]

    @property
    def good(self) -> bool:
        """
        All is as planted.
        """
        return all(line.good for line in self.rows) and all(check.good for check in self.checks)


def summarise(tally: Tally, readings: Sequence[Reading], received: Mapping[str, Mapping[str, int]]) -> Summary:
    """
    Check a finished run. `received` has what each shop counted, by side.
    """
    known = {reading.endpoint: reading for reading in readings}
    # Endpoints that nobody asked for (`other` among them) are rows too, once anything was counted there.
    endpoints = [*MIX, *(name for name, reading in known.items() if name not in MIX and reading.eligible)]
    rows = tuple(row(endpoint, tally, known.get(endpoint, Reading(endpoint=endpoint))) for endpoint in endpoints)
    return Summary(rows=rows, checks=_checks(tally, total(readings), received))


def row(endpoint: str, tally: Tally, reading: Reading) -> Row:
    """
    One endpoint's line, during a run or after it.
    """
    planted = BY_ENDPOINT.get(endpoint)
    effect = planted.effect if planted is not None else None
    divergent, failed = reading.verdicts.get("divergent", 0), reading.verdicts.get("failed", 0)
    met, found = 0, str(divergent + failed)
    match effect:
        case Effect.DIVERGENT:
            met = tally.affected[endpoint]
            good = failed == 0 and _explains(met, divergent, reading)
        case Effect.FAILED:
            met = tally.affected[endpoint]
            good = divergent == 0 and _explains(met, failed, reading)
        case Effect.SLOWER:
            met = tally.asked[endpoint]
            slower = reading.new[0] - reading.old[0] if reading.old and reading.new else 0.0
            good = divergent + failed == 0 and slower > 0 and is_slower(reading)
            found = f"{slower:+.0f} ms" if slower else "-"
        case _:
            met = tally.asked[endpoint] if effect is Effect.HARMLESS else 0
            good = divergent + failed == 0
    return Row(endpoint=endpoint, planted=planted, met=met, found=found, good=good)


def is_slower(reading: Reading) -> bool:
    """
    New's median is clearly above old's.
    """
    return reading.old is not None and reading.new is not None and reading.new[0] > SLOWER_FACTOR * reading.old[0]


def _explains(met: int, found: int, reading: Reading) -> bool:
    # Each request that met the planted difference was found, unless Parallax says that it skipped some here.
    return found > 0 and met - sum(reading.skipped.values()) <= found <= met


def _checks(tally: Tally, books: Reading, received: Mapping[str, Mapping[str, int]]) -> tuple[Check, ...]:
    old, new = received["old"], received["new"]
    errors = tally.errors.total()
    worst = "".join(f"; {count} × {what}" for what, count in tally.errors.most_common(3))
    skipped = sum(books.skipped.values())
    return (
        Check(
            sentence=f"Clients got {tally.answered:,} answers, each byte for byte old's; errors: {errors:,}{worst}",
            good=errors == 0 and tally.answered == tally.sent,
        ),
        Check(
            sentence=f"Parallax counted {books.eligible:,} of {tally.sent:,} requests",
            good=books.eligible == tally.sent,
        ),
        Check(
            sentence=f"The books balance: {books.eligible:,} eligible, {books.judged:,} verdicts + {skipped:,} skipped",
            good=books.eligible == books.settled,
        ),
        Check(
            sentence=f"Of {tally.writes:,} writes {old['writes']:,} reached old and {new['writes']:,} reached new",
            good=(old["writes"], new["writes"]) == (tally.writes, 0),
        ),
        Check(
            sentence=f"New got {new['reads']:,} reads, {new['copies']:,} of them marked as copies",
            good=new["reads"] == new["copies"] > 0 == old["copies"],
        ),
    )

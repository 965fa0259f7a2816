"""
The demo's last word: what Parallax found against what was planted, and what the clients saw. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from proxy.demo.course import NOWHERE, Place
from proxy.demo.planted import BY_ENDPOINT, REGRESSION, Effect, Planted
from proxy.demo.reading import Found, Reading, Signature, total
from proxy.demo.signed import Learned, explains, has_noise, is_early, is_planted
from proxy.demo.tally import MIX, Tally
from proxy.demo.users import USERS

# What Parallax promises: a kill is in force within this many seconds.
KILL_SECONDS = 1.0
# Both medians are read off histogram buckets, so new's 30 ms don't show as exactly that.
SLOWER_FACTOR = 1.5
NOTHING = Found()
# Seconds from the bad release to the rollback: the guard's about 500 pairs, and what telling and looking takes.
ROLLBACK_SECONDS = 15.0


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
class Signed:
    """
    One signature, and whether it may be there; `early` has noise in it that was not known yet.
    """

    signature: Signature
    early: bool
    good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """
    One sentence that must hold for the whole run, with its figures.
    """

    sentence: str
    good: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """
    How the plan went: where it is in the end, and the seconds from the bad release to the rollback (None: never).
    """

    place: Place = NOWHERE
    tripped_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """
    Everything that was checked.
    """

    rows: tuple[Row, ...]
    signed: tuple[Signed, ...]
    checks: tuple[Check, ...]

    @property
    def good(self) -> bool:
        """
        All is as planted.
        """
        return all(line.good for line in self.rows) and all(check.good for check in self.checks)


def summarise(
    tally: Tally,
    readings: Sequence[Reading],
    found: Found,
    learned: Learned | None,
    received: Mapping[str, Mapping[str, int]],
    course: Course,
) -> Summary:
    """
    Check a finished run. `received` has what each shop counted, by side; `learned` is None if noise never was.
    """
    broken = received["new"]["broken"]
    known = {reading.endpoint: reading for reading in readings}
    # Endpoints that nobody asked for (`other` among them) are rows too, once anything was counted there.
    endpoints = [*MIX, *(name for name, reading in known.items() if name not in MIX and reading.eligible)]
    rows = tuple(
        row(
            endpoint,
            tally,
            known.get(endpoint, Reading(endpoint=endpoint)),
            found,
            learned,
            broken=broken if endpoint == REGRESSION.endpoint else 0,
        )
        for endpoint in endpoints
    )
    signed = tuple(
        Signed(signature=one, early=(early := is_early(one, learned)), good=early or is_planted(one))
        for one in found.signatures
    )
    checks = (*_checks(tally, total(readings), received), _noise_check(found, learned), _course_check(course, tally))
    return Summary(rows=rows, signed=signed, checks=checks)


def row(
    endpoint: str,
    tally: Tally,
    reading: Reading,
    found_so_far: Found = NOTHING,
    learned: Learned | None = None,
    *,
    broken: int = 0,
) -> Row:
    """
    One endpoint's line, during a run or after it. Only then, with all signatures, is what differs explained. `broken`
    answers were those of the bad release.
    """
    planted = REGRESSION if broken else BY_ENDPOINT.get(endpoint)
    effect = planted.effect if planted is not None else None
    divergent, failed = reading.verdicts.get("divergent", 0), reading.verdicts.get("failed", 0)
    skipped = sum(reading.skipped.values()) - tally.off[endpoint]
    signed = explains(planted, reading, found_so_far.signatures, learned, skipped)
    met, found = 0, f"{divergent + failed:,}"
    match effect:
        case Effect.DIVERGENT:
            met = broken or tally.affected[endpoint]
            good = failed == 0 and _explains(met, divergent, skipped) and signed
        case Effect.FAILED:
            met = tally.affected[endpoint]
            good = divergent == 0 and _explains(met, failed, skipped)
        case Effect.SLOWER:
            met = tally.asked[endpoint]
            slower = reading.new[0] - reading.old[0] if reading.old and reading.new else 0.0
            good = divergent + failed == 0 and slower > 0 and is_slower(reading)
            found = f"{slower:+.0f} ms" if slower else "-"
        case Effect.NOISE:
            met = tally.asked[endpoint]
            noise = reading.verdicts.get("noise", 0)
            good = failed == 0 < noise and signed
            found = f"{noise:,}"
        case _:
            met = tally.asked[endpoint] if effect is Effect.HARMLESS else 0
            good = divergent + failed == 0
    return Row(endpoint=endpoint, planted=planted, met=met, found=found, good=good)


def is_slower(reading: Reading) -> bool:
    """
    New's median is clearly above old's.
    """
    return reading.old is not None and reading.new is not None and reading.new[0] > SLOWER_FACTOR * reading.old[0]


def _explains(met: int, found: int, skipped: int) -> bool:
    # Each request that met the planted difference was found, unless Parallax says that it skipped some here.
    return found > 0 and met - skipped <= found <= met


def _noise_check(found: Found, learned: Learned | None) -> Check:
    if learned is None:
        return Check(sentence="It never was known where old differs from itself", good=False)
    noisy = [one for one in found.signatures if has_noise(one)]
    late = [one for one in noisy if not is_early(one, learned)]
    before = sum(one.count for one in noisy if one not in late)
    return Check(
        sentence=f"Old's own noise was known after {learned.after:.0f} s; "
        f"{before:,} pairs were blamed for it before, {'some' if late else 'none'} after",
        good=not late,
    )


def _course_check(course: Course, tally: Tally) -> Check:
    place, after = course.place, course.tripped_after
    if after is None or not place.rollbacks:
        return Check(sentence="The plan never rolled back for the bad release", good=False)
    went_on = "then it went on to 100 %" if place.phase == "finished" else f"then it stayed at {place.stage}"
    return Check(
        sentence=f"The plan rolled back by itself {after:.1f} s after the bad release came, which "
        f"{tally.hit:,} answers of users were hit by; {went_on}",
        good=place.phase == "finished" and after <= ROLLBACK_SECONDS,
    )


def _after(seconds: float) -> str:
    return f"more than {ceil(1000 * seconds)} ms later" if seconds else "after that"


def _checks(tally: Tally, books: Reading, received: Mapping[str, Mapping[str, int]]) -> tuple[Check, ...]:
    old, new, users = received["old"], received["new"], tally.users
    errors = tally.errors.total()
    worst = "".join(f"; {count} × {what}" for what, count in tally.errors.most_common(3))
    skipped = sum(books.skipped.values())
    return (
        Check(
            sentence=f"Clients got {tally.answered - tally.by_new:,} answers of old and {tally.by_new:,} of new, "
            f"as these give them; errors: {errors:,}{worst}",
            good=errors == 0 and tally.answered + tally.cut == tally.sent,
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
            sentence=f"New got {new['reads']:,} reads: {new['copies']:,} copies, {tally.by_new:,} of users, "
            f"and {tally.cut:,} that it cut off",
            good=new["reads"] - new["copies"] == tally.by_new + tally.cut and new["copies"] > 0,
        ),
        Check(
            sentence=f"Of {USERS} users {len(users.first)} came to be on new; "
            f"answers of old after that: {users.came_back}",
            good=len(users.first) > 0 == users.came_back,
        ),
        Check(
            sentence=f"The first of them were {users.staff} of the shop's staff; others before them: {users.too_early}",
            good=users.too_early == 0 and (users.staff > 0 or not users.first),
        ),
        Check(
            sentence=f"Once killed, new answered no request sent {_after(users.last_on_new)}, until the restore",
            good=users.last_on_new <= KILL_SECONDS and users.on_old_when_killed > 0,
        ),
    )

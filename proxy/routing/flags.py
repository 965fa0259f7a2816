"""
What feature flags say of sticky keys, as far as a worker knows. Pure.

A request never waits for a flag: it goes by what is known, and what isn't, or is over, is asked for meanwhile.
"""

from typing import Final

from proxy.routing.choice import Decision
from proxy.routing.route import Flag
from proxy.routing.table import NEW, OLD

# Pairs of flag and key that are remembered, the latest; those asked for at once; bytes of a key.
REMEMBERED: Final = 100_000
ASKED: Final = 5_000
LONGEST: Final = 256
# Seconds from asking to asking again, while nothing is answered.
AGAIN: Final = 1.0
# What a flag said is forgotten after so many times its `cache`, and not before so many seconds: long enough for a
# provider to be started anew, short enough that nobody is led by what a flag said yesterday.
KEPT: Final = 12
KEPT_SECONDS: Final = 60.0
BY_FLAG: Final = (Decision(OLD, "flag"), Decision(NEW, "flag"))


class _Known:
    """
    What one flag said of one key at `said`: None before the first answer, and once that is too long ago; not asked
    again before `again`.
    """

    __slots__ = ("again", "said", "value")

    def __init__(self) -> None:
        self.value: bool | None = None
        self.said = 0.0
        self.again = 0.0


class FlagMemory:
    """
    `asked` are flags and keys to be asked for, `counts` how often a flag was "fresh", "last_known" or unknown, so that
    the request went by the "native" decision.
    """

    __slots__ = ("_known", "asked", "counts")

    def __init__(self, counts: dict[str, int]) -> None:
        self._known: dict[tuple[str, bytes], _Known] = {}
        self.asked: list[tuple[str, bytes]] = []
        self.counts = counts

    def says(self, flag: Flag, key: bytes, now: float) -> bool | None:
        """
        What a flag says of a key as far as that is known, and was said less than `kept_for` ago.
        """
        if len(key) > LONGEST:
            return self._count(flag, "native", None)
        both = (flag.key, key)
        known = self._known.get(both)
        if known is None:
            if len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            known = self._known[both] = _Known()
        if known.value is not None:
            age = now - known.said
            if age < flag.cache:
                return self._count(flag, "fresh", known.value)
            if age >= kept_for(flag):
                known.value = None
        if now >= known.again and len(self.asked) < ASKED:
            known.again = now + AGAIN
            self.asked.append(both)
        return self._count(flag, "native" if known.value is None else "last_known", known.value)

    def answered(self, flag: str, key: bytes, value: bool, now: float) -> None:
        """
        A flag has said something of a key.
        """
        known = self._known.get((flag, key))
        if known is not None:
            known.value, known.said = value, now

    def take(self) -> list[tuple[str, bytes]]:
        """
        What is to be asked for, once.
        """
        asked, self.asked = self.asked, []
        return asked

    def _count(self, flag: Flag, outcome: str, value: bool | None) -> bool | None:
        name = f"{flag.key}|{outcome}"
        self.counts[name] = self.counts.get(name, 0) + 1
        return value


def kept_for(flag: Flag) -> float:
    """
    Seconds for which what a flag said of a key counts, as long as nothing newer is known.
    """
    return max(KEPT * flag.cache, KEPT_SECONDS)


def flagged(flag: Flag, said: bool | None, native: Decision) -> Decision:
    """
    What is decided where a flag has a say: all, or that new doesn't answer. Not for a share of 0 (`ways.overruled`).
    """
    if said is None:
        return native
    if flag.mode == "decide":
        return BY_FLAG[said]
    return BY_FLAG[OLD] if native.live == NEW and not said else native

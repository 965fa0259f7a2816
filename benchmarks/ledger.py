"""
Parallax's books, read from the outside: the metrics that its admin side shows.
"""

import http.client
from dataclasses import dataclass, field
from time import monotonic, sleep

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.contenders import Contender
from benchmarks.processes import HOST, CannotMeasure


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """
    Totals since the start, over all endpoints or of one: how many exchanges were eligible and how each of them ended.
    """

    eligible: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    shadow_memory: int = 0

    @property
    def ended(self) -> int:
        """
        Exchanges with a verdict or a skip reason.
        """
        return sum(self.verdicts.values()) + sum(self.skipped.values())

    def since(self, earlier: "Ledger") -> "Ledger":
        """
        What was added after `earlier`; the memory is this reading's.
        """
        return Ledger(
            eligible=self.eligible - earlier.eligible,
            verdicts=_less(self.verdicts, earlier.verdicts),
            skipped=_less(self.skipped, earlier.skipped),
            shadow_memory=self.shadow_memory,
        )


def _less(now: dict[str, int], then: dict[str, int]) -> dict[str, int]:
    return {key: more for key, count in now.items() if (more := count - then.get(key, 0))}


def read_ledger(contender: Contender, path: str | None = None) -> Ledger:
    """
    The books as control knows them now; workers report once a second. With a `path`, of GET requests for it.
    """
    connection = http.client.HTTPConnection(HOST, contender.admin or 0, timeout=10)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except OSError as error:
        raise CannotMeasure(f"{contender.name} doesn't show its metrics: {error}") from error
    finally:
        connection.close()
    eligible = memory = 0
    verdicts: dict[str, int] = {}
    skipped: dict[str, int] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            value = int(sample.value)
            if path is not None and sample.labels.get("endpoint") != f"GET {path}":
                continue
            if sample.name == "parallax_eligible_total":
                eligible += value
            elif sample.name == "parallax_comparisons_total":
                verdict = sample.labels["verdict"]
                verdicts[verdict] = verdicts.get(verdict, 0) + value
            elif sample.name == "parallax_skipped_total":
                reason = sample.labels["reason"]
                skipped[reason] = skipped.get(reason, 0) + value
            elif sample.name == "parallax_shadow_memory_bytes":
                memory += value
    return Ledger(eligible=eligible, verdicts=verdicts, skipped=skipped, shadow_memory=memory)


def settled_ledger(contender: Contender, *, at_least: int = 0, seconds: float = 10.0) -> Ledger:
    """
    The books once every eligible exchange has ended and `at_least` were counted, or as they are after `seconds`.

    Two equal readings more than a second apart, since what workers report is up to a second old.
    """
    deadline = monotonic() + seconds
    before = read_ledger(contender)
    while True:
        sleep(1.2)
        now = read_ledger(contender)
        quiet = now == before and now.eligible == now.ended and now.eligible >= at_least
        if quiet or monotonic() > deadline:
            return now
        before = now

"""
The answers of the admin API as plain values: what control knows, in the shape of the contract. No I/O.
"""

from typing import Any

from proxy.admin.facts import Facts, Worker
from proxy.admin.warnings import lags, warnings
from proxy.metrics.books import DELTAS, DIVERGENT, FAILED, RATIOS, ROLES, SECONDS, UNPAIRED, VERDICTS, Page
from proxy.metrics.quantiles import quantile
from proxy.routing.table import NEW, OLD, SIDES, Table


def weights(facts: Facts, table: Table) -> dict[str, Any]:
    """
    `GET /admin/weights`: who is on new, what is copied, and which worker routes by what. `old`, `new`, `mirror` and
    new's shares of `routes` and `cohorts` are what is wanted, and in force unless `killed`.
    """
    return {
        "epoch": table.epoch,
        "old": round(100.0 - table.weight, 2),
        "new": round(table.weight, 2),
        "mirror": table.mirror.percent,
        "killed": facts.killed,
        "split": table.split,
        "served": dict(zip(SIDES, facts.served(), strict=True)),
        "still_on_new": facts.still_on_new(),
        "routes": {route.name: table.weight_of(route) for route in table.routes},
        "cohorts": {cohort.name: table.weight_of_cohort(cohort) for cohort in table.cohorts},
        "workers": [_worker(facts, table, worker) for worker in sorted(facts.alive, key=_slot)],
        "warnings": warnings(facts, table),
    }


def _slot(worker: Worker) -> tuple[int, str]:
    """
    The order that people expect: host/2 before host/10, however often they were replaced.
    """
    return len(worker.id), worker.id


def _worker(facts: Facts, table: Table, worker: Worker) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "id": worker.id,
        "epoch": worker.epoch,
        "config": worker.digest,
        "killed": worker.killed,
        "lagging": lags(facts, table, worker),
    }
    state = facts.state_of(worker.incarnation)
    if state is not None:
        answer |= {
            "breaker_open": dict(zip(SIDES, state.breaker_open, strict=True)),
            "ejected": dict(zip(SIDES, state.ejected, strict=True)),
            "shadow_memory": state.shadow_memory,
            "connections": state.connections,
            "inflight": state.inflight,
            "overload": state.overload,
            "brownout": state.brownout,
        }
    return answer


def endpoints(facts: Facts) -> dict[str, Any]:
    """
    `GET /admin/endpoints`: the books by endpoint, the most divergent first.
    """
    listed, pages = set(facts.learner.endpoints), facts.merge.totals().pages
    rows = [{**_endpoint(page), "listed": page.name in listed} for page in pages.values()]
    rows.sort(key=lambda row: (-1.0 if row["divergence"] is None else row["divergence"], row["eligible"]), reverse=True)
    # Nobody has asked for these yet: whatever is true of the others, nothing is known of them.
    unseen = [name for name in facts.learner.configured if name not in pages or not sum(pages[name].eligible)]
    return {"endpoints": rows, "unseen": unseen, "listed": len(listed), "limit": facts.learner.limit}


def _endpoint(page: Page) -> dict[str, Any]:
    verdicts = [old + new for old, new in zip(*page.verdicts, strict=True)]
    skipped = dict(page.skipped[OLD])
    for reason, count in page.skipped[NEW].items():
        skipped[reason] = skipped.get(reason, 0) + count
    judged = sum(verdicts)
    return {
        "endpoint": page.name,
        "eligible": sum(page.eligible),
        "live": dict(zip(SIDES, page.eligible, strict=True)),
        "verdicts": dict(zip(VERDICTS, verdicts, strict=True)),
        "skipped": skipped,
        "failed": dict(zip(SIDES, page.failed, strict=True)),
        # Of the judged exchanges, those in which the sides did not agree; nothing judged is not the same as 0.
        "divergence": round((verdicts[DIVERGENT] + verdicts[FAILED]) / judged, 6) if judged else None,
        "rechecked": sum(page.rechecks),
        "transient": page.rechecks[True],
        "latency_ms": {name: _latency(page, side) for side, name in enumerate(SIDES)},
        "connects": {name: sum(page.connects[side * 2 : side * 2 + 2]) for side, name in enumerate(SIDES)},
        "paired": {name: _paired(page, live) for live, name in enumerate(SIDES)},
        "unpaired": {reason: sum(reasons.get(reason, 0) for reasons in page.unpaired) for reason in UNPAIRED},
    }


def _latency(page: Page, side: int) -> dict[str, float | int | None] | None:
    """
    Of one side in both roles, estimated from the histograms: milliseconds.
    """
    legs = page.seconds[side * len(ROLES) : (side + 1) * len(ROLES)]
    counts = [sum(bucket) for bucket in zip(*legs, strict=True)]
    if not any(counts):
        return None
    return {"count": sum(counts), "p50": _milliseconds(counts, 0.5), "p99": _milliseconds(counts, 0.99)}


def _paired(page: Page, live: int) -> dict[str, Any] | None:
    """
    How new compares to old in the same exchange, estimated from the histograms.
    """
    deltas, ratios = page.deltas[live], page.ratios[live]
    if not any(deltas):
        return None
    shares = {"p50": 0.5, "p99": 0.99}
    return {
        "pairs": sum(deltas),
        "difference_ms": {
            name: round((quantile(DELTAS, deltas, share) or 0.0) * 1000, 3) for name, share in shares.items()
        },
        "ratio": {name: round(quantile(RATIOS, ratios, share) or 0.0, 3) for name, share in shares.items()},
    }


def _milliseconds(counts: list[int], share: float) -> float | None:
    seconds = quantile(SECONDS, counts, share)
    return None if seconds is None else round(seconds * 1000, 3)


def judged(facts: Facts) -> dict[str, int]:
    """
    How many pairs have a verdict, by endpoint.
    """
    pages = facts.merge.totals().pages.values()
    return {page.name: sum(map(sum, page.verdicts)) for page in pages}


def unjudged(facts: Facts, endpoint: str | None) -> list[dict[str, Any]]:
    """
    Of `GET /admin/divergences` the last pairs that no comparer looks at, newest first, of one endpoint or of all.
    """
    return [sample for sample in reversed(facts.samples) if endpoint is None or sample.get("endpoint") == endpoint]

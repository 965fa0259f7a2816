"""
The books in Prometheus' formats: a collector for the registry it is given, and the rendering by `Accept`.

Only series that have counted something are exposed, with two exceptions: an endpoint with eligible exchanges has all
six verdicts, and both sides of `parallax_failed_total`, so that a rate sees the first of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from proxy.metrics.books import DELTAS, RATIOS, ROLES, SECONDS, VERDICTS, Books, Page
from proxy.routing.table import SIDES

# What a plan can be: its phase, and while it runs the step that it is in.
PLAN_STATES: Final = (
    *("draft", "preflight", "waiting", "shifting", "settling", "observing", "ready", "held", "rolling_back"),
    *("rolled_back", "finished", "aborted"),
)
OUTCOMES: Final = ("pass", "fail", "inconclusive", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerGauges:
    """
    What is exposed of one living worker; `worker` is its public id, None means it has not said so yet.
    """

    worker: str
    epoch: int | None
    shadow_memory: int | None
    overload: int | None
    brownout: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """
    New's share of the live traffic in percent: of a route, of a cohort, or of all.
    """

    new: float
    route: str = ""
    cohort: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateGauges:
    """
    What is exposed of one gate of the present stage: its result, how far its evidence has gone towards passing and
    failing (1 has decided), and about how many more opportunities it needs, None if that can't be said.
    """

    gate: str
    outcome: str
    passing: float
    failing: float
    needed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanGauges:
    """
    What is exposed of a plan: its name, the present stage and its index, the state in a word, gates, and by guard how
    near it is to tripping (1 and more has tripped).
    """

    plan: str
    stage: str
    index: int
    state: str
    gates: tuple[GateGauges, ...] = ()
    guards: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """
    Everything that is exposed, at one instant. `breaker_open` is by side, as is `ejected`, which counts workers;
    percents are 0 to 100 and what is in effect; `reloaded_at` is Unix time, None before a first reload; `accused`
    counts noisy places by endpoint.
    """

    books: Books
    workers: tuple[WorkerGauges, ...]
    shares: tuple[Share, ...]
    mirror: float | None
    killed: bool
    evidence_dropped: int
    breaker_open: tuple[bool, bool]
    ejected: tuple[int, int]
    reload_successful: bool
    reloaded_at: float | None
    accused: dict[str, int]
    build: dict[str, str]
    plan: PlanGauges | None = None


class BooksCollector(Collector):
    """
    Asks `read` for the present state at every scrape.
    """

    def __init__(self, read: Callable[[], Exposed]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """
        Called by the registry.
        """
        exposed = self._read()
        pages = sorted(exposed.books.pages.values(), key=lambda page: page.name)
        yield from _counters(pages)
        yield _seconds(pages)
        yield _deltas(pages)
        yield _ratios(pages)
        yield from _unpaired(pages)
        yield _errors(exposed.books)
        yield _flags(exposed.books)
        yield from _gauges(exposed)
        if exposed.plan is not None:
            yield from _plan(exposed.plan)


def render(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """
    Body and content type: Prometheus' text format, or OpenMetrics for who accepts that.
    """
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # a version in `Accept` that is none
        encode, content_type = choose_encoder("")
    return encode(registry), content_type


def _counters(pages: list[Page]) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "parallax_requests", "Answers of a side, by status code.", labels=("endpoint", "side", "role", "code")
    )
    eligible = CounterMetricFamily(
        "parallax_eligible", "Requests that got a routing decision, by live side.", labels=("endpoint", "live")
    )
    comparisons = CounterMetricFamily(
        "parallax_comparisons", "Eligible exchanges that got a verdict.", labels=("endpoint", "live", "verdict")
    )
    skipped = CounterMetricFamily(
        "parallax_skipped", "Eligible exchanges that got no verdict, and why.", labels=("endpoint", "live", "reason")
    )
    failed = CounterMetricFamily(
        "parallax_failed", "Exchanges in which only this side gave no complete answer.", labels=("endpoint", "side")
    )
    failovers = CounterMetricFamily(
        "parallax_failovers",
        "Requests that this side gave no answer to, asked of the other.",
        labels=("endpoint", "side"),
    )
    differences = CounterMetricFamily(
        "parallax_differences",
        "Judged exchanges whose answers differ in this way, whatever the verdict.",
        labels=("endpoint", "kind"),
    )
    twins = CounterMetricFamily(
        "parallax_twins", "Answers of old that were compared with a twin's, to learn noise.", labels=("endpoint",)
    )
    rechecked = CounterMetricFamily(
        "parallax_rechecked", "Divergent exchanges of which both sides were asked again.", labels=("endpoint",)
    )
    transient = CounterMetricFamily(
        "parallax_transient", "Those of them in which the sides agreed then.", labels=("endpoint",)
    )
    for page in pages:
        if any(page.twins):
            twins.add_metric((page.name,), sum(page.twins))
        if any(page.rechecks):
            rechecked.add_metric((page.name,), sum(page.rechecks))
            transient.add_metric((page.name,), page.rechecks[True])
        for kind, count in sorted(page.differences.items()):
            differences.add_metric((page.name, kind), count)
        for index, codes in enumerate(page.requests):
            for code, count in sorted(codes.items()):
                requests.add_metric((page.name, SIDES[index // 2], ROLES[index % 2], str(code)), count)
        for live, side in enumerate(SIDES):
            if page.eligible[live]:
                eligible.add_metric((page.name, side), page.eligible[live])
                for verdict, count in zip(VERDICTS, page.verdicts[live], strict=True):
                    comparisons.add_metric((page.name, side, verdict), count)
            for reason, count in sorted(page.skipped[live].items()):
                skipped.add_metric((page.name, side, reason), count)
            if any(page.eligible):
                failed.add_metric((page.name, side), page.failed[live])
            if page.failovers[live]:
                failovers.add_metric((page.name, side), page.failovers[live])
    yield from (requests, eligible, comparisons, skipped, failed, failovers, differences, twins, rechecked, transient)


def _seconds(pages: list[Page]) -> Metric:
    family = HistogramMetricFamily(
        "parallax_request_seconds",
        "Pair latency: request fully sent to answer head.",
        labels=("endpoint", "side", "role"),
    )
    for page in pages:
        for index, counts in enumerate(page.seconds):
            if any(counts):
                labels = (page.name, SIDES[index // 2], ROLES[index % 2])
                family.add_metric(labels, _buckets(_SECONDS, counts), page.sums[index])
    return family


def _deltas(pages: list[Page]) -> Metric:
    # Buckets only: a sum of differences may shrink, so it is no counter, and OpenMetrics forbids `_sum` beside
    # negative buckets and `_count` without `_sum`. The number of pairs is the bucket of +Inf.
    family = HistogramMetricFamily(
        "parallax_latency_difference_seconds",
        "Pair latency of new minus that of old; buckets only, the number of pairs is the one of +Inf.",
        labels=("endpoint", "live"),
    )
    for page in pages:
        for side, counts in zip(SIDES, page.deltas, strict=True):
            if any(counts):
                family.add_metric((page.name, side), _buckets(_DELTAS, counts), None)
    return family


def _ratios(pages: list[Page]) -> Metric:
    family = HistogramMetricFamily(
        "parallax_latency_ratio",
        "Pair latency of new divided by that of old; buckets only, the number of pairs is the one of +Inf.",
        labels=("endpoint", "live"),
    )
    for page in pages:
        for side, counts in zip(SIDES, page.ratios, strict=True):
            if any(counts):
                family.add_metric((page.name, side), _buckets(_RATIOS, counts), None)
    return family


def _unpaired(pages: list[Page]) -> Iterator[Metric]:
    connects = CounterMetricFamily(
        "parallax_connects", "Legs that waited for a new connection.", labels=("endpoint", "side", "role")
    )
    unpaired = CounterMetricFamily(
        "parallax_unpaired",
        "Exchanges whose two latencies can't be compared, and why.",
        labels=("endpoint", "live", "reason"),
    )
    for page in pages:
        for index, count in enumerate(page.connects):
            if count:
                connects.add_metric((page.name, SIDES[index // 2], ROLES[index % 2]), count)
        for side, reasons in zip(SIDES, page.unpaired, strict=True):
            for reason, count in sorted(reasons.items()):
                unpaired.add_metric((page.name, side, reason), count)
    yield from (connects, unpaired)


_SECONDS = (*map(floatToGoString, SECONDS), "+Inf")
_DELTAS = (*map(floatToGoString, DELTAS), "+Inf")
_RATIOS = (*map(floatToGoString, RATIOS), "+Inf")


def _buckets(bounds: tuple[str, ...], counts: list[int]) -> list[tuple[str, float]]:
    return list(zip(bounds, accumulate(counts), strict=True))


def _errors(books: Books) -> Metric:
    family = CounterMetricFamily(
        "parallax_errors",
        "Requests that Parallax itself answered with an error.",
        labels=("where", "cause"),
    )
    for key, count in sorted(books.errors.items()):
        where, _, cause = key.partition("|")
        family.add_metric((where, cause), count)
    return family


def _flags(books: Books) -> Metric:
    family = CounterMetricFamily(
        "parallax_flag",
        "Requests of routes with a feature flag, by how what it says was known.",
        labels=("flag", "outcome"),
    )
    for key, count in sorted(books.flags.items()):
        flag, _, outcome = key.rpartition("|")
        family.add_metric((flag, outcome), count)
    return family


def _gauges(exposed: Exposed) -> Iterator[Metric]:
    weight = GaugeMetricFamily(
        "parallax_weight_percent", "Share of live traffic that a side gets.", labels=("side", "route", "cohort")
    )
    for share in exposed.shares:
        weight.add_metric((SIDES[0], share.route, share.cohort), round(100.0 - share.new, 2))
        weight.add_metric((SIDES[1], share.route, share.cohort), round(share.new, 2))
    yield weight
    if exposed.mirror is not None:
        yield GaugeMetricFamily("parallax_mirror_percent", "Share of requests that are copied.", exposed.mirror)
    if exposed.evidence_dropped:
        dropped = float(exposed.evidence_dropped)
        yield CounterMetricFamily("parallax_evidence_dropped", "Rows of evidence that could not be kept.", dropped)
    yield GaugeMetricFamily("parallax_killed", "1 while the kill latch is set.", float(exposed.killed))
    epoch = GaugeMetricFamily("parallax_epoch", "The epoch that a worker routes by.", labels=("worker",))
    memory = GaugeMetricFamily(
        "parallax_shadow_memory_bytes", "Held by a worker for copies and for judging.", labels=("worker",)
    )
    overload = GaugeMetricFamily(
        "parallax_overload_level",
        "What a worker sheds: 1 comparisons, 2 copies, 3 idle clients, 4 requests.",
        labels=("worker",),
    )
    brownout = GaugeMetricFamily(
        "parallax_brownout",
        "1 while a worker makes no copies since live answers are slower with them.",
        labels=("worker",),
    )
    for gauges in exposed.workers:
        if gauges.epoch is not None:
            epoch.add_metric((gauges.worker,), gauges.epoch)
        if gauges.shadow_memory is not None:
            memory.add_metric((gauges.worker,), gauges.shadow_memory)
        if gauges.overload is not None:
            overload.add_metric((gauges.worker,), gauges.overload)
        if gauges.brownout is not None:
            brownout.add_metric((gauges.worker,), float(gauges.brownout))
    breaker = GaugeMetricFamily(
        "parallax_breaker_open", "1 while any worker's breaker keeps copies from this side.", labels=("side",)
    )
    for side, is_open in zip(SIDES, exposed.breaker_open, strict=True):
        breaker.add_metric((side,), float(is_open))
    ejected = GaugeMetricFamily(
        "parallax_ejected",
        "Workers in which this side gets no live requests, because they fail there.",
        labels=("side",),
    )
    for side, count in zip(SIDES, exposed.ejected, strict=True):
        ejected.add_metric((side,), float(count))
    yield from (epoch, memory, overload, brownout, breaker, ejected)
    yield GaugeMetricFamily(
        "parallax_config_last_reload_successful",
        "1 while the configuration in use is the newest one read.",
        float(exposed.reload_successful),
    )
    if exposed.reloaded_at is not None:
        yield GaugeMetricFamily(
            "parallax_config_last_reload_success_timestamp_seconds",
            "When the configuration was last read again and taken over.",
            exposed.reloaded_at,
        )
    accused = GaugeMetricFamily(
        "parallax_noise_accused",
        "Noisy places at which new differs more often than old does from itself.",
        labels=("endpoint",),
    )
    for endpoint, count in sorted(exposed.accused.items()):
        accused.add_metric((endpoint,), count)
    yield accused
    yield InfoMetricFamily("parallax_build", "What is running.", exposed.build)


def _plan(plan: PlanGauges) -> Iterator[Metric]:
    stage = GaugeMetricFamily(
        "parallax_plan_stage", "The number of the present stage, from 1.", labels=("plan", "stage")
    )
    stage.add_metric((plan.plan, plan.stage), plan.index + 1)
    state = GaugeMetricFamily("parallax_plan_state", "1 for the state that the plan is in.", labels=("plan", "state"))
    for known in PLAN_STATES:
        state.add_metric((plan.plan, known), float(known == plan.state))
    of_gate = ("plan", "stage", "gate")
    outcome = GaugeMetricFamily("parallax_gate", "1 for the result of a gate.", labels=(*of_gate, "outcome"))
    evidence = GaugeMetricFamily(
        "parallax_gate_evidence_ratio",
        "How far the evidence of a gate has gone towards passing or failing; 1 has decided.",
        labels=(*of_gate, "towards"),
    )
    needed = GaugeMetricFamily(
        "parallax_gate_needed_pairs", "About how many more opportunities a gate needs.", labels=of_gate
    )
    for gate in plan.gates:
        labels = (plan.plan, plan.stage, gate.gate)
        for known in OUTCOMES:
            outcome.add_metric((*labels, known), float(known == gate.outcome))
        evidence.add_metric((*labels, "pass"), gate.passing)
        evidence.add_metric((*labels, "fail"), gate.failing)
        if gate.needed is not None:
            needed.add_metric(labels, gate.needed)
    guards = GaugeMetricFamily(
        "parallax_guard_evidence_ratio", "How near a guard is to tripping; 1 and more has.", labels=("plan", "guard")
    )
    for name, share in sorted(plan.guards.items()):
        guards.add_metric((plan.plan, name), share)
    yield from (stage, state, outcome, evidence, needed, guards)

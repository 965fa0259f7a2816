"""
What an operator who asks for the weights should know besides: one sentence each, the most urgent first. Pure.
"""

from collections.abc import Iterator

from proxy.admin.facts import Facts, Worker
from proxy.routing.table import NEW, SIDES, Table

# By level of the overload ladder.
SHED = (
    "nothing is shed",
    "nothing is compared",
    "nothing is copied",
    "nothing is copied, idle clients are closed",
    "nothing is copied, some requests get a 503",
)


def warnings(facts: Facts, table: Table) -> list[str]:
    """
    All there is to say at this instant.
    """
    return [
        *_of_killing(facts),
        *_of_workers(facts, table),
        *facts.steered.troubles,
        *_of_overload(facts),
        *_of_saving(facts),
        *_of_drawing(table),
        *_of_flags(table),
        *_of_asking(facts, table),
        *_of_ejection(facts),
        *_of_breakers(facts),
        *of_configuration(facts, table),
    ]


def lags(facts: Facts, table: Table, worker: Worker) -> bool:
    """
    Whether a living worker doesn't route by the newest table, or doesn't obey the kill latch.
    """
    return (worker.epoch, worker.digest) != (table.epoch, table.digest) or worker.killed is not facts.killed


def of_configuration(facts: Facts, table: Table) -> Iterator[str]:
    """
    What the configuration names for a first start and isn't in force, with the command that would change it.
    """
    steered = facts.steered
    where = steered.file or "the command line"
    if steered.new is not None and steered.new != table.weight:
        yield (
            f"weights.new is {steered.new:g} in {where} and {table.weight:g} in force; after the first start it has no "
            f"effect: `parallax weights set --new {steered.new:g} --reason …` does it"
        )
    if steered.mirror is not None and steered.mirror != table.mirror.percent:
        yield (
            f"mirror.percent is {steered.mirror:g} in {where} and {table.mirror.percent:g} in force; after the first "
            f"start it has no effect: `parallax mirror set --percent {steered.mirror:g} --reason …` does it"
        )


def _of_killing(facts: Facts) -> Iterator[str]:
    if facts.status is None or not facts.killed:
        return
    latch = facts.status.latch
    why = f": {latch.reason}" if latch.reason else ""
    yield (
        f"killed by {latch.by or 'somebody'} at {latch.at}{why}; all traffic is on old and nothing is copied, changes "
        "are kept for later; `parallax restore` ends it"
    )
    if facts.status.kill_file:
        yield "the kill file is there; remove it, or restore is refused"


def _of_workers(facts: Facts, table: Table) -> Iterator[str]:
    if not facts.alive:
        yield "no worker is alive"
    for worker in facts.alive:
        if worker.epoch is None:
            yield f"worker {worker.id} is not ready yet"
        elif worker.killed is not facts.killed:
            yield f"worker {worker.id} has not {'obeyed the kill' if facts.killed else 'been restored'} yet"
        elif lags(facts, table, worker):
            yield f"worker {worker.id} still routes by epoch {worker.epoch}, configuration {worker.digest}"


def _of_overload(facts: Facts) -> Iterator[str]:
    for worker in facts.alive:
        state = facts.state_of(worker.incarnation)
        if state is not None and state.brownout:
            yield f"worker {worker.id} makes no copies: live answers are slower with them; the log's brownout says more"
        if state is not None and state.overload:
            yield f"worker {worker.id} is overloaded: {SHED[state.overload]}; the log's overload says by what"


def _of_saving(facts: Facts) -> Iterator[str]:
    if facts.status is None:
        return
    if facts.status.unsaved is not None:
        yield f"the supervisor can't keep what is in force for its next start: {facts.status.unsaved}"
    latch = facts.status.latch
    if not latch.saved and latch.unsaved is not None:
        what = "the kill" if latch.killed else "the end of the kill"
        yield f"the supervisor can't keep {what} for its next start: {latch.unsaved}"


def _of_drawing(table: Table) -> Iterator[str]:
    if 0.0 < table.weight < 100.0 and table.sticky.keys[:1] == ("request",):
        yield (
            "each request is drawn by itself, so one user's requests go to both sides; "
            "sticky.key says what users are known by"
        )


def _of_flags(table: Table) -> Iterator[str]:
    by_cohort = any(table.weight_of_cohort(cohort) > 0.0 for cohort in table.cohorts)
    for route in table.routes:
        if route.flag is None or route.flag.mode != "decide":
            continue
        share = table.weight_of(route)
        if share > 0.0 or by_cohort:
            yield (
                f"route {route.name}: new's share is {share:g} %, but where a share is above 0 its feature flag "
                f"{route.flag.key} decides who is on new there; a share of 0 takes all back to old"
            )


def _of_asking(facts: Facts, table: Table) -> Iterator[str]:
    flags = {route.flag.key for route in table.routes if route.flag is not None}
    if flags and facts.asking.provider:
        yield facts.asking.provider
    for flag in sorted(flags & facts.asking.flags.keys()):
        yield (
            f"the flag {flag} isn't evaluated ({facts.asking.flags[flag]}): clients go by what was known, then by the "
            "native decision"
        )


def _of_ejection(facts: Facts) -> Iterator[str]:
    for side, count in enumerate(facts.ejected()):
        if count:
            where = f"{count} of {len(facts.alive)} worker{'s' if len(facts.alive) > 1 else ''}"
            share = "old answers its share" if side == NEW else "its share stays with it"
            yield f"requests to {SIDES[side]} fail in {where}: {share}; the log's side_ejected says why"


def _of_breakers(facts: Facts) -> Iterator[str]:
    for side, is_open in zip(SIDES, facts.breakers_open(), strict=True):
        if is_open:
            yield f"copies to {side} are held back: most got no complete answer; the log's side_failing says why"

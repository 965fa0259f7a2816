"""
From text to plan: what is refused, in which words, and what a plan's hash is of.
"""

from pathlib import Path

import pytest

from proxy.errors import ConfigurationError
from proxy.plan.criteria import EventGate
from proxy.plan.parse import plan_hash, read_plan

PLANS = Path(__file__).parents[2] / "config" / "plans"
LEAST = """\
plan: orders
expect: {rate: 20}
stages:
  - {name: shadow, success: New answers as old does}
"""


def problems(text: str) -> tuple[str, ...]:
    """
    What is said of a text that is refused.
    """
    with pytest.raises(ConfigurationError) as refused:
        read_plan(text, "migration.yaml")
    return refused.value.problems


@pytest.mark.parametrize("name", ["minimal", "orders-read", "demo"])
def test_the_examples_are_plans(name: str) -> None:
    """
    As they lie there.
    """
    plan = read_plan((PLANS / f"{name}.yaml").read_text(), name)

    assert plan.stages


def test_the_least_example_is_short() -> None:
    """
    Twenty lines are enough for a migration.
    """
    assert len((PLANS / "minimal.yaml").read_text().splitlines()) <= 20


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    """
    Each with its line and the names of what it is in.
    """
    found = problems(
        LEAST
        + "  - {name: live, success: '', serve: 1}\n"
        + "gates: {same: {event: mismatch, max: 2, alfa: 0.1}}\n"
        + "rehearsal: {}\n"
    )

    assert found == (
        "migration.yaml:5: stages.live.success: '' says nothing; write a sentence for people",
        "migration.yaml:5: stages.live.serve: is no key here; what it says goes into weight",
        "migration.yaml:6: gates.same.max: 2 is no budget; write a share between 0 and 1, such as 0.002 for 0.2 %",
        "migration.yaml:6: gates.same.alfa: is no key that Parallax knows; did you mean alpha?",
        "migration.yaml:7: rehearsal: is not yet understood: drills come later; leave it out, and don't rely on it",
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("drills: [latency]", "is not yet understood: drills come later"),
        ("tabletop: {minutes: 60}", "is not yet understood: tabletop exercises come later"),
        ("consistency: {journal: {}}", "is not yet understood: a journal of writes comes later"),
        ("gates: {a: {source: drift, max: 0.1}}", "is not yet understood: scans for drift come later"),
        ("gates: {a: {source: promq, query: x}}", "did you mean promql?"),
        ("gates: {a: {source: promql, query: x, condition: '< 1', max: 2}}", "it goes into gates.pairs"),
        ("systems: {old: {}}", "what it says goes into old and new in the configuration"),
        ("comms: {tell: {stage_strat: [ops]}}", "is nothing that happens; write stage_start"),
        ("checklists: {before: [{auto: rates}]}", "'rates' is not what goes here; write sides_answer, rate"),
        ("timezone: Europe/Berln", "is no time zone that is known; write a name such as Europe/Berlin"),
        ("windows: {default: {allow: [Mon-Thu 16:00-09:00]}}", "hours that end before they begin"),
        ("freezes: [{dates: 2027-02-28..2027-02-30, why: no such day}]", "is no date that the calendar has"),
        ("prometheus: {url: prometheus:9090}", "is no URL; write such as http://prometheus:9090"),
        ("prometheus: {url: http://p, token: hunter2}", "is not where a secret is; write env:NAME"),
        ("guards: {a: {event: mismatch, max: 0.1, detect: [0.5x]}}", "is no rate above the budget"),
        ("guards: 5", "names with sections"),
        ("team: {author: a b}", "is no name of a token"),
        ("windows: {default: {notice: {ops: [0]}}}", "0 is too small; write more than 0"),
        ("windows: {default: {notice: {ops: null}}}", "nothing is not what goes here"),
        ("gates: {same: null}", "nothing is not what goes here; write a mapping with source, event"),
        ("freezes: [{dates: 1027-02-28, why: long ago}]", "is no date between 2000 and 2999"),
    ],
)
def test_what_is_refused_says_what_would_be_right(line: str, said: str) -> None:
    """
    At its own line, once.
    """
    [found] = problems(f"{LEAST}{line}\n")

    assert found.startswith("migration.yaml:5: ")
    assert said in found


def test_a_secret_in_the_wrong_place_is_not_repeated() -> None:
    """
    Neither that of a channel nor that of Prometheus.
    """
    said = problems(LEAST + "comms: {channels: {ops: {webhook: https://x, secret: hunter2}}}\n")

    assert "hunter2" not in "".join(said)


def test_what_is_no_plan_says_so() -> None:
    """
    A configuration, for one.
    """
    [said] = problems("listen: 127.0.0.1:8080\n")

    assert said.startswith("migration.yaml:1: plan: is missing, so this is no plan; write its name")


def test_a_section_of_comments_means_its_defaults() -> None:
    """
    As in a configuration.
    """
    assert read_plan(LEAST + "team:\n", "x") == read_plan(LEAST, "x")


def test_a_gate_without_a_source_counts_events() -> None:
    """
    The usual kind needs no word for it.
    """
    gate = read_plan(LEAST + "gates: {same: {event: mismatch, max: 0.01}}\n", "x").gates["same"]

    assert isinstance(gate, EventGate)
    assert gate.of == "pairs"


def test_the_hash_is_of_what_a_plan_says() -> None:
    """
    Comments and layout change nothing, values do.
    """
    other = LEAST.replace("expect: {rate: 20}", "# how much\nexpect:\n  rate: 20")

    assert plan_hash(other) == plan_hash(LEAST)
    assert plan_hash(LEAST.replace("rate: 20", "rate: 21")) != plan_hash(LEAST)


def test_a_share_of_nothing_is_refused() -> None:
    """
    Unlike a section of comments: somebody has named a cohort, and forgotten its share.
    """
    [said] = problems(LEAST.replace("shadow,", "shadow, cohorts: {staff: },"))

    assert said.startswith("migration.yaml:4: stages.shadow.cohorts.staff: nothing is not what goes here")


def test_what_is_far_too_long_is_not_even_read() -> None:
    """
    Whoever may start a plan can't keep control busy with one.
    """
    [said] = problems(LEAST + "# and so on\n" * 30_000)

    assert "is longer than 131,072 characters" in said


def test_of_thousands_of_problems_the_first_are_told() -> None:
    """
    And how many more there are.
    """
    told = problems(LEAST + "  - {foo: bar}\n" * 200)

    assert len(told) == 101
    assert told[-1] == "migration.yaml:1: plan: has 500 more problems; mend these first"

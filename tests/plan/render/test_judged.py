"""
Gates and guards in words and numbers.
"""

from typing import Any

import pytest

from proxy.plan.render.judged import interval, numbers, rule
from proxy.plan.render.markdown import code
from tests.parts.documents import OUTCOME
from tests.parts.plans import a_plan

PROM = {"source": "promql", "query": "sum(load)", "condition": "< 0.5"}
TREND = {"source": "trend", "query": "rss"}


@pytest.mark.parametrize(
    ("gate", "sentence", "figures"),
    [
        (
            {"event": "mismatch", "max": 0.002, "routes": ("search", "read"), "per": "route", "unit": "key/60s"},
            (
                "The two answers differ (`mismatch`) in at most 0.2 % of pairs, of routes search, read; each sticky key"
                " counts once a minute; every route by itself."
            ),
            "budget 0.2 %, false alarm 0.1 %, false pass 5 %, at least 500, coverage 95 %",
        ),
        (
            {"event": "new_ms > 400 | new_error", "of": "served", "max": 0.005, "min": 1500},
            "`new_ms > 400 | new_error` in at most 0.5 % of what clients get from new, of all routes.",
            "budget 0.5 %, false alarm 0.1 %, false pass 5 %, at least 1,500",
        ),
        (
            PROM,
            "`sum(load)` is `< 0.5`, in 10 of the last 10 answers of Prometheus, one every 30 s.",
            "passes with 10 of the last 10, fails with 3 of the last 10",
        ),
        (
            {**TREND, "slope": "5%/h"},
            "`rss` grows by 5 % an hour at the most, over 2 h.",
            "5 % an hour, over 2 h, asked every 1 min",
        ),
        (
            {**TREND, "slope": "10/m"},
            "`rss` grows by 600 an hour at the most, over 2 h.",
            "600 an hour, over 2 h, asked every 1 min",
        ),
        (
            {"source": "completeness", "min": 0.95},
            "At least 95 % of what could be compared has been compared.",
            "at least 95 %",
        ),
        (
            {"source": "webhook", "url": "https://u:p@checks.example/orders?token=secret"},
            "https://checks.example/orders says yes; asked every 30 s.",
            "passes with the first, fails with the first",
        ),
    ],
)
def test_a_gate_is_a_sentence(gate: dict[str, Any], sentence: str, figures: str) -> None:
    """
    And its figures; without what might be a secret.
    """
    made = a_plan({"weight": 0, "gates": ("one",)}, gates={"one": gate}).gates["one"]

    assert rule(made, code) == sentence
    assert numbers(made) == figures


@pytest.mark.parametrize(
    ("guard", "sentence", "figures"),
    [
        (
            {"event": "old_ok & new_error", "max": 0.002, "detect": ("4x", 0.6), "distinct_keys": 3},
            (
                "Old answers well and new doesn't (`old_ok & new_error`) in at most 0.2 % of pairs, of all routes; it"
                " trips once 3 different sticky keys are hit."
            ),
            "budget 0.2 %, notices 0.8 %, 60 %; one false alarm in 5,000,000",
        ),
        (
            {"source": "blind", "no_data_for": "90s"},
            "Traffic is heard of at least every 1 min 30 s.",
            "1 min 30 s without data",
        ),
        (
            PROM,
            (
                "`sum(load)` stays `< 0.5`; Prometheus is asked every 30 s, and it trips when 3 of the last 10 answers"
                " are bad."
            ),
            "< 0.5, trips with 3 of the last 10",
        ),
    ],
)
def test_a_guard_is_a_sentence_too(guard: dict[str, Any], sentence: str, figures: str) -> None:
    """
    Of what has to stay so.
    """
    made = a_plan({"weight": 0}, guards={"one": guard}).guards["one"]

    assert rule(made, code) == sentence
    assert numbers(made) == figures


def test_an_interval_has_two_ends() -> None:
    """
    If there is one.
    """
    assert interval(OUTCOME) == "0.15 % to 0.28 %"

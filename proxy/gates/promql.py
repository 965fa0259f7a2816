"""
What an answer of Prometheus to one instant query means. Asking is done elsewhere; this only reads.

Told apart are a number, no data (an empty vector, NaN, ±Inf), a query that is not what a gate can use (several series,
a matrix, a string), and an error (no HTTP answer, a status other than 200, not the JSON that it should be). No data
never passes: a metric that nobody exports any more is not one that is low.
"""

import json
from dataclasses import dataclass
from math import isfinite
from typing import Final, Literal

# What is repeated of somebody else's words.
QUOTED: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """
    What was answered: a `value`, or in `why` what was there instead.
    """

    kind: Literal["value", "no data", "misconfigured", "error"]
    value: float | None = None
    why: str = ""


def read_answer(status: int | None, body: bytes, trouble: str = "") -> Reading:
    """
    What HTTP brought from `/api/v1/query`. `status` is None if there was no answer, and `trouble` says why.
    """
    if status is None:
        return Reading(kind="error", why=trouble or "Prometheus doesn't answer")
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if status != 200 or not isinstance(told, dict) or told.get("status") != "success":
        said = told.get("error") if isinstance(told, dict) else None
        return Reading(kind="error", why=f"Prometheus answers {status}: {str(said or 'not what it should')[:QUOTED]}")
    data = told.get("data")
    if not isinstance(data, dict):
        return Reading(kind="error", why="Prometheus answers 200 without data")
    return _of_type(data.get("resultType"), data.get("result"))


def _of_type(kind: object, result: object) -> Reading:
    if kind == "scalar":
        return _number(result)
    if kind != "vector":
        return Reading(kind="misconfigured", why=f"the query gives a {str(kind)[:20]}, and one number is wanted")
    if not isinstance(result, list):
        return Reading(kind="error", why="Prometheus answers 200 without a result")
    if not result:
        return Reading(kind="no data", why="the query finds no series")
    if len(result) > 1:
        return Reading(kind="misconfigured", why=f"the query gives {len(result)} series, and one is wanted")
    series = result[0]
    if isinstance(series, dict) and "histogram" in series and "value" not in series:
        return Reading(kind="misconfigured", why="the query gives a histogram, and one number is wanted")
    return _number(series.get("value") if isinstance(series, dict) else None)


def _number(sample: object) -> Reading:
    """
    A sample is a time and a number as text.
    """
    text = sample[1] if isinstance(sample, list) and len(sample) == 2 else None
    try:
        value = float(text) if isinstance(text, str) else None
    except ValueError:
        value = None
    if value is None:
        return Reading(kind="error", why="Prometheus answers with a sample that is no number")
    if not isfinite(value):
        return Reading(kind="no data", why=f"the query gives {value}")
    return Reading(kind="value", value=value)

"""
Whatever stands in a plan, it is carried out, or refused in sentences with places: never a traceback.
"""

from copy import deepcopy
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import ConfigurationError
from proxy.plan.check import Checked, checked
from proxy.plan.facts import Facts
from proxy.plan.report import report, report_values
from tests.plan.test_check import GOOD, NAME

VALUES: dict[str, Any] = yaml.safe_load(GOOD)
JUNK: list[Any] = [
    *(None, True, 0, -1, 5, 10**30, 1e308, float("nan"), float("inf")),
    *("", "x", "a b", "..", "2h..1h", "1d", "5%/h", "999999x", "env:", "file:", "🙂", "a" * 200),
    *("2027-03-01", "9999-12-31..9999-12-31", "0001-01-01", "Mon", "Mon 00:00-24:00", "mailto://a:b@c"),
    *([], [[]], [None], {}, {"a": None}, {"source": "pairs"}, {"source": 3}, {"source": []}, {"x": {"y": 1}}),
]


def paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """
    Every place in a value.
    """
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [above, *(path for key, one in below for path in paths(one, (*above, key)))]


@settings(max_examples=80, deadline=None)
@given(changes=st.lists(st.tuples(st.sampled_from(paths(VALUES)[1:]), st.sampled_from(JUNK)), min_size=1, max_size=3))
def test_junk_anywhere_is_refused_in_sentences(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    """
    Each with a line and a key; and what is accepted can be reported.
    """
    values = deepcopy(VALUES)
    for path, junk in changes:
        put(values, path, junk)
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)

    problems, found = looked_at(text)

    assert all(problem.startswith(f"{NAME}:") for problem in problems)
    if found is not None:
        assert report_values(found, Facts())["plan"] == found.plan.plan
        assert list(report(NAME, found, None))


def looked_at(text: str) -> tuple[tuple[str, ...], Checked | None]:
    """
    What is wrong with a plan, or the plan.
    """
    try:
        return (), checked(text, NAME, None)
    except ConfigurationError as error:
        return error.problems, None


def put(values: Any, path: tuple[Any, ...], junk: Any) -> None:
    """
    Junk at a place that may be gone already.
    """
    for part in path[:-1]:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(values, dict) or (isinstance(values, list) and path[-1] < len(values)):
        values[path[-1]] = junk

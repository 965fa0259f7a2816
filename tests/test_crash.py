"""
What is said of errors that nobody expected: enough to find them, nothing that was in hand.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.crash import PLACES, told

PROJECT = Path(__file__).parents[1]
SECRET = "s3cr3t"


def raised(depth: int = 0) -> BaseException:
    """
    An error with a secret in its text, from so deep.
    """

    def fail(left: int) -> None:
        if left:
            fail(left - 1)
        raise ValueError(SECRET)

    try:
        fail(depth)
    except ValueError as error:
        return error
    raise AssertionError


def test_kind_and_places_are_told_and_no_text() -> None:
    """
    The innermost place is last.
    """
    said = told(raised())

    assert said["error"] == "ValueError"
    assert [place.split(":")[0] for place in said["where"]] == ["test_crash.py", "test_crash.py"]
    assert said["where"][-1].endswith(" fail")
    assert SECRET not in json.dumps(said)


def test_what_caused_an_error_is_told_by_kind() -> None:
    """
    `raise … from …`, and what came up while another was handled; not what was left out on purpose.
    """

    def chained(how: str) -> str:
        try:
            try:
                raise KeyError(SECRET)
            except KeyError as error:
                if how == "from":
                    raise OSError(SECRET) from error
                if how == "none":
                    raise OSError(SECRET) from None
                raise OSError(SECRET)  # noqa: B904
        except OSError as error:
            return str(told(error)["error"])

    assert [chained(how) for how in ("from", "while", "none")] == ["OSError from KeyError"] * 2 + ["OSError"]


def test_deep_ones_are_cut_and_missing_ones_are_said() -> None:
    """
    Bounded, whatever happened.
    """
    assert len(told(raised(50))["where"]) == PLACES
    assert told(None) == {"error": "unknown", "where": []}


@pytest.mark.parametrize(
    "program",
    [
        "raise ValueError('s3cr3t')",
        "import threading; t = threading.Thread(target=lambda: int('s3cr3t')); t.start(); t.join()",
        "class A:\n def __del__(self): raise ValueError('s3cr3t')\nA()",
    ],
)
def test_whatever_nobody_caught_is_one_line_of_the_log(program: str) -> None:
    """
    In the main thread, in another, in a destructor.
    """
    begin = "from proxy.crash import tell_without_values; tell_without_values('worker', lambda: 'now')\n"
    ran = subprocess.run(
        [sys.executable, "-c", begin + program], capture_output=True, text=True, check=False, cwd=PROJECT
    )
    (line,) = map(json.loads, ran.stderr.splitlines())

    assert (line["event"], line["level"], line["process"], line["error"]) == (
        "crashed",
        "error",
        "worker",
        "ValueError",
    )
    assert SECRET not in ran.stderr

"""
What the page on judging says of places and of limits.
"""

import re
from pathlib import Path

import pytest

from proxy.compare.answer import Answer
from proxy.compare.bodies.form import MOST_FIELDS
from proxy.compare.bodies.json import MOST_DIGITS
from proxy.compare.forms import LONGEST_NUMBER
from proxy.compare.judge import Book, judge
from proxy.compare.rules import Rule, compile_rules

PAGE = (Path(__file__).parents[2] / "docs" / "compare.md").read_text()
FORM = "application/x-www-form-urlencoded"
BODIES = {
    "JSON by lines": [("$[*].id", "application/x-ndjson", '{{"id": {}}}\n{{"id": 2}}\n')],
    "XML": [
        ("$.a.b[*]['#text']", "application/xml", '<a><b c="1">{}</b></a>'),
        ("$.a.b[*]['@c']", "application/xml", '<a><b c="{}">x</b></a>'),
        ("$.a.b[*]", "application/xml", "<a><b>{}</b></a>"),
    ],
    "form": [("$.q[*]", FORM, "q={}")],
    "HTML and text": [("$[*]", "text/plain", "one\n{}\n")],
}


@pytest.mark.parametrize(
    ("kind", "place", "media", "body"), [(kind, *one) for kind, found in BODIES.items() for one in found]
)
def test_places_of_what_is_no_json_are_those_that_are_told(kind: str, place: str, media: str, body: str) -> None:
    """
    A difference is told there, and a rule with that path applies.
    """
    [row] = re.findall(rf"^\| {kind} \|.*$", PAGE, re.MULTILINE)
    old, new = (Answer(200, (), media, "", body.format(value).encode()) for value in ("1.001", "1.002"))
    compiled = compile_rules([Rule(does="ignore", where=place)])

    assert f"`{place}`" in row
    assert [one.pattern for one in judge(old, new, Book(endpoint="GET /a")).differences] == [place]
    assert judge(old, new, Book(endpoint="GET /a", body=compiled.body)).verdict == "equivalent"


def test_limits_are_ours() -> None:
    """
    Of fields of a form, and of digits.
    """
    said = " ".join(PAGE.split())

    assert f"Forms of more than {MOST_FIELDS:,} fields" in said
    assert f"numbers of more than {MOST_DIGITS:,} digits" in said
    assert f"({LONGEST_NUMBER} digits, where they are texts)" in said

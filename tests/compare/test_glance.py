"""
At a glance or by reading everything: what is said of a pair is the same.
"""

import gzip
from typing import Any

import pytest

from proxy.compare.answer import Answer
from proxy.compare.difference import Kind
from proxy.compare.glance import heads_agree, without_coding
from proxy.compare.judge import Book, judge
from proxy.compare.rules import Rule
from proxy.compare.signature import signature
from tests.parts.judged import answer, book

ENDPOINT = "GET /things/{id}"
PART = ("$.a", Kind.VALUE)
LABELS = (
    "application/json",
    "application/problem+json; charset=utf-8",
    "application/json; charset=iso-8859-1",
    "application/json; charset=utf-16",
    "application/json; charset=unheard-of",
    "application/x-ndjson",
    "text/html",
    "text/plain",
    "application/octet-stream",
    "",
)
BOOKS = (
    Book(endpoint=ENDPOINT),
    Book(endpoint=ENDPOINT, noise=frozenset({PART})),
    Book(endpoint=ENDPOINT, waived=frozenset({signature(ENDPOINT, [PART]).id})),
    Book(endpoint=ENDPOINT, accepted=[frozenset({PART})]),
    Book(endpoint=ENDPOINT, noise=frozenset({("#", Kind.VALUE)}), masked=lambda _: "#"),
    Book(endpoint=ENDPOINT, largest=8),
)
BODIES = ('{"a":"x","b":1}', '{"a":"y","b":1}', '{"a":"é","b":1}', '{"b":"x","a":1}', '\ufeff{"a":"x","b":1}', "")


def as_read(old: Answer, new: Answer, book: Book) -> None:
    """
    Judge twice at a glance, where that is possible, and by reading everything: a survey does.
    """
    long = judge(old, new, book, surveyed=True)._replace(survey=None)
    assert judge(old, new, book) == judge(old, new, book) == long


@pytest.mark.parametrize("book", BOOKS)
@pytest.mark.parametrize("label", LABELS)
def test_whatever_a_label_says_and_a_book_holds(book: Book, label: str) -> None:
    """
    Also the second time, when a place is known.
    """
    for one in BODIES:
        for other in BODIES:
            if one != other:
                as_read(answer(one, label), answer(other, label), book)


@pytest.mark.parametrize(
    "other",
    [
        {"status": 201},
        {"status": 500},
        {"fields": [("x", "2")]},
        {"media": "text/plain"},
        {"coding": "identity"},
        {"coding": "gzip"},
        {"body": gzip.compress(b'{"a":"y"}'), "coding": "gzip"},
    ],
)
def test_heads_that_differ_are_not_passed_over(other: dict[str, Any]) -> None:
    """
    In any part of them.
    """
    same = {"body": '{"a":"y"}', "fields": [("x", "1")]}
    old, new = answer('{"a":"x"}', fields=[("x", "1")]), answer(**{**same, **other})
    assert not heads_agree(old, new)
    as_read(old, new, BOOKS[0])


CODED = {
    "a text": gzip.compress(b'{"a":"x","b":1}'),
    "another text": gzip.compress(b'{"a":"y","b":1}'),
    "the same otherwise": gzip.compress(b'{"a":"x","b":1}', 1, mtime=7),
    "a number": gzip.compress(b'{"a":"x","b":2}'),
    "two members": gzip.compress(b'{"a":"z"') + gzip.compress(b',"b":1}'),
    "cut short": gzip.compress(b'{"a":"x","b":1}')[:-3],
    "cut short elsewhere": gzip.compress(b'{"a":"x","b":1}')[:-4],
    "a bomb": gzip.compress(b'{"a":"' + b"x" * 10_000 + b'"}'),
    "nothing": b"",
}


@pytest.mark.parametrize(
    "by",
    [
        book(largest=5000),
        book(Rule(does="ignore", where="$")),
        book(Rule(does="ignore", where="$.a")),
        book(Rule(does="ignore_values", given={"pattern": "[a-z]"})),
    ],
)
def test_a_coding_is_undone_before_anything_is_seen(by: Book) -> None:
    """
    What can't be undone is left to those who say so.
    """
    for one in CODED.values():
        for other in CODED.values():
            if one != other:
                as_read(answer(one, coding="gzip"), answer(other, coding="gzip"), by)
    old, new = (answer(CODED[name], coding="gzip") for name in ("a text", "a number"))
    assert without_coding(old, new, 5000)[1] == answer('{"a":"x","b":2}')


def test_places_are_not_remembered_without_end() -> None:
    """
    A book forgets them all when they are too many, and goes on.
    """
    book = Book(endpoint=ENDPOINT)
    for number in range(1000):
        found = judge(answer(f'{{"a{number}":"x"}}'), answer(f'{{"a{number}":"y"}}'), book)
        assert [one.steps for one in found.differences] == [(f"a{number}",)]
    assert 0 < len(book.known) <= 256

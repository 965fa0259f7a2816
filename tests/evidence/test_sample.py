"""
Samples: what people see of a divergent pair, without its secrets, within bounds.
"""

import gc
import json
import sys
from typing import Any

import orjson
import pytest

from proxy.compare.answer import Answer, Cut
from proxy.compare.judge import Book, judge
from proxy.compare.redaction import Redaction
from proxy.evidence.kept import LARGEST as LARGEST_BODY
from proxy.evidence.kept import keep, shorten, write
from proxy.evidence.redact import Redactor
from proxy.evidence.sample import LARGEST, Spotted, make_sample

REDACTOR = Redactor(Redaction(), b"salt")
SECRET = "s3cr3t19xbody"
HEAD = orjson.dumps({"status": 200, "shown": [["Date", "today"], ["Set-Cookie", "(redacted)"]]})


def an_answer(content: bytes | Cut, media: str = "application/json", status: int = 200, **fields: str) -> Answer:
    """
    One side's answer.
    """
    named = tuple((name.replace("_", "-"), value) for name, value in fields.items())
    return Answer(status=status, fields=(("content-type", media), *named), media=media, coding="", content=content)


def spotted(old: Answer, new: Answer, **context: Any) -> Spotted:
    """
    A pair that was found to differ.
    """
    judgement = judge(old, new, Book(endpoint="GET /a"))
    assert judgement.verdict == "divergent"
    said = {"method": "GET", "target": "/a?x=1", "id": "r1", "live": 0, "ms": [1.0, 2.0], **context}
    return Spotted(
        endpoint="GET /a",
        route="",
        judgement=judgement,
        version=7,
        at=1000.0,
        context=orjson.dumps(said),
        heads=(HEAD, HEAD),
        answers=(old, new),
    )


def a_sample(old: bytes, new: bytes, media: str = "application/json", **context: Any) -> dict[str, Any]:
    """
    The sample of two bodies, as it travels.
    """
    made = make_sample(spotted(an_answer(old, media), an_answer(new, media), **context).lean(), REDACTOR, "1")
    found: dict[str, Any] = orjson.loads(orjson.dumps(made))
    return found


def test_a_sample_shows_where_and_how_and_what() -> None:
    """
    Everything that somebody needs who was not there.
    """
    sample = a_sample(b'{"price": 10, "name": "a"}', b'{"price": 10.50, "name": "a"}', live=1, key="ann")

    assert sample["differences"] == [
        {"path": "$.price", "pattern": "$.price", "kind": "type", "old": "10", "new": "10.5"}
    ]
    assert (sample["live"], sample["key"], sample["version"]) == ("new", REDACTOR.digest("ann"), 7)
    assert sample["old"]["body"] == '{"price":10,"name":"a"}'
    assert sample["new"]["body"] == '{"price":10.50,"name":"a"}'
    assert sample["old"]["others"] == [["Date", "today"], ["Set-Cookie", "(redacted)"]]


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/json", '{{"a": ["{0}"], "{0}": 1, "b": {1}}}'),
        ("application/x-ndjson", '{{"a": "{0}"}}\n{{"a": {1}}}\n'),
        ("application/xml", '<a b="{0}"><c>{0}</c><d>{1}</d></a>'),
        ("text/html", "<html><body><p>{0}</p>{1}</body></html>"),
        ("application/x-www-form-urlencoded", "a={0}&b={1}"),
        ("text/plain", "{0}\n{1}\n"),
    ],
)
@pytest.mark.parametrize("secret", [SECRET, "me@example.com", "4111111111111111"])
def test_no_kind_of_body_keeps_a_secret(media: str, body: str, secret: str) -> None:
    """
    Neither in what is kept of it nor in a difference; and equality is still to be seen.
    """
    text = json.dumps(a_sample(body.format(secret, 1).encode(), body.format(secret, 2).encode(), media))

    assert secret not in text
    assert REDACTOR.text(secret) in text


def test_a_secret_that_differs_is_two_digests() -> None:
    """
    The value of a difference is redacted for its place too.
    """
    sample = a_sample(b'{"password": "one", "a": {"token": 1}}', b'{"password": "two", "a": {"token": 2}}')

    assert [(one["old"], one["new"]) for one in sample["differences"]] == [
        (f'"{REDACTOR.digest(old)}"', f'"{REDACTOR.digest(new)}"') for old, new in (("one", "two"), ("1", "2"))
    ]


def test_fields_that_differ_are_redacted() -> None:
    """
    In the list of fields and in the difference.
    """
    old = an_answer(b"{}", etag=f'"{SECRET}1"', location=f"/in?next={SECRET}", x_api_key="plain")
    new = an_answer(b"{}", etag=f'"{SECRET}2"', location=f"/out?next={SECRET}", x_api_key="other")
    text = json.dumps(make_sample(spotted(old, new), REDACTOR, "1"))

    assert SECRET not in text
    assert "plain" not in text
    assert "/out?next=#" in text


def test_what_steers_a_terminal_is_escaped_in_values_and_gone_elsewhere() -> None:
    """
    Escapes, overrides of direction, line ends, halves of letters.
    """
    hostile = "\x1b[31m\u202e\r\x00\u2066"
    body = json.dumps({"a": hostile, hostile: 1, "b": "\ud800"}, ensure_ascii=True).encode()
    sample = a_sample(body, b"{}", target=f"/a?{hostile}", id=hostile)

    for text in (sample["target"], sample["request_id"], sample["old"]["body"], json.dumps(sample["differences"])):
        assert text.isprintable()


def test_markup_is_only_text() -> None:
    """
    It is kept as it came, in a JSON string.
    """
    sample = a_sample(b'{"a": "<script>alert(1)</script>"}', b'{"a": ""}')

    assert sample["differences"][0]["old"] == '"<script>alert(1)</script>"'


@pytest.mark.parametrize(
    ("content", "media", "why"),
    [
        (Cut(length=10**9, digest=b"d" * 32), "application/json", "too long to be held"),
        (b"[" + b"1," * LARGEST_BODY + b"1]", "application/json", "over 96 KiB"),
        (b"\x00\x01", "image/png", "no text"),
    ],
)
def test_what_is_not_kept_says_why(content: bytes | Cut, media: str, why: str) -> None:
    """
    Its size is told nonetheless.
    """
    kept = keep(an_answer(content, media), REDACTOR)

    assert kept.text is None
    assert kept.left_out is not None
    assert why in kept.left_out
    assert kept.size > 0


def test_a_sample_is_bounded_whatever_the_answers_hold() -> None:
    """
    Thousands of differences, names of kilobytes, large values.
    """
    for wide in (
        {f"name {number} {'x' * 100}": "é" * 100 for number in range(400)},
        {"a" * 60_000: "b" * 30_000},
        {"a": ["\x00" * 1000] * 90},
        {"a": {str(number): {"b": [number] * 20} for number in range(1000)}},
    ):
        sample = a_sample(json.dumps(wide, ensure_ascii=False).encode(), b'{"other": 1}')

        assert len(orjson.dumps(sample)) <= LARGEST


def test_depth_is_no_trouble() -> None:
    """
    What is nested deeper than most readers go is text here.
    """
    deep = b'{"a":' * 600 + b"1" + b"}" * 600
    sample = a_sample(deep, deep.replace(b"1", b"2"))

    assert orjson.loads(orjson.dumps(sample)) == sample


def test_places_to_redact_are_found_in_xml_and_forms() -> None:
    """
    They are kept by their values then, under the same paths.
    """
    redactor = Redactor(Redaction(paths=("$..name",)), b"salt")
    for media, body in (
        ("application/xml", b"<a><name>ann</name></a>"),
        ("application/x-www-form-urlencoded", b"name=ann"),
    ):
        kept = keep(an_answer(body, media), redactor)

        assert kept.text is not None
        assert "ann" not in kept.text
        assert redactor.digest("ann") in kept.text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ([1, 1.5, "a"], '[1,1.5,"a"]'),
        ({"a": {"b": []}}, '{"a":{"b":[]}}'),
        ('a\nb\t"\\', '"a\\nb\\t\\"\\\\"'),
        (float("nan"), '"nan"'),
        (10**30, str(10**30)),
    ],
)
def test_values_are_written_as_json(value: object, text: str) -> None:
    """
    Which any reader takes.
    """
    assert write(value) == text
    json.loads(text)


def size(*values: object) -> int:
    """
    The bytes that values hold, and what they hold.
    """
    seen: dict[int, object] = {}
    waiting = list(values)
    while waiting:
        one = waiting.pop()
        if id(one) not in seen and not isinstance(one, type):
            seen[id(one)] = one
            waiting += gc.get_referents(one)
    return sum(map(sys.getsizeof, seen.values()))


LARGE = [
    (b"[" + b'"' + b"x" * 10**6 + b'"]', b"{}"),
    (b'{"' + b"n" * 10**6 + b'": 1}', b'{"' + b"n" * 10**6 + b'": 2}'),
    (b"[" + b'{"a": [1, 2, "b"]},' * 20_000 + b"1]", b"[" + b'{"a": [1, 2, "c"]},' * 20_000 + b"1]"),
    (b'{"a": 1,' * 20_000 + b'"a": 1' + b"}" * 20_000, b"[]"),
    (b"{" + b'"a": "' + b"x" * 4000 + b'",' + b'"a": 0,' * 40_000 + b'"a": 1}', b'{"a": 1}'),
    (b"[1" + b"0" * 10**6 + b".5]", b"[1" + b"0" * 10**6 + b".25]"),
    (b"x" * 10**6, b"y" * 10**6),
]


@pytest.mark.parametrize(("old", "new"), LARGE, ids=range(len(LARGE)))
def test_what_waits_holds_no_more_than_is_shown(old: bytes, new: bytes) -> None:
    """
    Not the values that differ: a few of them are the memory that is needed to read the next pair.
    """
    waits = spotted(an_answer(old), an_answer(new)).lean()

    assert size(waits.judgement.differences, waits.left_out, waits.answers) < 300_000
    assert make_sample(waits, REDACTOR, "1")["old"]["left_out"] == "it is over 96 KiB"


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("text/plain", b"a\npassword: {}\n"),
        ("text/plain", b"password:\n  {}\n"),
        ("text/html", b'<form>\n<input\n name="password"\n value="{}">\n</form>'),
        ("text/html", b'<input type="hidden" name="csrf_token" value="{}">'),
        ("application/json", b'{"url": "https://u:{}@h/x?token=q"}'),
        ("application/json", b'{"log": "login password={} ok"}'),
        ("application/json", b'[{"name": "password", "value": "{}"}, {"name": "city", "value": "Rome"}]'),
        ("application/xml", b'<f><i name="password" value="{}"/><i name="a" value="b"/></f>'),
        ("application/xml", b'<f><i name="password">{}</i></f>'),
    ],
)
def test_a_secret_by_the_name_beside_it_is_none_in_the_list_of_differences(media: str, body: bytes) -> None:
    """
    Nor in the bodies; and it has one digest in both.
    """
    sample = a_sample(body.replace(b"{}", b"HUNTER"), body.replace(b"{}", b"FOOBAR"), media)

    assert "HUNTER" not in str(sample)
    assert "FOOBAR" not in str(sample)
    (one,) = sample["differences"]
    assert one["old"] != one["new"]
    assert REDACTOR.digest("HUNTER") in sample["old"]["body"] or "://" in body.decode()
    assert REDACTOR.digest("HUNTER") in one["old"] or "://" in body.decode()


def test_half_a_secret_is_not_shown() -> None:
    """
    Where a text is cut, it ends with a whole word.
    """
    secrets = " ".join(["s3cr3t19xbody"] * 400)
    sample = a_sample(orjson.dumps({"a": secrets}), b'{"a": ""}')

    shown = sample["differences"][0]["old"]
    assert "s3c" not in shown


def test_what_lies_under_an_endless_name_is_left_out() -> None:
    """
    Its end may say that it is a secret.
    """
    name = "n" * 600 + "_password"
    sample = a_sample(orjson.dumps({name: "one", "b": {name: 1}}), orjson.dumps({name: "two", "b": {name: [7]}}))

    assert [(one["kind"], one["old"], one["new"]) for one in sample["differences"]] == [
        ("value", '"…"', '"…"'),
        ("type", '"…"', '"…"'),
    ]
    assert shorten({"a": {name: "s3cret"}, "b": 1}) == {"a": {name: "…"}, "b": 1}

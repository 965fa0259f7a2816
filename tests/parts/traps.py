"""
Hostile pairs whose texts, fields, elements or lines are traps for who reads them, and rules that are.
"""

import json
from collections.abc import Callable, Iterator

from proxy.compare.rules import Rule
from tests.parts.hostile import FORM, LATE, MUCH, XML, Case, Pair, case, large, small
from tests.parts.judged import answer


def traps() -> Iterator[Case]:
    """
    All of them.
    """
    yield from _texts()
    yield from _xml()
    yield from _lines_and_fields()
    yield from _patterns()
    yield from _arrays()


# JSON as text...


def _texts() -> Iterator[Case]:
    yield case("no UTF-8", lambda: small(b'["\xff\xfe\xfd"]', b'["\xff\xfe\xfc"]'), "divergent")
    yield case("cut within a letter", lambda: small('["é'.encode()[:-1], '["é"]'), "divergent")
    yield case("lone surrogates", lambda: small(r'["\ud800\ud800"]', r'["\udfff"]'), "divergent")
    yield case("surrogates in names", lambda: small(r'{"\ud800": 1}', r'{"\ud800": 2}'), "divergent")
    yield case("UTF-16 that isn't", lambda: small(b"\xff\xfe[1]\0", b"\xff\xfe[2]\0"), "divergent")
    yield case(
        "charsets that take long",
        lambda: small(b"xn--" * 10**5, b"xm--" * 10**5, "text/plain; charset=punycode"),
        "divergent",
    )
    yield case("millions of quotes", lambda: large(b'"\\"' * (MUCH // 3), b'"\\\\"' * (MUCH // 4)), "divergent", LATE)
    yield case(
        "brackets in quotes", lambda: large(b'["' + b"[" * MUCH + b'"]', b'["' + b"[" * MUCH + b']"]'), "body_too_large"
    )
    yield case(
        "millions of digits in a text",
        lambda: large(b'["' + b"1" * MUCH + b'"]', b'["' + b"1" * MUCH + b'2"]'),
        "divergent",
        LATE,
    )
    yield case(
        "names of a million letters",
        lambda: small('{"' + "a" * 10**6 + '": 1}', '{"' + "a" * 10**6 + '": 2}'),
        "divergent",
    )
    yield case("nothing but NUL", lambda: large(bytes(MUCH), bytes(MUCH - 1)), "divergent", LATE)


# XML...


def _xml() -> Iterator[Case]:
    laughs = '<!DOCTYPE a [<!ENTITY x0 "ha">' + "".join(
        f'<!ENTITY x{number + 1} "' + f"&x{number};" * 10 + '">' for number in range(9)
    )
    blow = f'<!DOCTYPE a [<!ENTITY x "{"x" * 50_000}">]><a>{"&x;" * 50_000}'

    def twice(text: str, other: str) -> Callable[[], Pair]:
        return lambda: small(text, other, XML)

    yield case("a billion laughs", twice(f"{laughs}]><a>&x9;</a>", f"{laughs}]><a>&x9;!</a>"), "divergent")
    yield case("one long entity many times", twice(f"{blow}</a>", f"{blow}!</a>"), "divergent")
    yield case(
        "a parameter entity",
        twice('<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]><a>1</a>', "<a>2</a>"),
        "divergent",
    )
    yield case(
        "10,000 elements in each other",
        twice("<a>" * 10_000 + "1" + "</a>" * 10_000, "<a>" * 10_000 + "2" + "</a>" * 10_000),
        "divergent",
    )
    yield case(
        "499 elements in each other",
        twice("<a>" * 499 + "1" + "</a>" * 499, "<a>" * 499 + "2" + "</a>" * 499),
        "divergent",
    )
    yield case(
        "600,000 elements",
        lambda: large(b"<a>" + b"<b/>" * 600_000 + b"</a>", b"<a><b>1</b></a>", XML),
        "body_too_large",
        LATE,
    )
    yield case(
        "many elements",
        lambda: large(b"<a>" + b"<b/>" * 400_000 + b"</a>", b"<a>" + b"<b/>" * 400_000 + b"<c/></a>", XML),
        "divergent",
        LATE,
    )
    yield case("many attributes", lambda: small(_attributes(1), _attributes(2), XML), "divergent", LATE)
    yield case("many namespaces", lambda: small(_spaces(1), _spaces(2), XML), "divergent", LATE)
    yield case(
        "a declaration that never ends", twice("<?xml " + "a" * 10**6, "<?xml " + "a" * 10**6 + "?>"), "divergent"
    )


def _spaces(digit: int) -> str:
    return "<a>" + "".join(f'<b xmlns:n="urn:{number}" n:x="{digit}"/>' for number in range(10_000)) + "</a>"


def _attributes(digit: int) -> str:
    return "<a " + " ".join(f'n{number}="{digit}"' for number in range(20_000)) + "/>"


# Lines, fields...


def _lines_and_fields() -> Iterator[Case]:
    def numbers(first: int, count: int) -> bytes:
        return b"\n".join(b"%d" % number for number in range(first, first + count))

    text, lines, page = "text/plain", "application/x-ndjson", "text/html"
    yield case("millions of lines", lambda: large(b"\n" * MUCH, b"\n" * (MUCH - 1), text), "body_too_large")
    yield case("a line of 15 MiB", lambda: large(b"a" * MUCH, b"a" * MUCH + b"b", text), "divergent", LATE)
    yield case(
        "a million other lines", lambda: large(numbers(0, 10**6), numbers(10**6, 999_999), text), "divergent", LATE
    )
    yield case(
        "the same few lines in disorder",
        lambda: large(b"a\nb\nb\n" * 10**5, b"b\na\na\nb\n" * 10**5, text),
        "divergent",
        LATE,
    )
    yield case(
        "comments that never end", lambda: small("<!--" * 200_000, "<!-- -->" * 100_000, page), "divergent", LATE
    )
    yield case("too many documents", lambda: large(b"1\n" * 300_000, b"1\n", lines), "body_too_large")
    yield case(
        "many documents", lambda: large(b'{"a":1}\n' * 190_000, b'{"a":2}\n' * 190_000, lines), "divergent", LATE
    )
    yield case(
        "documents 1,000 deep",
        lambda: small(("[" * 999 + "1" + "]" * 999 + "\n") * 50, ("[" * 999 + "2" + "]" * 999 + "\n") * 50, lines),
        "divergent",
        LATE,
    )
    yield case("too many fields", lambda: small("a=1&" * 20_000, "a=1&" * 20_000 + "b", FORM), "divergent")
    yield case(
        "nothing but escapes", lambda: small("a=" + "%ff" * 300_000, "a=" + "%fe" * 300_000, FORM), "divergent", LATE
    )
    yield case("escapes that are none", lambda: small("%" * 10**6, "%" * 10**6 + "1", FORM), "divergent", LATE)


# Regular expressions, ours and those of rules...


def _patterns() -> Iterator[Case]:
    trap = '["' + "a" * 60 + '!"]', '["' + "a" * 60 + '?"]'

    def field(name: str, old: str, new: str) -> Callable[[], Pair]:
        return lambda: (answer("{}", fields=[(name, old)]), answer("{}", fields=[(name, new)]))

    for does, given in [
        ("ignore_values", {"pattern": "(a+)+"}),
        ("ignore_values", {"pattern": "(a|aa)*b"}),
        ("rewrite", {"pattern": "(a|a)*$", "with": ""}),
        ("rewrite", {"pattern": "(.*)*x", "with": "-"}),
    ]:
        rule = Rule(does=does, given=given)
        yield case(f"{does} {given['pattern']}", lambda: small(*trap), LATE, rules=[rule])
    grow = Rule(does="rewrite", given={"pattern": "", "with": "x" * 200})
    yield case(
        "texts that grow",
        lambda: small('["' + "a" * 10**6 + '"]', '["' + "b" * 10**6 + '"]'),
        "divergent",
        LATE,
        rules=[grow],
    )
    for name in ("cache-control", "content-type", "link", "vary", "set-cookie", "etag", "www-authenticate"):
        for trapped in ('a="', '\\"', "<,", ", ", ';a="\\', "= ", ' "'):
            old, new = trapped * (60_000 // len(trapped)), trapped * (60_000 // len(trapped)) + "x"
            yield case(f"{name} of {trapped!r}", field(name, old, new), "divergent", "equivalent")


def _arrays() -> Iterator[Case]:
    near = Rule(does="numbers", given={"abs": 0.4})
    as_set, by_key = Rule(does="arrays", where="$"), Rule(does="arrays", where="$", given={"key": "id"})
    deep = Rule(does="arrays", where="$.**")

    def objects(step: float, count: int = 20_000) -> str:
        return json.dumps([{"id": 1, "n": number * step} for number in range(count)])

    yield case(
        "a set of thousands that nearly match",
        lambda: small(objects(1.0), objects(1.01)),
        "divergent",
        LATE,
        rules=[as_set, near],
    )
    yield case("one key for all", lambda: small(objects(1.0), objects(2.0)), "divergent", LATE, rules=[by_key])
    yield case(
        "sets in sets",
        lambda: small("[" * 300 + "1" + ",2]" * 300, "[2," * 300 + "3" + "]" * 300),
        "divergent",
        LATE,
        rules=[deep],
    )
    yield case(
        "many wide rules",
        lambda: small(objects(1.0, 3000), objects(2.0, 3000)),
        "divergent",
        LATE,
        rules=[Rule(does="case", where="$" + "..*" * one + "..id") for one in range(1, 14)],
    )

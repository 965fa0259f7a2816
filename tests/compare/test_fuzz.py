"""
The labelled pairs, broken at random: whatever comes of it, there is a verdict or a reason, and the same either way.
"""

from random import Random

import pytest

from proxy.compare.answer import Answer
from proxy.compare.difference import Kind, Part
from proxy.compare.judge import judge
from tests.compare.test_labelled import PAIRS
from tests.parts.judged import book, described, rules_of

# What means something to one reader or another.
PIECES = [
    *rb'{ } [ ] " : , \ \u \ud800 \u0000 - . 0 e9 1e400 NaN null true = & % %ff + -- "a":1,"a":1,'.split(),
    *b"< > </ <a> <!-- --> <![CDATA[ <?xml &x; &#0;".split(),
    *(
        b"<!DOCTYPE a [",
        b"<!ENTITY x 'y'>",
        b"\n",
        b"\r\n",
        b"\xff",
        b"\xc3",
        b"\0",
        b"\x1e",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
    ),
    *(b"9" * 30, b"[" * 40, b'{"a":' * 40, b"<a>" * 40),
]
MIRRORED = {Kind.MISSING: Kind.EXTRA, Kind.EXTRA: Kind.MISSING}
BODIES = [
    (answer, rules_of(pair.values[0].get("rules", {})))
    for pair in PAIRS
    for side in ("old", "new")
    if isinstance((answer := described(pair.values[0][side], pair.values[0]["media"])).content, bytes)
    and len(answer.content) < 5000
]


def mutated(content: bytes, random: Random) -> bytes:
    """
    Content with a few things added, taken away, changed or repeated.
    """
    for _ in range(random.randint(1, 4)):
        start = random.randint(0, len(content))
        end = min(len(content), start + random.choice([0, 1, 1, 2, 5, 20]))
        other, _ = random.choice(BODIES)
        assert isinstance(other.content, bytes)
        middle = random.choice(
            [random.choice(PIECES), random.randbytes(1), b"", content[start:end] * 2, other.content[: end - start + 5]]
        )
        content = content[:start] + middle + content[end:]
    return content


def broken(answer: Answer, random: Random) -> Answer:
    """
    An answer with other content; and sometimes said to be something else, or with another field.
    """
    assert isinstance(answer.content, bytes)
    answer = answer._replace(content=mutated(answer.content, random))
    said = random.random()
    if said < 0.1:
        other, _ = random.choice(BODIES)
        return answer._replace(media=other.media, coding=other.coding)
    if said < 0.2:
        name = random.choice(["link", "vary", "cache-control", "set-cookie", "content-type", "allow", "etag"])
        value = mutated(b'a="b", <c>; d', random).decode("latin-1")
        return answer._replace(fields=(*answer.fields, (name, value)))
    return answer


def mirrored(parts: frozenset[Part]) -> set[Part]:
    """
    What would be found with old and new changed.
    """
    return {(pattern, MIRRORED.get(kind, kind)) for pattern, kind in parts if kind is not Kind.STATUS}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("seed", "times"), [(1, 3000), pytest.param(None, 100_000, marks=pytest.mark.prove, id="100,000 others")]
)
def test_whatever_is_broken_there_is_a_verdict_or_a_reason(seed: int | None, times: int) -> None:
    """
    Never an exception; without rules the same differences are found with the sides changed, and nothing in what is
    told of them is too much for those who write it down.
    """
    number = Random(seed).randrange(2**32)
    random = Random(number)
    for turn in range(times):
        original, rules = random.choice(BODIES)
        old = broken(original, random) if random.random() < 0.3 else original
        new = broken(old, random)
        by = book(*rules)
        told = f"seed {number}, turn {turn}: {old} {new}"
        try:
            straight, swapped = judge(old, new, by), judge(new, old, by)
            bare, other_way = judge(old, new, book()), judge(new, old, book())
        except Exception as error:
            raise AssertionError(told) from error
        for one, other in ((straight, swapped), (bare, other_way)):
            assert (one.verdict is None) is (one.reason is not None), told
            assert (one.verdict, one.reason) == (other.verdict, other.reason), told
        assert mirrored(bare.parts) == {part for part in other_way.parts if part[1] is not Kind.STATUS}, told
        assert all(one.path.isprintable() and one.pattern.isprintable() for one in bare.differences), told

"""
STORY 2: two answers to one request, and what is to be said of them.

Top to bottom: statuses, header fields, codings undone, what the bodies are, the bodies themselves as what they are, and
then, of what was found, what rules, noise and waivers leave over. Pure: a comparer calls it for every pair that isn't
byte-equal, and `parallax evidence rejudge` for pairs that were kept.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, Literal

from proxy.compare.answer import Answer, Cut, media_type
from proxy.compare.bodies.form import NotForm, read_form
from proxy.compare.bodies.json import Document, NotJson, read_both, read_exactly
from proxy.compare.bodies.text import compare_bytes, compare_lines
from proxy.compare.bodies.xml import NotXml, read_xml
from proxy.compare.decode import TooLarge, Undecodable, decode
from proxy.compare.difference import ABSENT, Difference, Kind
from proxy.compare.kinds import Body, declared, looks_like
from proxy.compare.leaf import Leaf, Rules
from proxy.compare.signature import Signature, sign
from proxy.compare.walk import Found, compare, excused

Verdict = Literal["equivalent", "noise", "waived", "divergent"]
Reason = Literal["undecodable", "body_too_large"]

UTF_8: Final = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """
    What one endpoint's pairs are judged by: compiled rules for bodies and header fields, statuses that count as equal
    (by which rule), noisy places (pattern and kind), waived signatures (ids), and the bytes a body may decode into.
    """

    endpoint: str
    body: Rules | None = None
    fields: Mapping[str, Leaf] = field(default_factory=dict)
    same_status: Callable[[int, int], int | None] | None = None
    noise: Collection[tuple[str, Kind]] = frozenset()
    waived: Collection[str] = frozenset()
    largest: int = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """
    What is said of one pair: a verdict, or the reason why there is none.

    `differences` are all that no rule excused, noise and waived ones too, and `more` how many were not listed;
    `signature` is that of those which count: without noise, where anything else is left. `hidden` is how often each
    rule excused something.
    """

    verdict: Verdict | None
    reason: Reason | None = None
    differences: tuple[Difference, ...] = ()
    more: int = 0
    signature: Signature | None = None
    hidden: Mapping[int, int] = field(default_factory=dict)

    @property
    def kinds(self) -> int:
        """
        The kinds of difference as a mask of bits.
        """
        return sum({1 << difference.kind for difference in self.differences})


def judge(old: Answer, new: Answer, book: Book) -> Judgement:
    """
    Judge one pair. Never raises for what the answers hold; time is for the caller to bound.
    """
    found = Found()
    _compare_status(old, new, book, found)
    _compare_fields(old, new, book, found)
    try:
        _compare_content(old, new, book, found)
    except TooLarge:
        return Judgement(verdict=None, reason="body_too_large", hidden=found.hidden)
    except Undecodable:
        return Judgement(verdict=None, reason="undecodable", hidden=found.hidden)
    return _conclude(found, book)


def _conclude(found: Found, book: Book) -> Judgement:
    """
    The verdict on what is left over: rules have excused already, then noise, then waivers.
    """
    differences = tuple(found.differences)
    if not differences:
        return Judgement(verdict="equivalent", hidden=found.hidden)
    counting = [one for one in differences if (one.pattern, one.kind) not in book.noise] if book.noise else differences
    signature = sign(book.endpoint, counting or differences)
    verdict: Verdict = "divergent"
    if not counting and not found.more:
        verdict = "noise"
    elif signature.id in book.waived:
        verdict = "waived"
    return Judgement(
        verdict=verdict, differences=differences, more=found.more, signature=signature, hidden=found.hidden
    )


# Heads...


def _compare_status(old: Answer, new: Answer, book: Book, found: Found) -> None:
    if old.status == new.status:
        return
    rule = None if book.same_status is None else book.same_status(old.status, new.status)
    if rule is None:
        found.differences.append(Difference(Kind.STATUS, (), old.status, new.status, "status"))
    else:
        found.hide(rule)


def _compare_fields(old: Answer, new: Answer, book: Book, found: Found) -> None:
    """
    Fields by name: the values of one name in their order, names in any.
    """
    ours, theirs = _by_name(old), _by_name(new)
    for name in chain(ours, (name for name in theirs if name not in ours)):
        one, other = ours.get(name), theirs.get(name)
        if one == other:
            continue
        leaf = book.fields.get(name)
        if leaf is not None and leaf.ignore is not None:
            found.hide(leaf.ignore)
        elif leaf is not None and one is not None and other is not None and _same_values(one, other, leaf, found):
            pass
        else:
            found.differences.append(Difference(Kind.HEADER, (), _shown(one), _shown(other), f"header:{name}"))


def _shown(values: list[str] | None) -> Any:
    return ABSENT if values is None else ", ".join(values)


def _by_name(answer: Answer) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in answer.fields:
        fields.setdefault(name, []).append(value)
    # Cookies are set in any order.
    if "set-cookie" in fields:
        fields["set-cookie"].sort()
    return fields


def _same_values(old: list[str], new: list[str], leaf: Leaf, found: Found) -> bool:
    if leaf.array is not None and Counter(old) == Counter(new):
        found.hide(leaf.array)
        return True
    return len(old) == len(new) and all(
        one == other or excused(one, other, leaf, found) for one, other in zip(old, new, strict=True)
    )


# Bodies...


def _compare_content(old: Answer, new: Answer, book: Book, found: Found) -> None:
    if isinstance(old.content, Cut) or isinstance(new.content, Cut):
        if old.content != new.content:
            found.add(Kind.CUT, (), _length(old), _length(new))
        return
    ours, theirs = _decoded(old, old.content, book.largest), _decoded(new, new.content, book.largest)
    if ours is None and theirs is None:
        raise Undecodable("neither side's content can be decoded")
    if ours is None or theirs is None:
        found.add(Kind.ENCODING, (), old.coding, new.coding)
    elif ours != theirs:
        _compare_bodies(_Side(old, ours), _Side(new, theirs), book.body, found)


def _length(answer: Answer) -> int:
    return answer.content.length if isinstance(answer.content, Cut) else len(answer.content)


def _decoded(answer: Answer, content: bytes, limit: int) -> bytes | None:
    """
    The content without codings and in UTF-8 where it is text; None if it is not in the coding it claims.
    """
    try:
        content = decode(content, answer.coding, limit)
    except Undecodable:
        return None
    _, charset = media_type(answer.media)
    if charset not in UTF_8:
        try:
            return content.decode(charset).encode()
        except (LookupError, ValueError):
            return content
    return content


class _Side:
    """
    One side's decoded content, and what it is taken for until it is read: what it says, else what it looks like.
    """

    __slots__ = ("content", "kind")

    def __init__(self, answer: Answer, content: bytes) -> None:
        self.content = content
        looks = looks_like(content)
        self.kind = looks if looks is Body.EMPTY else declared(media_type(answer.media)[0]) or looks


def _compare_bodies(old: _Side, new: _Side, rules: Rules | None, found: Found) -> None:
    """
    Two different contents, as what they are; that one of them is something else is a difference by itself.
    """
    if Body.EMPTY in {old.kind, new.kind}:
        missing = new.kind is Body.EMPTY
        found.add(Kind.MISSING if missing else Kind.EXTRA, (), old.content, new.content)
        return
    if old.kind is new.kind and _both(old.kind, old.content, new.content, rules, found):
        return
    kinds = [_really(side) for side in (old, new)]
    if kinds[0] is not kinds[1]:
        found.add(Kind.MEDIA_TYPE, (), kinds[0].value, kinds[1].value)
    elif not _both(kinds[0], old.content, new.content, rules, found):
        compare_bytes(old.content, new.content, found)


def _really(side: _Side) -> Body:
    """
    What a body is, by reading it: as it says, as it looks, or as plain as it gets.
    """
    for kind in dict.fromkeys((side.kind, looks_like(side.content), Body.TEXT)):
        reads = READERS.get(kind)
        try:
            if reads is not None:
                reads(side.content)
        except (NotForm, NotJson, NotXml, UnicodeDecodeError, RecursionError):
            continue
        return kind
    return Body.BINARY


def _both(kind: Body, old: bytes, new: bytes, rules: Rules | None, found: Found) -> bool:
    """
    Compare two bodies of one kind; False, and nothing found, if one of them is not of that kind.
    """
    before = len(found.differences), found.more
    try:
        _COMPARE[kind](old, new, rules, found)
    except (NotForm, NotJson, NotXml, UnicodeDecodeError, RecursionError):
        del found.differences[before[0] :]
        found.more = before[1]
        return False
    return True


def _compare_json(old: bytes, new: bytes, rules: Rules | None, found: Found) -> None:
    _compare_documents(*read_both(old, new), rules, found)


def _compare_lines_of_json(old: bytes, new: bytes, rules: Rules | None, found: Found) -> None:
    """
    A document a line is an array of them.
    """
    _compare_documents(*read_both(_as_array(old), _as_array(new)), rules, found)


def _as_array(content: bytes) -> bytes:
    return b"[" + b",".join(line for part in content.split(b"\n") if (line := part.strip(b" \t\r\x1e"))) + b"]"


def _compare_documents(old: Document, new: Document, rules: Rules | None, found: Found) -> None:
    found.exact = old.exact
    if old.duplicates != new.duplicates:
        found.add(Kind.DUPLICATE, (), list(old.duplicates), list(new.duplicates))
    compare(old.value, new.value, rules, found)


def _compare_xml(old: bytes, new: bytes, rules: Rules | None, found: Found) -> None:
    compare(read_xml(old), read_xml(new), rules, found)


def _compare_form(old: bytes, new: bytes, rules: Rules | None, found: Found) -> None:
    compare(read_form(old.decode()), read_form(new.decode()), rules, found)


def _compare_text(old: bytes, new: bytes, rules: Rules | None, found: Found) -> None:
    compare_lines(old.decode(), new.decode(), rules, found)


def _compare_opaque(old: bytes, new: bytes, _rules: Rules | None, found: Found) -> None:
    compare_bytes(old, new, found)


_COMPARE: Final[dict[Body, Callable[[bytes, bytes, Rules | None, Found], None]]] = {
    Body.JSON: _compare_json,
    Body.NDJSON: _compare_lines_of_json,
    Body.XML: _compare_xml,
    Body.HTML: _compare_text,
    Body.FORM: _compare_form,
    Body.TEXT: _compare_text,
    Body.BINARY: _compare_opaque,
}
# Readers by which a body shows what it really is; HTML and binary content can't be told from others by reading.
READERS: Final[dict[Body, Callable[[bytes], Any]]] = {
    Body.JSON: read_exactly,
    Body.NDJSON: lambda content: read_exactly(_as_array(content)),
    Body.XML: read_xml,
    Body.FORM: lambda content: read_form(content.decode()),
    Body.TEXT: bytes.decode,
}

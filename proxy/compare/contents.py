"""
Contents: codings undone, what the bodies are, and then as what they are, value by value.
"""

from typing import Final

from proxy.compare.answer import Answer, Cut
from proxy.compare.bodies.base import Document, NotReadable
from proxy.compare.bodies.binary import compare_bytes
from proxy.compare.bodies.readers import READERS
from proxy.compare.bodies.xml import FoundInXml
from proxy.compare.content import Content, read_content
from proxy.compare.decode import TooLarge, Undecodable, codings
from proxy.compare.difference import ABSENT, Kind, write_pattern
from proxy.compare.fields import CONTENT_TYPE
from proxy.compare.found import Found
from proxy.compare.glance import find_only_text
from proxy.compare.kinds import Body
from proxy.compare.leaf import Leaf, Rules, ignored_at
from proxy.compare.walk import compare

Documents = tuple[Document, Document]
# Kinds that fit any content, so that nobody has to read it to know.
ANYTHING: Final = frozenset({Body.HTML, Body.TEXT, Body.BINARY})
JSON: Final = frozenset({Body.JSON, Body.NDJSON})
TYPE_FIELD: Final = f"header:{CONTENT_TYPE}"


def compare_contents(
    old: Answer,
    new: Answer,
    *,
    rules: Rules | None,
    type_rule: Leaf | None,
    largest: int,
    found: Found,
    glanced: bool = False,
) -> Documents | None:
    """
    Compare what two answers hold; `type_rule` is what rules say of Content-Type, `glanced` that nothing is to be seen
    at a glance. What comes back are the bodies as they were read, if they were. Raises `TooLarge` or `Undecodable` when
    that can't be done.
    """
    whole = None if rules is None or rules.here is None else rules.here.ignore
    if (old.content, old.coding, old.media) == (new.content, new.coding, new.media):
        return None
    if whole is not None:
        if old.content != new.content:
            found.hide(whole, Kind.BODY)
        return None
    if isinstance(old.content, Cut) or isinstance(new.content, Cut):
        _compare_cut(old, new, found)
        return None
    ours, theirs = _decoded(old, old.content, largest), _decoded(new, new.content, largest)
    if ours is None or theirs is None:
        if ours is not theirs:
            found.add(Kind.ENCODING, (), old.coding, new.coding)
        elif old.content != new.content:
            raise Undecodable("neither side's content is in its coding")
        return None
    return _compare_bodies(ours, theirs, rules, type_rule, found, glanced)


def _compare_cut(old: Answer, new: Answer, found: Found) -> None:
    """
    Contents of which only lengths and digests are left, which say nothing where a coding would have to be undone first.
    """
    if old.content == new.content:
        return
    if codings(old.coding) or codings(new.coding):
        raise TooLarge("compressed content that was not kept")
    found.add(Kind.CUT, (), _length(old), _length(new))


def _length(answer: Answer) -> int:
    return answer.content.length if isinstance(answer.content, Cut) else len(answer.content)


def _decoded(answer: Answer, content: bytes, largest: int) -> Content | None:
    try:
        return read_content(answer, content, largest)
    except Undecodable:
        return None


def _compare_bodies(
    old: Content, new: Content, rules: Rules | None, type_rule: Leaf | None, found: Found, glanced: bool
) -> Documents | None:
    """
    Two contents as what they are; that only one of them is that is all that is said then.
    """
    if not old.data or not new.data:
        if old.data:
            found.add(Kind.MISSING, (), old.data, ABSENT)
        elif new.data:
            found.add(Kind.EXTRA, (), ABSENT, new.data)
        return None
    same = old.data == new.data
    if same and (old.said, old.media.charset, old.marked) == (new.said, new.media.charset, new.marked):
        return None
    if not same and not glanced and _compare_one_text(old, new, rules, found):
        return None
    kinds, documents = _read(old, new)
    if documents is None:
        found.add(Kind.MEDIA_TYPE, (), kinds[0].value, kinds[1].value)
        return None
    _compare_labels(old, new, kinds, documents, type_rule, found)
    if same:
        return documents
    if kinds[0] is Body.BINARY:
        compare_bytes(old.data, new.data, found)
    else:
        _compare_documents(kinds[0], documents, rules, found)
    return documents


def _compare_one_text(old: Content, new: Content, rules: Rules | None, found: Found) -> bool:
    """
    JSON of which only one text differs, if that can be seen and no rule says anything of what lies around that text.
    Not where it is told what rules hide: for that all has to be read.
    """
    if old.said is not Body.JSON or found.told is not None:
        return False
    if (old.said, old.media.charset, old.marked) != (new.said, new.media.charset, new.marked):
        return False
    only = find_only_text(old.data, new.data, rules)
    if only is None:
        return False
    steps, one, other, at = only
    compare(one, other, at, found, steps)
    return True


# What they are...


def _read(old: Content, new: Content) -> tuple[tuple[Body, Body], Documents | None]:
    """
    What two bodies are, and both as that; no documents when they are different things.
    """
    kinds = next(old.candidates()), next(new.candidates())
    if _reader(kinds[0]) is _reader(kinds[1]):
        documents = _read_both(kinds[0], old.data, new.data)
        if documents is not None:
            return kinds, documents
    kinds = _really(old), _really(new)
    if _reader(kinds[0]) is not _reader(kinds[1]):
        return kinds, None
    return kinds, _read_both(kinds[0], old.data, new.data)


def _reader(kind: Body) -> object:
    # Pages and other text are the same thing as far as reading goes.
    return Body.TEXT if kind is Body.HTML else kind


def _read_both(kind: Body, old: bytes, new: bytes) -> Documents | None:
    """
    Both bodies read in the same way: exactly, if either of them needs it; None if one of them is not of that kind.
    """
    read = READERS[kind]
    try:
        one = read(old, False)
        other = read(new, one.exact)
        if other.exact and not one.exact:
            one = read(old, True)
    except NotReadable:
        return None
    return one, other


def _really(content: Content) -> Body:
    """
    The first of the candidates that a body can be read as.
    """
    for kind in content.candidates():
        try:
            if kind not in ANYTHING:
                READERS[kind](content.data, True)
        except NotReadable:
            continue
        return kind
    return Body.TEXT


def _compare_labels(
    old: Content, new: Content, kinds: tuple[Body, Body], documents: Documents, type_rule: Leaf | None, found: Found
) -> None:
    """
    What is said about bodies that are the same kind of thing, or would have to be said for a client to read them.
    """
    ignored = None if type_rule is None else type_rule.ignore
    lies = old.lie(kinds[0]), new.lie(kinds[1])
    if lies[0] is not lies[1]:
        if ignored is None:
            found.add(Kind.MEDIA_TYPE, (), *((lie or kind).value for lie, kind in zip(lies, kinds, strict=True)))
        else:
            found.hide(ignored, Kind.MEDIA_TYPE)
    if old.media.charset != new.media.charset and (
        old.depends_on_charset(kinds[0]) or new.depends_on_charset(kinds[1])
    ):
        if ignored is None:
            found.add(Kind.HEADER, (), old.media.charset or ABSENT, new.media.charset or ABSENT, TYPE_FIELD)
        else:
            found.hide(ignored, Kind.HEADER, place=TYPE_FIELD)
    if documents[0].broken is not documents[1].broken:
        found.add(Kind.MEDIA_TYPE, (), *("not UTF-8" if one.broken else "UTF-8" for one in documents))
    elif old.marked is not new.marked and kinds[0] in JSON:
        # RFC 8259 §8.1 forbids a byte order mark there, and strict parsers stumble over it.
        found.add(Kind.MEDIA_TYPE, (), *("marked" if one.marked else "unmarked" for one in (old, new)))


# As what they are...


def _compare_documents(kind: Body, documents: Documents, rules: Rules | None, found: Found) -> None:
    """
    Two documents of one kind, value by value.
    """
    old, new = documents
    if old.written is not None and old.written == new.written:
        return
    within, before = found, len(found.differences)
    if kind is Body.XML:
        within = FoundInXml(rules=rules, telling=found.told is not None)
    within.exact = old.exact or new.exact
    try:
        compare(old.value, new.value, rules, within)
    except RecursionError:
        # Too deep for the frames that the caller has: nobody can say where.
        del found.differences[before:]
        found.add(Kind.BODY, (), ABSENT, ABSENT)
        return
    _compare_repeated(old, new, rules, found)
    if within is not found:
        found.join(within)


def _compare_repeated(old: Document, new: Document, rules: Rules | None, found: Found) -> None:
    """
    Names that an object has more than once: which of the values counts depends on who reads it.
    """
    if not old.repeated and not new.repeated:
        return
    for steps in dict.fromkeys((*old.repeated, *new.repeated)):
        one, other = old.repeated.get(steps, ()), new.repeated.get(steps, ())
        if one != other:
            rule = ignored_at(rules, steps)
            place = write_pattern(steps)
            if rule is None:
                found.add(Kind.DUPLICATE, (), list(one), list(other), place)
            else:
                found.hide(rule, Kind.DUPLICATE, place=place)

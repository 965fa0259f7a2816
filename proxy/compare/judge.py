"""
STORY 2: two answers to one request, and what is to be said of them.

Top to bottom: statuses, header fields, contents (`contents`: codings undone, what the bodies are, value by value), and
then, of what was found, what noise and waivers leave over. Rules are asked wherever something differs. Pure: a comparer
calls it for every pair that isn't byte-equal, and `parallax evidence rejudge` for pairs that were kept.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from proxy.compare.answer import Answer
from proxy.compare.contents import Documents, compare_contents
from proxy.compare.decode import TooLarge, Undecodable
from proxy.compare.difference import STATUS, Difference, Kind, Part, Steps
from proxy.compare.fields import CONTENT_TYPE, compare_fields
from proxy.compare.found import Found
from proxy.compare.glance import OneText, find_only_text, heads_agree, without_coding
from proxy.compare.leaf import Leaf, Rules, excuse
from proxy.compare.signature import Signature, signature
from proxy.compare.survey import Survey, met_in_body, met_in_fields

Verdict = Literal["equivalent", "noise", "waived", "divergent"]
Reason = Literal["undecodable", "body_too_large"]

# The frames of Python that values of `bodies.json.MOST_LEVELS` levels need: whoever calls sets this recursion limit.
FRAMES: Final = 10_000
NOTHING: Final[Mapping[int, int]] = MappingProxyType({})
# Answers without content by their status (RFC 9110 §15), and the fields that are about content.
NO_CONTENT: Final = frozenset({204, 205, 304})
# Places whose weight is remembered in one book.
MOST_KNOWN: Final = 256
ABOUT_CONTENT: Final = frozenset({CONTENT_TYPE, "content-language", "content-disposition"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """
    What one endpoint's pairs are judged by: compiled rules for bodies and header fields, statuses that count as equal
    (by which rule), noisy places (pattern and kind), waived signatures (ids, and the parts of those that are known),
    and the bytes a body may decode into. Names of members can be secrets: noise and waivers have patterns as they are
    when `masked`. `known` is what was said of a text that differs, by its place.
    """

    endpoint: str
    body: Rules | None = None
    fields: Mapping[str, Leaf] = field(default_factory=dict)
    any_field: Leaf | None = None
    same_status: Callable[[int, int], int | None] | None = None
    noise: Collection[Part] = frozenset()
    waived: Collection[str] = frozenset()
    accepted: Sequence[frozenset[Part]] = ()
    masked: Callable[[str], str] = str
    largest: int = 16 * 2**20
    known: dict[Steps, tuple[frozenset[Part], Verdict, Signature]] = field(default_factory=dict, compare=False)

    def told(self, part: Part) -> Part:
        """
        What a part is called outside the comparer.
        """
        pattern, kind = part
        return self.masked(pattern), kind


class Judgement(NamedTuple):
    """
    What is said of one pair: a verdict, or the reason why there is none.

    `differences` are all that no rule excused, noise and waived ones too, and `more` how many were not listed; `parts`
    are the patterns and kinds of all of them. `signature` is that of those which count: without noise, where anything
    else is left. `hidden` is how often each rule excused something; `survey` says more of that, when it was asked for.
    """

    verdict: Verdict | None
    reason: Reason | None = None
    differences: tuple[Difference, ...] = ()
    more: int = 0
    parts: frozenset[Part] = frozenset()
    signature: Signature | None = None
    hidden: Mapping[int, int] = NOTHING
    survey: Survey | None = None

    @property
    def kinds(self) -> int:
        """
        The kinds of difference as a mask of bits.
        """
        return _mask(self.parts)


@lru_cache(maxsize=1024)
def _mask(parts: frozenset[Part]) -> int:
    return sum({1 << kind for _, kind in parts})


def judge(old: Answer, new: Answer, book: Book, *, surveyed: bool = False) -> Judgement:
    """
    Judge one pair. Never raises for what the answers hold; time is for the caller to bound. `surveyed` finds out as
    well where rules apply and what they hide, which costs as much again.
    """
    glanced = False
    if not surveyed and (book.body is None or book.body.here is None) and heads_agree(old, new):
        old, new = without_coding(old, new, book.largest)
        ours, theirs = old.content, new.content
        if not old.coding and isinstance(ours, bytes) and isinstance(theirs, bytes):
            glanced = max(len(ours), len(theirs)) <= book.largest
            only = find_only_text(ours, theirs, book.body) if glanced else None
            if only is not None:
                return _judge_text(only, book)
    found = Found(telling=surveyed)
    documents: Documents | None = None
    reason: Reason | None = None
    try:
        documents = _compare(old, new, book, found, glanced=glanced)
    except TooLarge:
        reason = "body_too_large"
    except Undecodable:
        reason = "undecodable"
    seen = _survey(old, new, book, documents, found) if surveyed else None
    return _conclude(found, book, reason, seen)


def _judge_text(only: OneText, book: Book) -> Judgement:
    """
    A pair of which nothing differs but this.
    """
    steps, old, new, rules = only
    leaf = None if rules is None else rules.here
    if leaf is not None:
        rule = excuse(leaf, old, new) if leaf.ignore is None else leaf.ignore
        if rule is not None:
            return _excused(rule)
    difference = Difference(Kind.VALUE, steps, old, new)
    known = book.known.get(steps)
    if known is None:
        parts = frozenset({(difference.pattern, difference.kind)})
        known = parts, *_weigh(parts, book)
        if len(book.known) >= MOST_KNOWN:
            book.known.clear()
        book.known[steps] = known
    parts, verdict, signed = known
    return tuple.__new__(Judgement, (verdict, None, (difference,), 0, parts, signed, NOTHING, None))


@lru_cache(maxsize=1024)
def _excused(rule: int) -> Judgement:
    """
    One value differs, and a rule says that it may.
    """
    return Judgement("equivalent", hidden={rule: 1})


def _compare(old: Answer, new: Answer, book: Book, found: Found, *, glanced: bool) -> Documents | None:
    """
    Find everything that no rule excuses. What comes back are the bodies as they were read, if they were.
    """
    if old.status != new.status:
        rule = None if book.same_status is None else book.same_status(old.status, new.status)
        if rule is not None:
            found.hide(rule, Kind.STATUS, place=f"{STATUS}:{old.status}:{new.status}")
            if {old.status, new.status} & NO_CONTENT:
                # Who excuses 204 for 200 has excused that there is no content.
                old, new = _without_content(old), _without_content(new)
        else:
            found.add(Kind.STATUS, (), old.status, new.status, STATUS)
            if old.status // 100 != new.status // 100:
                # A success and an error: that everything else differs too says nothing more.
                return None
    compare_fields(old, new, book.fields, book.any_field, found)
    return compare_contents(
        old,
        new,
        rules=book.body,
        type_rule=book.fields.get(CONTENT_TYPE),
        largest=book.largest,
        found=found,
        glanced=glanced,
    )


def _without_content(answer: Answer) -> Answer:
    fields = tuple((name, value) for name, value in answer.fields if name not in ABOUT_CONTENT)
    return Answer(status=answer.status, fields=fields, media="", coding="", content=b"")


def _conclude(found: Found, book: Book, reason: Reason | None, seen: Survey | None) -> Judgement:
    """
    The verdict on what is left over: rules have excused already, then noise, then waivers. Where the contents could not
    be looked at, only another difference that counts makes a verdict.
    """
    if not found.differences:
        said: Verdict | None = None if reason else "equivalent"
        return Judgement(verdict=said, reason=reason, hidden=found.hidden, survey=seen)
    parts = frozenset(found.parts)
    verdict, signed = _weigh(parts, book, lost=found.lost)
    if reason is not None and verdict != "divergent":
        return Judgement(verdict=None, reason=reason, hidden=found.hidden, survey=seen)
    return Judgement(
        verdict=verdict,
        differences=tuple(found.differences),
        more=found.more,
        parts=parts,
        signature=signed,
        hidden=found.hidden,
        survey=seen,
    )


def _weigh(parts: frozenset[Part], book: Book, *, lost: bool = False) -> tuple[Verdict, Signature]:
    """
    What differences come to that no rule has excused: `lost` says that there were more than could be remembered.
    """
    counting = frozenset(part for part in parts if book.told(part) not in book.noise) if book.noise else parts
    signed = signature(book.endpoint, counting or parts)
    verdict: Verdict = "divergent"
    # What was too much to be remembered is neither known noise nor accepted.
    if not counting and not lost:
        verdict = "noise"
    elif not lost and (signed.id in book.waived or _are_accepted(counting, book)):
        verdict = "waived"
    return verdict, signed


def _are_accepted(parts: frozenset[Part], book: Book) -> bool:
    """
    Is this nothing but some waived signatures together?
    """
    if not book.accepted:
        return False
    told = frozenset(map(book.told, parts))
    within = [one for one in book.accepted if one <= told]
    return bool(within) and frozenset().union(*within) == told


def _survey(old: Answer, new: Answer, book: Book, documents: Documents | None, found: Found) -> Survey:
    """
    What the rules did: those that excused something were met, of course.
    """
    names = {name for answer in (old, new) for name, _ in answer.fields}
    met = met_in_fields(names, book.fields, book.any_field) | found.hidden.keys()
    whole = documents is not None
    for document in documents or ():
        more, all_of_it = met_in_body(document.value, book.body)
        met |= more
        whole = whole and all_of_it
    hides = {rule: frozenset(parts) for rule, parts in (found.told or {}).items()}
    return Survey(met=frozenset(met), hides=hides, whole=whole)

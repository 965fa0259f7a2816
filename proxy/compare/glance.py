"""
What can be said of most pairs at a glance: their heads agree, and in their JSON one text differs.

What is seen so is what reading both bodies would show (`contents`); where nothing is seen they are read. Of what a pair
costs, half is the way to that text and back: so it is as short as possible here.
"""

from functools import lru_cache

from proxy.compare.answer import Answer, Cut
from proxy.compare.content import LONGEST_LABEL
from proxy.compare.decode import TooLarge, Undecodable, decode
from proxy.compare.difference import Steps
from proxy.compare.kinds import Body, declared
from proxy.compare.leaf import Rules
from proxy.compare.media import CHARSETS, UTF_8, parse_media
from proxy.compare.onetext import find_one_text

# The only text that differs: where, what it is on either side, and what rules say of its place.
OneText = tuple[Steps, str, str, Rules | None]


def heads_agree(old: Answer, new: Answer) -> bool:
    """
    Whether two heads say the same of both contents: JSON in UTF-8, in the same coding or none.
    """
    media = old.media
    return (
        old.status == new.status
        and old.fields == new.fields
        and media == new.media
        and old.coding == new.coding
        and len(media) <= LONGEST_LABEL
        and _is_plain_json(media)
    )


@lru_cache(maxsize=256)
def _is_plain_json(label: str) -> bool:
    media = parse_media(label)
    return declared(media.kind) is Body.JSON and CHARSETS.get(media.charset) == UTF_8


def without_coding(old: Answer, new: Answer, largest: int) -> tuple[Answer, Answer]:
    """
    Two answers, their coding undone if they are whole and that can be done with both; else as they are.
    """
    if not old.coding or isinstance(old.content, Cut) or isinstance(new.content, Cut):
        return old, new
    try:
        ours, theirs = decode(old.content, old.coding, largest), decode(new.content, new.coding, largest)
    except (Undecodable, TooLarge):
        # What is to be said of that, who reads contents says.
        return old, new
    return old._replace(coding="", content=ours), new._replace(coding="", content=theirs)


def find_only_text(old: bytes, new: bytes, rules: Rules | None) -> OneText | None:
    """
    What differs between two bodies of JSON, if it is one text, and no rule says anything of what lies around it; None
    where that can't be seen.
    """
    found = find_one_text(old, new)
    if found is None:
        return None
    steps, one, other = found
    for step in steps:
        if rules is None:
            break
        if rules.here is not None:
            return None
        rules = rules.element(step) if isinstance(step, int) else rules.member(step)
    return steps, one, other, rules

"""
A body as it is kept: redacted, as text that can be shown, stored and judged again.

What has members (JSON, lines of JSON, forms, and XML where paths are to be redacted) is kept as JSON: the same places
have the same paths there. Other text is kept as text, of which names and looks are known. Anything else is not kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from proxy.compare.answer import Answer, Cut
from proxy.compare.bodies.base import NotReadable, to_text
from proxy.compare.bodies.json import Odd
from proxy.compare.bodies.readers import READERS
from proxy.compare.content import read_content
from proxy.compare.decode import TooLarge, Undecodable
from proxy.compare.difference import ABSENT, MOST_LETTERS, Steps
from proxy.compare.kinds import Body
from proxy.evidence.redact import Redactor

# Bytes of one content, its codings undone; longer ones cost more than they show.
LARGEST: Final = 96 * 1024
JSON: Final = "application/json"
# What every value is written within.
MOST_SHOWN: Final = 500
MOST_READ: Final = 4096
MOST_WITHIN: Final = 40
MOST_LEVELS: Final = 5
LONGEST_NAME: Final = MOST_LETTERS
# Stands for what lies under longer names, since these may say that it is a secret.
LEFT_OUT: Final = "…"
TOO_LARGE: Final = f"it is over {LARGEST // 1024} KiB"
# Where a text was cut, up to so much more of it is taken away, so that no word of it is half a word.
LONGEST_WORD: Final = 200
VALUES: Final = frozenset({Body.JSON, Body.NDJSON, Body.FORM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """
    One side's body. `text` is None where `left_out` says why; `media` is what it is to be judged as. `known` is what
    stands for some of its values, for reasons that only the whole body shows.
    """

    kind: str
    size: int
    media: str
    text: str | None
    left_out: str | None = None
    known: Mapping[Any, str] = field(default_factory=dict)


def keep(answer: Answer, redactor: Redactor) -> Kept:
    """
    The body of an answer, without secrets.
    """
    content = answer.content
    left_out = leave_out(answer)
    if left_out is not None:
        return left_out
    assert not isinstance(content, Cut)
    if not content:
        return Kept(kind="empty", size=0, media=answer.media, text="")
    try:
        read = read_content(answer, content, LARGEST)
    except Undecodable:
        return _without("undecodable", len(content), f"it is not in its coding, {redactor.text(answer.coding)[:100]}")
    except TooLarge:
        return _without("large", len(content), TOO_LARGE)
    if len(read.data) > LARGEST:
        return _without("large", len(content), TOO_LARGE)
    for kind in read.candidates():
        try:
            return _as(kind, read.data, answer, redactor)
        except NotReadable:
            continue
        except RecursionError:
            return _without(kind.value, len(content), "it is nested too deeply")
    return _without(Body.BINARY.value, len(content), "it is no text")


def _as(kind: Body, data: bytes, answer: Answer, redactor: Redactor) -> Kept:
    """
    Raises `NotReadable` for what isn't that.
    """
    size = len(data)
    if kind is Body.BINARY:
        return _without(kind.value, size, "it is no text")
    known: dict[Any, str] = {}
    if kind in VALUES or kind is Body.XML:
        # Also where it is kept as text: what can't be read as XML isn't.
        value = READERS[kind](data, True).value
        known = {shorten(one): shown for one, shown in redactor.filled(value)}
        if kind in VALUES or redactor.has_paths:
            return Kept(kind=kind.value, size=size, media=JSON, text=write(redactor.value(value)), known=known)
    if redactor.has_paths and kind is not Body.XML and data.lstrip()[:1] in {b"{", b"["}:
        return _without(kind.value, size, "places to redact can't be found in it")
    text = redactor.running(data.decode("utf-8", "replace"))
    if kind is not Body.XML:
        known = _lines(to_text(data)[0], text)
    return Kept(kind=kind.value, size=size, media=answer.media, text=text, known=known)


def _lines(text: str, shown: str) -> dict[Any, str]:
    """
    What stands for each line of a text, which may be a secret for what stands in the line before.
    """
    known: dict[Any, str] = {}
    for line, instead in zip(text.split("\n"), shown.split("\n"), strict=True):
        key = shorten(line)
        if known.get(key, key) == key:
            known[key] = instead
    return known


def _without(kind: str, size: int, reason: str) -> Kept:
    return Kept(kind=kind, size=size, media="", text=None, left_out=reason)


def show(value: Any) -> str | None:
    """
    A redacted value as people read it, shortened; None for what isn't there.
    """
    if value is ABSENT:
        return None
    text = write(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def shorten(value: Any) -> Any:
    """
    As much of a value as can be shown, in little memory of its own: to redact more of it would be in vain.
    """
    return _Shortened().of(value, MOST_LEVELS)


class _Shortened:
    """
    Up to `MOST_READ` letters of one value, whatever they are spread over.
    """

    def __init__(self) -> None:
        self._left = MOST_READ

    def of(self, value: Any, levels: int) -> Any:
        """
        A value, and as many levels within it.
        """
        self._left -= 1
        most = MOST_WITHIN if levels and self._left > 0 else 0
        if isinstance(value, dict):
            return {
                self._text(name): self.of(one, levels - 1) if len(name) <= LONGEST_NAME else LEFT_OUT
                for name, one in islice(value.items(), most)
            }
        if isinstance(value, list | tuple):
            return [self.of(one, levels - 1) for one in value[:most]]
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bytes):
            return self._text(value[: 4 * MOST_READ].decode("utf-8", "replace"))
        if isinstance(value, Decimal) and value.__sizeof__() > MOST_READ:
            return Odd(str(value)[:MOST_READ])
        return Odd(value.text[:MOST_READ]) if isinstance(value, Odd) else value

    def _text(self, text: str) -> str:
        most = max(0, self._left)
        self._left -= len(text)
        if len(text) <= most:
            return text
        # Half a secret may not look like one.
        sure = max(0, most - LONGEST_WORD)
        return text[:sure] + text[sure:most].rpartition(" ")[0]


def shorten_steps(steps: Steps) -> Steps:
    """
    Steps with names that are no longer than a path shows of them.
    """
    return tuple([step if isinstance(step, int) else step[: LONGEST_NAME + 1] for step in steps])


def leave_out(answer: Answer) -> Kept | None:
    """
    What is kept of an answer whose content isn't looked at, which is seen from its length.
    """
    content = answer.content
    if isinstance(content, Cut):
        return _without("cut", content.length, "it was too long to be held")
    return _without("large", len(content), TOO_LARGE) if len(content) > LARGEST else None


def write(value: Any) -> str:
    """
    A value as JSON, numbers as they came. Letters that could steer a terminal are escaped, and halves of letters
    replaced. Raises RecursionError for thousands of levels.
    """
    match value:
        case str():
            return _text(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            return "{" + ",".join(f"{_text(str(name))}:{write(one)}" for name, one in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(map(write, value)) + "]"
        case float() | int() | Decimal():
            return _number(value)
        case Odd():
            return _text(value.text[:MOST_SHOWN])
        case _:
            return _text(str(value))


def _number(value: float | Decimal) -> str:
    if isinstance(value, int) and value.bit_length() > 10_000:
        # Python refuses to write so many digits.
        return _text(f"a number of {value.bit_length()} bits")
    written = str(value)
    # NaN and Infinity are none of JSON's.
    return written if written[-1:].isdigit() else _text(written)


ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _text(text: str) -> str:
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(map(_letter, text)) + '"'


def _letter(letter: str) -> str:
    if (escaped := ESCAPES.get(letter)) is not None:
        return escaped
    if letter.isprintable():
        return letter
    if "\ud800" <= letter <= "\udfff":
        return "\N{REPLACEMENT CHARACTER}"
    units = letter.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

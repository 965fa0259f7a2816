"""
Markdown out of other people's words: whatever a plan says stays text, and never becomes a table's edge, a link or HTML.

What is `Markdown` already is left alone; everything else that a template prints is escaped (`shown`).
"""

import re
from collections.abc import Iterable

# CommonMark lets every ASCII punctuation be escaped. Those that mean something wherever they stand…
ANYWHERE = re.compile(r"([\\`*\[\]<>|]|~~|&(?=#?\w+;))")
# …an underscore only where a word ends or begins, so that names stay readable…
UNDERSCORE = re.compile(r"(?<!\w)_|_(?!\w)")
# …and these only where a line begins: a list, a heading, a line under a heading.
BEGINNING = re.compile(r"^(\s*\d*)([-+#=.)])(?=[\s=#-]|$)")
SPACE = re.compile(r"\s+")
# What GitHub leaves out of an anchor.
NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


class Markdown(str):
    """
    Text that is Markdown already.
    """

    __slots__ = ()


def escape(value: object) -> Markdown:
    """
    One line of text that reads, rendered, as it stood.
    """
    text = SPACE.sub(" ", _printable(str(value)))
    text = UNDERSCORE.sub(r"\\_", ANYWHERE.sub(r"\\\1", text))
    return Markdown(BEGINNING.sub(r"\1\\\2", text))


def shown(value: object) -> object:
    """
    What a template prints for a value.
    """
    return value if isinstance(value, Markdown) else escape(value)


def code(value: object) -> Markdown:
    """
    A code span, outside of tables.
    """
    text = SPACE.sub(" ", _printable(str(value))).strip()
    if not text:
        return Markdown("")
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    gap = " " if text[0] == "`" or text[-1] == "`" else ""
    return Markdown(f"{ticks}{gap}{text}{gap}{ticks}")


def celled(value: object) -> Markdown:
    """
    A code span in a table, where a bar would end the cell even within code.
    """
    # The table's own rule takes away one backslash before a bar, and one only.
    return Markdown(code(value).replace("|", "\\|"))


def fence(lines: Iterable[str], language: str = "") -> Markdown:
    """
    A block of code; each line stays one.
    """
    text = "\n".join(_printable(" ".join(line.splitlines())) for line in lines)
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return Markdown(f"{ticks}{language}\n{text}\n{ticks}")


def listed(values: Iterable[object], gap: str = ", ", empty: str = "–") -> Markdown:
    """
    Several of what `shown` takes, one after the other.
    """
    return Markdown(gap.join(str(shown(value)) for value in values) or empty)


def link(text: object, target: str) -> Markdown:
    """
    A link to another document or heading of ours; `target` is never a plan's word.
    """
    return Markdown(f"[{shown(text)}]({target})")


def anchor(heading: str) -> str:
    """
    What GitHub calls a heading: its place in a link.
    """
    return NOT_IN_ANCHORS.sub("", heading.strip().lower()).replace(" ", "-")


def file_name(number: int, name: str) -> str:
    """
    A name for a file about something that a plan has named: ordered, and no path.
    """
    return f"{number:02}-{re.sub(r'[^A-Za-z0-9._-]', '-', name)}"


def _printable(text: str) -> str:
    # Control characters and those that turn the direction of text have no business in a document.
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", "", text)

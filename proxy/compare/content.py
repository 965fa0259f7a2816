"""
One side's content, ready to be read: its codings undone, text in UTF-8, and what it may be.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from proxy.compare.answer import Answer
from proxy.compare.decode import decode
from proxy.compare.kinds import Body, candidates, declared
from proxy.compare.media import MARK, MediaType, parse_media, to_utf_8

# A byte order mark of UTF-16 begins text of these kinds; in anything else it is two bytes.
MARKED: Final = frozenset({Body.JSON, Body.NDJSON, Body.XML, Body.HTML, Body.TEXT})
# Their text says its charset itself, or has one by its specification.
OWN_CHARSET: Final = frozenset({Body.JSON, Body.NDJSON, Body.XML, Body.FORM, Body.BINARY})
# A few hundred labels are remembered, up to this length: 128 KiB.
LONGEST_LABEL: Final = 200
# What names an encoding in XML, which isn't true any more once the text is in UTF-8.
DECLARATION: Final = re.compile(rb"\A[ \t\r\n]*<\?xml\b[^>]*\?>")


@dataclass(slots=True, kw_only=True, eq=False)
class Content:
    """
    `said` is what the Content-Type says the body is, None when that is nothing; `marked`: it began with a byte order
    mark; `told`: its charset is known and its text has been brought into UTF-8 by it.
    """

    media: MediaType
    said: Body | None
    data: bytes
    marked: bool
    told: bool

    def candidates(self) -> Iterator[Body]:
        """
        What the body is to be tried as.
        """
        return candidates(self.said, self.data)

    def lie(self, kind: Body) -> Body | None:
        """
        What the Content-Type says, if the body is something else.
        """
        return self.said if self.said is not kind else None

    def depends_on_charset(self, kind: Body) -> bool:
        """
        Does what a client makes of this body depend on a charset that nobody tells it?
        """
        if kind in OWN_CHARSET or self.marked or self.data.isascii():
            return False
        if not self.told:
            return True
        return not self.media.charset and not (kind is Body.HTML and b"charset=" in self.data[:1024].lower())


def read_content(answer: Answer, content: bytes, largest: int) -> Content:
    """
    An answer's content without its codings and in UTF-8. Raises `Undecodable` or `TooLarge`.
    """
    data = decode(content, answer.coding, largest) if answer.coding or len(content) > largest else content
    label = _label if len(answer.media) <= LONGEST_LABEL else _label.__wrapped__
    media, said = label(answer.media)
    if said is Body.BINARY:
        return Content(media=media, said=said, data=data, marked=False, told=False)
    marked = data.startswith(MARK)
    text = to_utf_8(data, media.charset, marks=said in MARKED)
    if text is not None and (media.charset or text is not data) and said in {Body.XML, None}:
        text = DECLARATION.sub(b"", text, count=1)
    if media.boundary and media.kind.startswith("multipart/"):
        # Drawn anew for each answer.
        text = (text or data).replace(b"--" + media.boundary.encode(), b"--boundary")
    return Content(media=media, said=said, data=data if text is None else text, marked=marked, told=text is not None)


@lru_cache(maxsize=256)
def _label(value: str) -> tuple[MediaType, Body | None]:
    """
    A Content-Type taken apart, and what it says the body is.
    """
    media = parse_media(value)
    return media, declared(media.kind)

"""
Media types taken apart, and text brought into UTF-8 by the charset they name.
"""

import re
from typing import Final, NamedTuple

# RFC 9110 §5.6.6: parameters, whose values may be quoted.
PARAMETER: Final = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))')
LONGEST: Final = 500
UTF_8: Final = "utf-8"
# Labels of charsets (lower case) and Python's names for them. Only these: Python knows codecs that take quadratic time.
CHARSETS: Final = {
    **dict.fromkeys(("", "utf-8", "utf8", "us-ascii", "ascii"), UTF_8),
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1"), "iso-8859-1"),
    **{f"iso-8859-{number}": f"iso-8859-{number}" for number in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)},
    **{f"windows-125{digit}": f"cp125{digit}" for digit in range(9)},
    **{name: name for name in ("utf-16", "utf-16le", "utf-16be", "utf-32", "koi8-r", "koi8-u", "macintosh", "big5")},
    **{name: name for name in ("gbk", "gb2312", "gb18030", "shift_jis", "euc-jp", "euc-kr", "iso-2022-jp", "tis-620")},
}
# Byte order marks count more than any label (RFC 7303 §3.2 and the Encoding Standard). Two bytes could begin anything,
# so those of UTF-16 only count for what is text by its type.
MARK: Final = b"\xef\xbb\xbf"
MARKS: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class MediaType(NamedTuple):
    """
    A Content-Type: the type in lower case, its charset and boundary ("" without), all other parameters sorted.
    """

    kind: str
    charset: str = ""
    boundary: str = ""
    others: tuple[tuple[str, str], ...] = ()


def parse_media(value: str) -> MediaType:
    """
    A Content-Type taken apart. What isn't understood in it is left out.
    """
    if ";" not in value:
        return MediaType(value.strip().lower())
    kind, _, _ = value.partition(";")
    parameters: dict[str, str] = {}
    for name, quoted, plain in PARAMETER.findall(value[len(kind) : len(kind) + LONGEST]):
        parameters.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) or plain.strip())
    charset, boundary = parameters.pop("charset", "").lower(), parameters.pop("boundary", "")
    return MediaType(kind.strip().lower(), charset, boundary, tuple(sorted(parameters.items())))


def to_utf_8(content: bytes, charset: str, *, marks: bool) -> bytes | None:
    """
    Text in UTF-8, without its byte order mark; None if the charset is unknown or the text isn't in it. `marks` lets a
    mark of UTF-16 count.
    """
    if content.startswith(MARK):
        return content[len(MARK) :]
    encoding = MARKS.get(content[:2]) if marks else None
    encoding = encoding or CHARSETS.get(charset)
    if encoding is None:
        return None
    if encoding == UTF_8:
        return content
    try:
        return content.decode(encoding).encode()
    except ValueError:
        return None

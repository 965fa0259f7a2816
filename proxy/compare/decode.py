"""
Content-Encoding undone (RFC 9110 §8.4): gzip, deflate, br and zstd, also several on top of each other.

Two implementations of gzip rarely write the same bytes, so content is compared decoded. What a few bytes can grow into
is bounded, in bytes and in steps: a bomb is `TooLarge`, garbage `Undecodable`.
"""

import zlib
from collections.abc import Callable
from typing import Final

import brotli
import zstandard

MOST_CODINGS: Final = 4
# Members of a gzip file, frames of zstd: what follows one is copied each time.
MOST_MEMBERS: Final = 500
# One piece of output at a time, so that a bomb is noticed before it has gone off.
PIECE: Final = 256 * 1024
# zstd's window can be up to 3.75 TiB by a frame's own word; RFC 9659 lets web content have 8 MiB.
ZSTD_WINDOW: Final = 8 * 2**20
NONE: Final = frozenset({"", "identity"})
EARLY: Final = "it ends too early"
LATE: Final = "it goes on after its end"


class Undecodable(ValueError):
    """
    Content that is not in the coding it claims, or in one that isn't known.
    """


class TooLarge(ValueError):
    """
    Content that decodes into more than was allowed, or is made of more parts than can be looked at.
    """


def codings(value: str) -> list[str]:
    """
    The codings of a Content-Encoding, in the order they were applied; none for `identity`.
    """
    if not value:
        return []
    return [name for part in value.split(",") if (name := part.strip().lower()) not in NONE]


def decode(content: bytes, coding: str, limit: int) -> bytes:
    """
    The content without its codings, at most `limit` bytes. Raises `Undecodable` or `TooLarge`.
    """
    applied = codings(coding)
    if len(applied) > MOST_CODINGS:
        raise Undecodable(f"{len(applied)} codings on top of each other")
    for name in reversed(applied):
        undo = CODINGS.get(name)
        if undo is None:
            raise Undecodable(f"the coding {name[:40]!r} is unknown")
        # Nothing in a coding is still nothing: answers to HEAD, and 304, name the coding that they would have.
        content = undo(content, limit) if content else b""
    if len(content) > limit:
        raise _too_large(limit)
    return content


def _gzip(content: bytes, limit: int) -> bytes:
    """
    RFC 1952: one member or several.
    """
    decoded = bytearray()
    for _ in range(MOST_MEMBERS):
        piece, rest = _inflate(zlib.decompressobj(wbits=31), content, limit - len(decoded))
        if not rest and not decoded:
            return piece
        decoded += piece
        content = rest.lstrip(b"\0")
        if not content:
            return bytes(decoded)
    raise Undecodable(f"more than {MOST_MEMBERS} members")


def _deflate(content: bytes, limit: int) -> bytes:
    """
    RFC 9110 §8.4.1.2: the zlib format; some servers send it without its frame.
    """
    try:
        decoded, rest = _inflate(zlib.decompressobj(wbits=15), content, limit)
    except Undecodable:
        decoded, rest = _inflate(zlib.decompressobj(wbits=-15), content, limit)
    if rest:
        raise Undecodable(LATE)
    return decoded


def _inflate(engine: "zlib._Decompress", content: bytes, limit: int) -> tuple[bytes, bytes]:
    """
    What was deflated, and what comes after it.
    """
    try:
        decoded = engine.decompress(content, limit + 1)
    except zlib.error as error:
        raise Undecodable(str(error)) from None
    if len(decoded) > limit:
        raise _too_large(limit)
    if not engine.eof:
        raise Undecodable(EARLY)
    return decoded, engine.unused_data


def _brotli(content: bytes, limit: int) -> bytes:
    """
    RFC 7932.
    """
    engine = brotli.Decompressor()
    decoded = bytearray()
    try:
        decoded += engine.process(content, output_buffer_limit=PIECE)
        while not engine.is_finished() and len(decoded) <= limit:
            if engine.can_accept_more_data():
                raise Undecodable(EARLY)
            decoded += engine.process(b"", output_buffer_limit=PIECE)
    except brotli.error as error:
        raise Undecodable(str(error)) from None
    if len(decoded) > limit:
        raise _too_large(limit)
    return bytes(decoded)


def _zstd(content: bytes, limit: int) -> bytes:
    """
    RFC 8878: one frame or several.
    """
    engine = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    decoded = bytearray()
    try:
        _measure_zstd(engine, content, limit)
        for _ in range(MOST_MEMBERS):
            frame = engine.decompressobj()
            decoded += frame.decompress(content)
            if not frame.eof:
                raise Undecodable(EARLY)
            content = frame.unused_data
            if not content:
                return bytes(decoded)
    except zstandard.ZstdError as error:
        raise Undecodable(str(error)) from None
    raise Undecodable(f"more than {MOST_MEMBERS} frames")


def _measure_zstd(engine: zstandard.ZstdDecompressor, content: bytes, limit: int) -> None:
    """
    Raise `TooLarge` before anything is held. The reader can be stopped but doesn't tell a frame that was cut short; the
    other way can't, and does.
    """
    size = 0
    with engine.stream_reader(content, read_across_frames=True) as reader:
        while piece := reader.read(PIECE):
            size += len(piece)
            if size > limit:
                raise _too_large(limit)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"more than {limit} bytes")


CODINGS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}

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
# One piece of output at a time, so that a bomb is noticed before it has gone off.
PIECE: Final = 256 * 1024
# zstd's window can be up to 3.75 TiB by a frame's own word; RFC 9659 lets web content have 8 MiB.
ZSTD_WINDOW: Final = 8 * 2**20
NONE: Final = frozenset({"", "identity"})


class Undecodable(ValueError):
    """
    Content that is not in the coding it claims, or in one that isn't known.
    """


class TooLarge(ValueError):
    """
    Content that decodes into more than was allowed.
    """


def decode(content: bytes, coding: str, limit: int) -> bytes:
    """
    The content without its codings, at most `limit` bytes. Raises `Undecodable` or `TooLarge`.
    """
    codings = [name for part in coding.split(",") if (name := part.strip().lower()) not in NONE]
    if len(codings) > MOST_CODINGS:
        raise Undecodable(f"{len(codings)} codings on top of each other")
    for name in reversed(codings):
        undo = CODINGS.get(name)
        if undo is None:
            raise Undecodable(f"the coding {name[:40]!r} is unknown")
        content = undo(content, limit)
    return content


def _gzip(content: bytes, limit: int) -> bytes:
    """
    RFC 1952: one member or several.
    """
    decoded = bytearray()
    while content:
        decoded += _inflate(engine := zlib.decompressobj(wbits=31), content, limit - len(decoded))
        content = engine.unused_data.lstrip(b"\0")
    return bytes(decoded)


def _deflate(content: bytes, limit: int) -> bytes:
    """
    RFC 9110 §8.4.1.2: the zlib format; some servers send it without its frame.
    """
    try:
        return _inflate(zlib.decompressobj(wbits=15), content, limit)
    except Undecodable:
        return _inflate(zlib.decompressobj(wbits=-15), content, limit)


def _inflate(engine: "zlib._Decompress", content: bytes, limit: int) -> bytes:
    try:
        decoded = engine.decompress(content, limit + 1)
    except zlib.error as error:
        raise Undecodable(str(error)) from None
    if len(decoded) > limit:
        raise TooLarge(f"more than {limit} bytes")
    if not engine.eof:
        raise Undecodable("it ends too early")
    return decoded


def _brotli(content: bytes, limit: int) -> bytes:
    """
    RFC 7932.
    """
    engine = brotli.Decompressor()
    decoded = bytearray()
    try:
        decoded += engine.process(content, output_buffer_limit=PIECE)
        while not engine.is_finished():
            if len(decoded) > limit:
                break
            if engine.can_accept_more_data():
                raise Undecodable("it ends too early")
            decoded += engine.process(b"", output_buffer_limit=PIECE)
    except brotli.error as error:
        raise Undecodable(str(error)) from None
    if len(decoded) > limit:
        raise TooLarge(f"more than {limit} bytes")
    return bytes(decoded)


def _zstd(content: bytes, limit: int) -> bytes:
    """
    RFC 8878: one frame or several.
    """
    engine = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    size = 0
    try:
        # The reader can be stopped but doesn't tell a frame that was cut short; the other can't, and does.
        with engine.stream_reader(content, read_across_frames=True) as reader:
            while piece := reader.read(PIECE):
                size += len(piece)
                if size > limit:
                    raise TooLarge(f"more than {limit} bytes")
        decoded = bytearray()
        while content:
            frame = engine.decompressobj()
            decoded += frame.decompress(content)
            if not frame.eof:
                raise Undecodable("it ends too early")
            content = frame.unused_data
    except zstandard.ZstdError as error:
        raise Undecodable(str(error)) from None
    return bytes(decoded)


CODINGS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}

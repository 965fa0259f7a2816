"""
Hostile pairs whose content is a bomb, or JSON that is too deep, too long, or too exact.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator

import brotli
import zstandard

from proxy.compare.rules import Rule
from tests.parts.hostile import BOMB, LATE, MOST, MUCH, Case, Pair, case, large, small
from tests.parts.judged import answer


def bombs() -> Iterator[Case]:
    """
    All of them.
    """
    yield from _bombs()
    yield from _codings()
    yield from _levels()
    yield from _many_values()
    yield from _numbers()


# Codings...


def _bombs() -> Iterator[Case]:
    def bomb(coding: str, *packs: Callable[[bytes], bytes]) -> Callable[[], Pair]:
        def make() -> Pair:
            content = bytes(BOMB)
            for pack in packs:
                content = pack(content)
            return answer(content, coding=coding), answer("{}")

        return make

    def br(content: bytes) -> bytes:
        packed: bytes = brotli.compress(content, quality=1)
        return packed

    def zstd(content: bytes) -> bytes:
        return zstandard.ZstdCompressor(level=1).compress(content)

    def gz(content: bytes) -> bytes:
        return gzip.compress(content, 1)

    yield case("a bomb in gzip", bomb("gzip", gz), "body_too_large")
    yield case("a bomb in deflate", bomb("deflate", zlib.compress), "body_too_large")
    yield case("a bomb in br", bomb("br", br), "body_too_large")
    yield case("a bomb in zstd", bomb("zstd", zstd), "body_too_large")
    yield case("a bomb in a bomb", bomb("gzip, gzip", gz, gz), "body_too_large")
    yield case("a bomb in three others", bomb("zstd, br, gzip", zstd, br, gz), "body_too_large")


def _codings() -> Iterator[Case]:
    def both(coding: str, old: bytes, new: bytes) -> Callable[[], Pair]:
        return lambda: (answer(old, coding=coding), answer(new, coding=coding))

    wide = zstandard.ZstdCompressionParameters.from_level(1, window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    windows = packer.compress(b"{}") + packer.flush()
    # A single segment of 2^60 bytes, by its own word.
    giant = bytes.fromhex("28b52ffde0") + (2**60).to_bytes(8, "little") + b"\x01\0\0"
    yield case("501 members", both("gzip", gzip.compress(b"1") * 501, gzip.compress(b"1") * 502), "undecodable")
    yield case("five codings", both(", ".join(["gzip"] * 5), b"1", b"2"), "undecodable")
    yield case("a thousand codings", both(", ".join(["gzip"] * 1000), b"1", b"2"), "undecodable")
    yield case("a coding that nobody knows", both("x-snappy", b"1", b"2"), "undecodable")
    yield case("a window of 128 MiB", both("zstd", windows, windows + b"\0"), "undecodable")
    yield case("a frame of 2^60 bytes", both("zstd", giant, giant + b"\0"), "undecodable")
    yield case(
        "a bomb on one side only, that is broken", both("gzip", gzip.compress(b"{}"), b"\x1f\x8b\x08"), "divergent"
    )


# JSON...


def _levels() -> Iterator[Case]:
    def nested(levels: int, start: str, end: str) -> Callable[[], Pair]:
        return lambda: small(start * levels + "1" + end * levels, start * levels + "2" + end * levels)

    # At every level two elements that differ, or may: whoever looks at all of them at every level never ends.
    def wide(levels: int) -> Pair:
        return small(*("[" * levels + "1" + f",{digit},[{digit}1.12345678901234567]]" * levels for digit in ("3", "4")))

    for levels in (999, 10_000, 200_000):
        yield case(f"{levels} arrays", nested(levels, "[", "]"), "divergent")
        yield case(f"{levels} objects", nested(levels, '{"a":', "}"), "divergent")
        yield case(f"{levels} of both", nested(levels // 2, '[{"a":', "}]"), "divergent")
    yield case("900 levels that differ at each", lambda: wide(900), "divergent", LATE)
    yield case("a depth that never ends", lambda: small("[" * 10_000, '{"a":' * 10_000), "divergent")


def _many_values() -> Iterator[Case]:
    def members(prefix: str, count: int, last: str = "0") -> bytes:
        return ("{" + "".join(f'"{prefix}{number}":0,' for number in range(count)) + f'"z":{last}}}').encode()

    def filled(text: bytes, other: bytes = b"2", times: int = 0) -> Callable[[], Pair]:
        times = times or MUCH // len(text)
        return lambda: large(b"[" + text * times + b"1]", b"[" + text * times + other + b"]")

    exact = b"1.12345678901234567"
    yield case("half a million members", lambda: large(members("k", MOST), members("k", MOST, "1")), "divergent", LATE)
    yield case(
        "half a million members, exactly",
        lambda: large(members("k", MOST), members("k", MOST, exact.decode())),
        "divergent",
        LATE,
    )
    yield case("half a million other members", lambda: large(members("k", MOST), members("l", MOST)), "divergent", LATE)
    yield case(
        "one name half a million times",
        lambda: large(b'{"a":1' + b',"a":2' * MOST + b"}", b'{"a":2}'),
        "divergent",
        LATE,
    )
    yield case("half a million numbers", filled(b"123456789012,", times=MOST), "divergent", LATE)
    yield case("half a million fractions", filled(b"12345678.1,", times=MOST), "divergent", LATE)
    yield case("half a million fractions, exactly", filled(b"12345678.1,", exact, times=MOST), "divergent", LATE)
    yield case("half a million texts", filled('"größer",'.encode(), times=MOST), "divergent", LATE)
    yield case("half a million texts, exactly", filled('"größer 😀",'.encode(), exact, times=MOST), "divergent", LATE)
    yield case("half a million objects", filled(b'{"a":1234},', times=MOST // 2), "divergent", LATE)
    yield case("half a million objects, exactly", filled(b'{"a":12.5},', exact, times=MOST // 2), "divergent", LATE)
    yield case(
        "half a million values in one document",
        lambda: small(b"[" + b"1," * MOST + b"1]\n[1]\n", b"[" + b"1," * MOST + b"2]\n[1]\n", "application/x-ndjson"),
        "divergent",
        LATE,
    )
    for text in (
        b"1,",
        b"1.5,",
        b'"",',
        b"[],",
        b"{},",
        b"[[[[[[[[1.5]]]]]]],0],",
        b"[[[[[[[1],-1.2345678901234567e-300]]]]]],",
    ):
        yield case(f"15 MiB of {text.decode()}", filled(text), "body_too_large")
    yield case(
        "15 MiB of documents in one",
        lambda: large(b"[" + b"1," * (MUCH // 2) + b"1]\n1", b"1\n2", "application/x-ndjson"),
        "body_too_large",
    )
    yield case(
        "thousands of places",
        lambda: small(
            *(
                json.dumps(
                    {
                        f"n{chr(97 + one % 26)}{chr(97 + one // 26 % 26)}{chr(97 + one // 676)}": digit
                        for one in range(5000)
                    }
                )
                for digit in (1, 2)
            )
        ),
        "divergent",
        LATE,
    )


def _numbers() -> Iterator[Case]:
    near = [
        Rule(does="numbers", where="$[*]", given={"abs": 1, "rel": 0.1}),
        Rule(does="times", where="$[*]", given={"within": 2}),
    ]
    for name, old, new in [
        ("NaN and infinities", "[NaN, Infinity, -Infinity]", "[NaN, -Infinity, 1]"),
        ("integers of 100,000 digits", "[" + "1" * 100_000 + "]", "[" + "1" * 99_999 + "2]"),
        ("integers of 4,000 digits", "[" + "1" * 4000 + "]", "[" + "1" * 3999 + "2]"),
        ("a million digits after the point", "[0." + "1" * 10**6 + "]", "[0." + "1" * 10**6 + "1]"),
        ("exponents of 7 digits", "[1e9999999, 1e-9999999]", "[2e9999999, 2e-9999999]"),
        ("exponents of 30 digits", "[1e" + "9" * 30 + "]", "[2e" + "9" * 30 + "]"),
        ("many exponents", "[" + "1e999999," * 50_000 + "1]", "[" + "2e999999," * 50_000 + "1]"),
        ("zeros before and after", "[" + "0.0" + "0" * 100_000 + "e5]", "[1" + "0" * 100_000 + "e-5]"),
    ]:

        def make(old: str = old, new: str = new) -> Pair:
            return small(old, new)

        yield case(name, make, "divergent", LATE)
        yield case(f"{name}, by a tolerance", make, "divergent", "equivalent", LATE, rules=near)

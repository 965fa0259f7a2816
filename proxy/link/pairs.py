"""
Pairs on their way from a worker to a comparer, and verdicts on their way back: bytes and values, on their own stream.

A pair is one message: `HEADER`, then the endpoint, the exchange's context, and for either side a head (JSON, made once
for each different head) and the content, raw. A verdict is one record of fixed size, many in one write.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Any, Final, NamedTuple

import orjson

from proxy.errors import LinkError

# Length of all that follows the length itself, id, flags, and the lengths of the parts: endpoint, context, old head,
# old content, new head, new content.
HEADER: Final = Struct(">IQBHIIIII")
LENGTH: Final = Struct(">I")
VERDICT: Final = Struct(">QBHQI")
# Two bodies of mirror.max_body at its largest, and heads.
LARGEST: Final = 512 * 1024 * 1024

OLD_CUT, NEW_CUT, TWIN = 1, 2, 4


class Said(IntEnum):
    """
    What a comparer says of a pair: a verdict, or why there is none.
    """

    EQUIVALENT = 1
    NOISE = 2
    WAIVED = 3
    DIVERGENT = 4
    UNDECODABLE = 16
    BODY_TOO_LARGE = 17
    JUDGE_ERROR = 18


class Verdict(NamedTuple):
    """
    One record: `kinds` is a mask of `compare.difference.Kind`, `signature` has 64 bit (0: none), `version` names the
    judging table.
    """

    id: int
    said: int
    kinds: int
    signature: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """
    One side's head as JSON (`status`, `fields`, `media`, `coding`, `shown`) and its content; or, when `cut`, 8 bytes of
    length and 32 of SHA-256.
    """

    head: bytes
    content: bytes
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PairMessage:
    """
    One pair. `context` is JSON: method, redacted target, request id, live side, digest of the sticky key, times.
    `twin`: both sides are old, and only noise is to be learned.
    """

    id: int
    endpoint: str
    context: bytes
    old: Side
    new: Side
    twin: bool = False


def pack_pair(pair: PairMessage) -> list[bytes]:
    """
    The message in pieces, for `writelines`; contents are not copied.
    """
    endpoint = pair.endpoint.encode()
    parts = [endpoint, pair.context, pair.old.head, pair.old.content, pair.new.head, pair.new.content]
    lengths = [len(part) for part in parts]
    flags = OLD_CUT * pair.old.cut | NEW_CUT * pair.new.cut | TWIN * pair.twin
    return [HEADER.pack(HEADER.size - LENGTH.size + sum(lengths), pair.id, flags, *lengths), *parts]


class PairReader:
    """
    Bytes in, whole pairs out, however the bytes were cut.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[PairMessage]:
        """
        Pairs completed by `data`. Raises `LinkError` for lengths that don't add up.
        """
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= HEADER.size:
            (length,) = LENGTH.unpack_from(buffer, start)
            if not HEADER.size - LENGTH.size <= length <= LARGEST:
                raise LinkError(f"a pair of {length} bytes can't be")
            end = start + LENGTH.size + length
            if len(buffer) < end:
                break
            yield _unpack(memoryview(buffer)[start:end])
            start = end
        del buffer[:start]


def _unpack(message: memoryview) -> PairMessage:
    _, id_, flags, *lengths = HEADER.unpack_from(message)
    if HEADER.size + sum(lengths) != len(message):
        raise LinkError("the parts of a pair don't add up")
    at = HEADER.size
    parts = []
    for length in lengths:
        parts.append(bytes(message[at : at + length]))
        at += length
    endpoint, context, old_head, old_content, new_head, new_content = parts
    message.release()
    return PairMessage(
        id=id_,
        endpoint=endpoint.decode("utf-8", "replace"),
        context=context,
        old=Side(head=old_head, content=old_content, cut=bool(flags & OLD_CUT)),
        new=Side(head=new_head, content=new_content, cut=bool(flags & NEW_CUT)),
        twin=bool(flags & TWIN),
    )


def pack_verdicts(verdicts: list[Verdict]) -> bytes:
    """
    Records for one write.
    """
    return b"".join(VERDICT.pack(*verdict) for verdict in verdicts)


class VerdictReader:
    """
    Bytes in, whole verdicts out.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Verdict]:
        """
        Verdicts completed by `data`.
        """
        data = self._rest + data
        whole = len(data) - len(data) % VERDICT.size
        self._rest = data[whole:]
        return [Verdict._make(record) for record in VERDICT.iter_unpack(data[:whole])]


def parse_head(head: bytes) -> dict[str, Any]:
    """
    A side's head or a context as an object. Raises `LinkError`.
    """
    try:
        value = orjson.loads(head)
    except orjson.JSONDecodeError as error:
        raise LinkError("a pair's head is no JSON") from error
    if not isinstance(value, dict):
        raise LinkError("a pair's head is no object")
    return value

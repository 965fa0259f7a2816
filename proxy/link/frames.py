"""
Frames between the supervisor (the hub), workers and control: `length, kind, incarnation` and a payload.

A frame is 9 bytes of header and up to `LARGEST` bytes of payload that the hub passes on unread. `incarnation` names
one life of one child (a restarted child gets a new number); a child sends 0 and the hub fills in who it was.
"""

from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from proxy.errors import LinkError

HEADER = Struct(">IBI")
LARGEST = 64 * 1024 * 1024


class Kind(IntEnum):
    """
    What a frame carries. `W` worker, `J` comparer, `H` hub, `C` control.
    """

    TABLE = 1  # C→H→W, H→C: the table (routing.table.encode); the hub keeps the latest, also on disk
    # W→H: routing by this, and accepting; {"epoch", "digest", "armed", "killed"}. J→H: judging by this; {"version"}
    READY = 2
    SNAPSHOT = 3  # W→H→C: all the worker's totals in one atomic frame (metrics.books)
    REPORT = 4  # W→H→C: one log event, JSON {"event", "level", ...}
    SAMPLE = 5  # W→H→C: one divergent comparison, redacted, JSON
    CANDIDATE = 6  # W→H→C: endpoints seen but not known, JSON list of "GET /a/{id}"
    ENDPOINTS = 7  # C→H→W: {"configured", "learned"}: lists of endpoints; the hub keeps the latest for new workers
    CLOSING = 8  # H→W: draining begins: answer with `Connection: close`, copy nothing more
    DRAIN = 9  # H→W: empty and close the listener, finish what is in flight; JSON {"seconds"}
    DRAINED = 10  # W→H: nothing in flight, the last snapshot has been sent
    STATUS = 11  # H→C: JSON, see `supervise.hub.Hub.status`
    STOP = 12  # H→C: exit now
    SETUP = 13  # H→C, first of all: how control was started, JSON; C→H: the same after a reload, for its successors
    LATCH = 14  # H→W: JSON {"killed"}: route by nothing but old, or by the table again
    KILL = 15  # C→H: set the kill latch; JSON {"by", "reason"}
    RESTORE = 16  # C→H: lift the kill latch; JSON {"by", "reason"}
    RELOAD = 17  # H→C: SIGHUP came: read the configuration again
    PULSE = 18  # C→H: control's loop turns; once a second
    JOINED = 19  # H→C: all that was kept for you has been told; answers before it would be of half the totals
    JUDGING = 20  # C→H→J, H→C: the judging table (compare.judging.encode); the hub keeps the latest, also on disk
    COMPARERS = 21  # H→W: where comparers listen, JSON list of abstract names
    JUDGED = 22  # J→H→C: what was seen since the last one (evidence.seen), JSON
    QUARANTINE = 23  # H→W: JSON {"endpoint", "seconds"}: a pair of it killed a comparer; hand none over meanwhile
    RECHECKED = 24  # W→H→C: divergent pairs asked again since the last one, JSON {signature: [still differ, agree]}
    CLAIM = 25  # W→H: 16 bytes, the digest of an idempotency key: may the one copy of this write be made here?
    GRANT = 26  # H→W: these 16 bytes, and b"\1" for yes, b"\0" for no
    FLAGS_ASKED = 27  # W→H→C: feature flags wanted, JSON list of [flag, key]
    FLAGS_SAID = 28  # C→H→W: what they say, JSON list of [flag, key, true or false]


class Frame(NamedTuple):
    """
    One frame, as read.
    """

    kind: Kind
    incarnation: int
    payload: bytes


def pack(kind: Kind, payload: bytes = b"", incarnation: int = 0) -> bytes:
    """
    One frame as bytes.
    """
    return HEADER.pack(len(payload), kind, incarnation) + payload


class FrameReader:
    """
    Bytes in, whole frames out, however the bytes were cut.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """
        Frames completed by `data`. Raises `LinkError` for an unknown kind or an impossible length.
        """
        buffer = self._buffer
        buffer += data
        frames: list[Frame] = []
        start = 0
        while len(buffer) - start >= HEADER.size:
            length, kind, incarnation = HEADER.unpack_from(buffer, start)
            if length > LARGEST:
                raise LinkError(f"a frame of {length} bytes is over the limit of {LARGEST}")
            end = start + HEADER.size + length
            if len(buffer) < end:
                break
            try:
                known = Kind(kind)
            except ValueError as error:
                raise LinkError(f"frame kind {kind} is unknown") from error
            frames.append(Frame(known, incarnation, bytes(buffer[start + HEADER.size : end])))
            start = end
        del buffer[:start]
        return frames

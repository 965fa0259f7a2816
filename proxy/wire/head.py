"""
What heads of requests and answers have in common: lines, and lengths. Pure.

Strategy: one scan for bytes that must not be there at all (bare CR or LF, NUL, other controls), one split, one
dictionary hit per field line. Field lines are kept as they came, so order, case and spacing survive. Where RFC 9112
lets a recipient repair or guess (obs-fold, bare LF, Content-Length lists, space before the colon), this refuses: what
we forward has one reading only.
"""

from proxy.errors import BadMessage
from proxy.wire.fields import DIGITS, FIELD_BYTES

LARGEST_LENGTH = 2**63 - 1
OWS = b" \t"


def split_head(block: bytes) -> list[bytes]:
    """
    The lines of a head without its closing empty line. Raises `BadMessage` (400) for bare CR or LF and for controls.
    """
    lines = block.split(b"\r\n")
    if block.translate(None, FIELD_BYTES) != b"\r\n" * (len(lines) - 1):
        raise BadMessage(400, "control character or bare CR or LF in the head")
    return lines


def parse_length(value: bytes) -> int:
    """
    A Content-Length (RFC 9110 §8.6): digits only, below 2^63. Raises `BadMessage` (400).
    """
    if not value or value.translate(None, DIGITS) or len(value) > 19:
        raise BadMessage(400, "malformed Content-Length")
    length = int(value)
    if length > LARGEST_LENGTH:
        raise BadMessage(400, "Content-Length too large")
    return length

"""
Cookies that Parallax gave a client: taken out of requests, so that neither side sees them. Pure.
"""

from typing import Final

from proxy.wire.head import OWS

# What every cookie of ours begins with; one look at a Cookie line tells whether there is one.
OURS: Final = b"__parallax_"
FORCE_COOKIE: Final = OURS + b"force"
WRITE_COOKIE: Final = OURS + b"write"


def take_cookies(value: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """
    What is left of a Cookie field's value without our cookies, and those by name, the first of each.
    """
    kept: list[bytes] = []
    taken: dict[bytes, bytes] = {}
    for part in value.split(b";"):
        name, _, said = part.partition(b"=")
        name = name.strip(OWS)
        if name.startswith(OURS):
            taken.setdefault(name, said.strip(OWS).strip(b'"'))
        elif part.strip(OWS):
            kept.append(part)
    return b";".join(kept).strip(OWS), taken

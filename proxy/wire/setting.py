"""
Set-Cookie (RFC 6265 §5.2) without what is a secret or differs by nature: a cookie's name, and its attributes where
these are compared. Pure.
"""

from typing import Final

from proxy.wire.head import OWS

# Attributes whose values are compared. Of others only that they are there: the moment of Expires is another each time.
VALUED: Final = frozenset({b"domain", b"max-age", b"path", b"priority", b"samesite"})
# Of these the case says nothing.
CASELESS: Final = frozenset({b"domain", b"priority", b"samesite"})


def name_of(value: bytes) -> bytes:
    """
    The name of the cookie that a field's value sets; b"" for one that has only a value.
    """
    name, equals, _ = value.partition(b"=")
    return name.rstrip(OWS) if equals and b";" not in name else b""


def attributes_of(value: bytes) -> bytes:
    """
    The same with the cookie's attributes behind it, in one spelling and order: `sid; httponly; path=/`. Of an attribute
    that is there twice the last counts.
    """
    first, *others = value.split(b";")
    attributes: dict[bytes, bytes] = {}
    for one in others:
        name, _, said = one.partition(b"=")
        name, said = name.strip(OWS).lower(), said.strip(OWS)
        if name in CASELESS:
            said = said.lower()
        if name == b"domain":
            said = said.removeprefix(b".")
        if name:
            attributes[name] = b"=" + said if name in VALUED else b""
    return b"; ".join([name_of(first), *(name + said for name, said in sorted(attributes.items()))])

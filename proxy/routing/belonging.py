"""
Whether a client belongs to a cohort: by what its token says, by its address, by a list of sticky keys. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from proxy.routing.claims import Claims, texts
from proxy.routing.keys import Find, compile_keys
from proxy.routing.keyset import KeySet
from proxy.routing.route import KeyFile, Match
from proxy.routing.table import Table
from proxy.wire.forwarded import Trust
from proxy.wire.request import RequestHead

# Whether a request from this address belongs.
Belongs = Callable[[RequestHead, bytes], bool]


class Backing(NamedTuple):
    """
    What a table doesn't have itself: the time in seconds since 1970, and what the files of keys hold.
    """

    now: Callable[[], float] | None
    keysets: Mapping[KeyFile, KeySet]


BARE: Final = Backing(None, {})


class Lookup:
    """
    How clients of one table are recognised: `claims` reads tokens, `find` finds sticky keys where all have the same.
    """

    __slots__ = ("claims", "find", "keysets")

    def __init__(self, table: Table, backing: Backing = BARE) -> None:
        self.claims = Claims(table.claims_key, backing.now)
        self.find: Find | None = compile_keys(table.sticky.keys, self.claims)[0]
        self.keysets = backing.keysets


def conditions(match: Match, lookup: Lookup, value: Callable[[str], Callable[[bytes], bool]]) -> list[Belongs]:
    """
    What a client has to be for a match; `value` compiles patterns of values.
    """
    found: list[Belongs] = []
    if match.addresses:
        found.append(_is_at(match.addresses))
    if match.keys is not None:
        found.append(_is_listed(lookup.find, lookup.keysets[match.keys]))
    found += [_claims(lookup.claims, name, value(pattern)) for name, pattern in match.claims]
    return found


def _is_at(networks: tuple[str, ...]) -> Belongs:
    trust = Trust(networks)
    return lambda _, address: trust.judge(address)[1]


def _is_listed(find: Find | None, keys: KeySet) -> Belongs:
    if find is None:
        return lambda *_: False
    return lambda head, address: find(head, address) in keys


def _claims(claims: Claims, name: str, fits: Callable[[bytes], bool]) -> Belongs:
    def belongs(head: RequestHead, _: bytes) -> bool:
        said = claims.of(head)
        return name in said and any(map(fits, texts(said[name])))

    return belongs

"""
Was everything that differs found by its signature, and nothing else? Pure.

An endpoint's signatures are to be the planted one, and, from the time before it was known how old differs from itself,
some that have noise in them. Whatever else there is accuses falsely.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.demo.planted import BY_ENDPOINT, REGRESSION, Planted
from proxy.demo.reading import Reading, Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """
    When it was known where old differs from itself, and pairs were judged by it: Unix time, and seconds since the first
    request.
    """

    at: float
    after: float


def is_planted(signature: Signature) -> bool:
    """
    Is it just what was planted at its endpoint, for good or for a while?
    """
    if (signature.endpoint, signature.parts) == (REGRESSION.endpoint, REGRESSION.parts):
        return True
    planted = BY_ENDPOINT.get(signature.endpoint)
    return planted is not None and signature.parts == planted.parts


def has_noise(signature: Signature) -> bool:
    """
    Is it old's own noise, alone or beside what was planted?
    """
    planted = BY_ENDPOINT.get(signature.endpoint)
    if planted is None or not signature.parts & planted.noise:
        return False
    return signature.parts - planted.noise in (frozenset(), planted.parts)


def is_early(signature: Signature, learned: Learned | None) -> bool:
    """
    Is there noise in it, and was it last seen before that was known?
    """
    return has_noise(signature) and learned is not None and signature.last < learned.at


def explains(
    planted: Planted | None, reading: Reading, signatures: Iterable[Signature], learned: Learned | None, skipped: int
) -> bool:
    """
    Are the divergent pairs of an endpoint those of the planted signature, which is there, and of early ones? `skipped`
    pairs may have a signature and no verdict.
    """
    own = [one for one in signatures if one.endpoint == reading.endpoint]
    if not all(is_planted(one) or is_early(one, learned) for one in own):
        return False
    if planted is not None and planted.parts and not any(map(is_planted, own)):
        return False
    return 0 <= sum(one.count for one in own) - reading.verdicts.get("divergent", 0) <= skipped

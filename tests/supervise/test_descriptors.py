"""
A worker that is full has the file descriptors for it, or the operator is told beforehand.
"""

import resource

from proxy.routing.table import Limits
from proxy.supervise.descriptors import OWN, needed, raise_limit


def test_the_soft_limit_becomes_the_hard_one() -> None:
    """
    A shell's usual 1,024 would be full long before 10,000 clients.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert raise_limit() == hard
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


def test_a_full_worker_is_counted_with_everything_it_may_open() -> None:
    """
    Clients, live connections to both sides, copies with those that are still being opened.
    """
    limits = Limits(
        methods=(),
        **{**dict.fromkeys(set(Limits.__slots__) - {"methods"}, 1), "connections": 100, "upstream_connections": 10},
    )

    assert needed(limits, 5) == OWN + 100 + 20 + 20

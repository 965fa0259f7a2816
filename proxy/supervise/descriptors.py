"""
File descriptors: raise the soft limit to the hard one, and say when that is too few for the configured connections.
"""

import resource

from proxy.routing.table import Limits

# The loop, the link, logs, listeners and look-ups of a worker, generously.
OWN = 64


def raise_limit() -> int:
    """
    Raise this process's limit as far as it may be, for the children that inherit it. Returns the limit.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def needed(limits: Limits, concurrency: int) -> int:
    """
    Descriptors of a worker that is full: clients, live connections to both sides, copies to both.
    """
    return OWN + limits.connections + 2 * limits.upstream_connections + 4 * concurrency

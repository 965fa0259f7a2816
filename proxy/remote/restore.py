"""
`parallax restore`: the end of a kill. What `rm` has just taken away, the supervisor may not have missed yet.
"""

import os
from time import sleep
from typing import Any

from proxy.clock import monotonic
from proxy.errors import RemoteError
from proxy.remote.call import ask
from proxy.remote.find import Target
from proxy.remote.latch import PATIENCE

CONFLICT = 409
# The supervisor looks for the kill file four times a second.
RETRY = 0.3


def restore(target: Target, reason: str, seconds: float) -> dict[str, Any]:
    """
    The weights after it. Raises `RemoteError` when it is refused; `seconds` are for one answer.
    """
    end = monotonic() + PATIENCE
    while True:
        try:
            return ask(target, "POST", "/admin/restore", {"reason": reason}, seconds=seconds)[1]
        except RemoteError as error:
            if error.status != CONFLICT or not _file_is_gone(target) or monotonic() > end:
                raise
        sleep(RETRY)


def _file_is_gone(target: Target) -> bool:
    entry = target.entry
    return entry is not None and entry.kill_file is not None and not os.path.lexists(entry.kill_file)

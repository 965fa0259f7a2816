"""
How a running Parallax is: what `parallax status` asks it.
"""

from proxy.errors import RemoteError
from proxy.remote.call import ask, call, stranger
from proxy.remote.find import Target
from proxy.remote.show import Status, is_weights


def look(target: Target) -> Status:
    """
    How the Parallax at `target` is. Never raises: that nobody answers is an answer.
    """
    try:
        answer = call(target, "GET", "/readyz")
        ready, reason = answer.status == 200, "" if answer.status == 200 else answer.text.strip()
    except RemoteError as error:
        return Status(ready=False, reason=str(error), weights=None)
    try:
        _, weights = ask(target, "GET", "/admin/weights")
    except RemoteError as error:
        if str(error) == stranger(target):
            return Status(ready=False, reason=str(error), weights=None)
        return Status(ready=ready, reason=reason, weights=None, trouble=str(error))
    if not is_weights(weights):
        return Status(ready=False, reason=stranger(target), weights=None)
    return Status(ready=ready, reason=reason, weights=weights)

"""
How a running Parallax is: what `parallax status` asks it.
"""

from proxy.errors import RemoteError
from proxy.remote.call import ask, call, stranger
from proxy.remote.find import Target
from proxy.remote.latch import KILLED, word_of
from proxy.remote.show import Status, is_weights


def look(target: Target) -> Status:
    """
    How the Parallax at `target` is. Never raises: that nobody answers is an answer.
    """
    try:
        answer = call(target, "GET", "/readyz")
        ready, reason = answer.status == 200, "" if answer.status == 200 else answer.text.strip().removesuffix(KILLED)
    except RemoteError as error:
        return _without_control(target, str(error))
    try:
        _, weights = ask(target, "GET", "/admin/weights")
    except RemoteError as error:
        if str(error) == stranger(target):
            return Status(ready=False, reason=str(error), weights=None)
        return Status(
            ready=ready, reason=reason, weights=None, killed=answer.text.strip().endswith(KILLED), trouble=str(error)
        )
    if not is_weights(weights):
        return Status(ready=False, reason=stranger(target), weights=None)
    return Status(ready=ready, reason=reason, weights=weights, killed=bool(weights["killed"]))


def _without_control(target: Target, trouble: str) -> Status:
    """
    What there is to know when the admin port doesn't answer: the supervisor's own word, of one that runs here. Clients
    are served all the same, so being ready doesn't depend on it.
    """
    if target.entry is None:
        return Status(ready=False, reason=trouble, weights=None)
    word = word_of(target.entry)
    if word.killed is None:
        reason = f"neither control nor the supervisor (process {target.entry.pid}) answers"
        return Status(ready=False, reason=reason, weights=None, who=word.who, trouble=trouble)
    return Status(ready=word.ready, reason=word.reason, weights=None, killed=word.killed, who=word.who, trouble=trouble)

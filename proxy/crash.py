"""
What is said of an error that nobody expected: of which kind it is, and where it came from.

Never its text, and no value: an exception can quote what was in hand, and that can be a client's password. A core file
would have all of it.
"""

import json
import resource
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

PLACES: Final = 12  # the innermost ones


def told(error: BaseException | None) -> dict[str, Any]:
    """
    The kind of an error, those of the errors that caused it, and the places it came through, the innermost last.
    """
    if error is None:
        return {"error": "unknown", "where": []}
    kinds: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(kinds) < PLACES:
        kinds.append(type(seen).__qualname__)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return {"error": " from ".join(kinds), "where": places(error.__traceback__)}


def places(trace: TracebackType | None) -> list[str]:
    """
    A traceback as `file.py:line function`.
    """
    frames = traceback.extract_tb(trace)[-PLACES:]
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]


def tell_without_values(process: str, timestamp: Callable[[], str]) -> None:
    """
    From now on this process writes what Python would print of an error that nobody caught as one line of the log.
    """

    def tell(error: BaseException | None) -> None:
        line = {"timestamp": timestamp(), "level": "error", "event": "crashed", "process": process, **told(error)}
        print(json.dumps(line), file=sys.stderr, flush=True)  # noqa: T201 - the log may be what is broken

    sys.excepthook = lambda _kind, error, _trace: tell(error)
    threading.excepthook = lambda arguments: tell(arguments.exc_value)
    sys.unraisablehook = lambda unraisable: tell(unraisable.exc_value)


def leave_no_core() -> None:
    """
    No core files of this process and its children, unless somebody raises the limit again (`prlimit --core`).
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))

"""
Named tasks that are held until they end; `asyncio.create_task` is banned elsewhere (ruff TID251).
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

_held: set[asyncio.Task[Any]] = set()


def spawn(
    coroutine: Coroutine[Any, Any, Any],
    *,
    name: str,
    on_error: Callable[[BaseException], None] | None = None,
) -> asyncio.Task[Any]:
    """
    Run `coroutine` as a task called `name`, keep a reference until it ends, and hand its exception to `on_error`.

    Without `on_error` the exception stays in the task, for whoever awaits it.
    """
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    _held.add(task)

    def done(ended: asyncio.Task[Any]) -> None:
        _held.discard(ended)
        if on_error is not None and not ended.cancelled() and (error := ended.exception()) is not None:
            on_error(error)

    task.add_done_callback(done)
    return task

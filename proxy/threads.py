"""
Calls that may block, on a thread of their own: one that hangs on a dead disk costs its caller that answer, and nobody
a turn of the event loop, nor the process its end.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

_Result = TypeVar("_Result")
_Call = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class Thread:
    """
    Makes calls one after the other, for as long as the process lives. A daemon: `asyncio.to_thread` would keep the
    process until a hung call returns.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._begun = False

    def run(self, call: Callable[[], _Result]) -> "asyncio.Future[_Result]":
        """
        What `call` returns or raises, once those before it are done. Cancelling gives up the answer, not the call.
        """
        answer: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        self._calls.put((call, answer))
        return answer

    def end(self) -> None:
        """
        Make no more calls than those that `run` was given, and be gone then.
        """
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            _make(*call)


def on_thread(name: str, call: Callable[[], _Result]) -> "asyncio.Future[_Result]":
    """
    What `call` returns or raises, made on a thread that ends with it.
    """
    answer: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
    threading.Thread(target=_make, args=(call, answer), name=name, daemon=True).start()
    return answer


def _make(call: Callable[[], Any], answer: "asyncio.Future[Any]") -> None:
    try:
        result, error = call(), None
    except Exception as raised:  # noqa: BLE001 - it is the caller's
        result, error = None, raised
    # A loop that is closed has nobody who waits.
    with suppress(RuntimeError):
        answer.get_loop().call_soon_threadsafe(_settle, answer, result, error)


def _settle(answer: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)

"""
Who listens to `GET /admin/events`, and what waits to be sent to each: server-sent events, bounded.

Publishing never waits and never fails: one that reads too slowly is told so and cut, and asks again if it wants to.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import orjson

SUBSCRIBERS = 16
# What may wait for one subscriber. An event is one to a few KB (weights of many workers up to 40); all subscribers
# share the bytes of one event.
LARGEST_BACKLOG = 256 * 1024
LAGGED = {"said": "this reader was too slow, and events are missing; connect again for the present state"}

Event = tuple[str, Any]


class Full(Exception):
    """
    All `SUBSCRIBERS` places are taken.
    """


class Subscription:
    """
    One listener's events, as bytes ready to be sent.
    """

    def __init__(self, token: str) -> None:
        self.token = token
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._news = asyncio.Event()

    def put(self, event: bytes, lagged: Callable[[], bytes]) -> None:
        """
        Add one event; if there is no room for it, `lagged` becomes the last one instead of all that waits.
        """
        if self._ended:
            return
        if self._size + len(event) > LARGEST_BACKLOG:
            self._waiting.clear()
            event = lagged()
            self._ended = True
        self._waiting.append(event)
        self._size += len(event)
        self._news.set()

    def end(self) -> None:
        """
        Nothing comes after what waits already.
        """
        self._ended = True
        self._news.set()

    async def take(self, seconds: float) -> bytes | None:
        """
        All that waits, as soon as there is something; b"" after `seconds` without; None when there will be no more.
        """
        if not self._waiting and not self._ended:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), seconds)
            except TimeoutError:
                return b""
        if not self._waiting:
            return None
        taken = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        return taken


class Events:
    """
    The subscribers. `first` is asked for the state that each is told at once; event ids grow from `start` on, which is
    a time in milliseconds, so that they also grow over restarts.
    """

    def __init__(self, first: Callable[[], Iterable[Event]], *, start: int) -> None:
        self._first = first
        self._number = start
        self._subscriptions: list[Subscription] = []
        self._is_closed = False

    @property
    def is_heard(self) -> bool:
        """
        Whether anybody listens.
        """
        return bool(self._subscriptions)

    def subscribe(self, token: str) -> Subscription:
        """
        A place for whoever signed in with the token of this SHA-256, with the present state in it. Raises `Full`.
        """
        if len(self._subscriptions) >= SUBSCRIBERS:
            raise Full
        subscription = Subscription(token)
        for kind, value in self._first():
            subscription.put(self._encode(kind, value), self._lagged)
        if self._is_closed:
            subscription.end()
        self._subscriptions.append(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """
        Give the place back.
        """
        self._subscriptions.remove(subscription)

    def publish(self, kind: str, value: Any) -> None:
        """
        Tell everybody. `kind` is one of `calls.KINDS`, `value` any JSON.
        """
        if self._subscriptions:
            event = self._encode(kind, value)
            for subscription in self._subscriptions:
                subscription.put(event, self._lagged)

    def keep_only(self, tokens: Iterable[str]) -> None:
        """
        End the streams of those whose token, by SHA-256, is none of `tokens` any more.
        """
        known = set(tokens)
        for subscription in self._subscriptions:
            if subscription.token not in known:
                subscription.end()

    def close(self) -> None:
        """
        End all streams, those to come too.
        """
        self._is_closed = True
        for subscription in self._subscriptions:
            subscription.end()

    def _encode(self, kind: str, value: Any) -> bytes:
        # orjson writes no line breaks, which would end the data.
        self._number += 1
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self._number, kind.encode(), orjson.dumps(value))

    def _lagged(self) -> bytes:
        return self._encode("lagged", LAGGED)

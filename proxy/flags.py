"""
Asks an OpenFeature provider what flags say, for workers that want to know. On threads: a provider may hang for as long
as it likes, and nobody waits for it; what isn't answered is asked for again while anybody wants it.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import orjson

from proxy.crash import told
from proxy.errors import LinkError
from proxy.link.frames import Kind
from proxy.tasks import spawn
from proxy.threads import on_thread

# At once; and those that wait for one of these.
THREADS: Final = 4
WAITING: Final = 10_000
# Answers are sent together after so many seconds.
BATCH: Final = 0.02

Question = tuple[str, str]


class Flags:
    """
    `start` it with a provider, as "module:callable"; `take` what workers ask. `send` sends frames, `tell` logs.
    """

    def __init__(self, send: Callable[[Kind, bytes], object], tell: Callable[..., None]) -> None:
        self._loop: asyncio.AbstractEventLoop
        self._send = send
        self._tell = tell
        self._client: Any = None
        self._questions: queue.SimpleQueue[Question] = queue.SimpleQueue()
        self._pending: set[Question] = set()
        self._answers: list[tuple[str, str, bool]] = []
        # The last trouble with each flag, told once.
        self._troubles: dict[str, str] = {}

    def start(self, provider: str) -> None:
        """
        Have a provider answer, as soon as it is ready.
        """
        self._loop = asyncio.get_running_loop()
        spawn(self._begin(provider), name="flag provider")

    def take(self, payload: bytes) -> None:
        """
        Questions of a worker: a list of flags with keys, whose bytes are characters up to U+00FF. Raises
        `LinkError`.
        """
        try:
            questions = [(str(flag), str(key)) for flag, key in orjson.loads(payload)]
        except (TypeError, ValueError) as error:
            raise LinkError("questions about flags have the wrong shape") from error
        for question in questions:
            if self._client is not None and question not in self._pending and len(self._pending) < WAITING:
                self._pending.add(question)
                self._questions.put(question)

    async def _begin(self, provider: str) -> None:
        try:
            self._client = await on_thread("flag provider", lambda: _open(provider))
        except Exception as error:  # noqa: BLE001 - somebody else's code; requests go by the native decision
            self._tell("error", "flags_not_started", provider=provider, **told(error))
            return
        for number in range(THREADS):
            threading.Thread(target=self._work, name=f"flags {number}", daemon=True).start()

    def _work(self) -> None:
        while True:
            flag, key = question = self._questions.get()
            try:
                value, trouble = _evaluate(self._client, flag, key)
            except Exception as error:  # noqa: BLE001 - as above
                value, trouble = None, type(error).__name__
            try:
                self._loop.call_soon_threadsafe(self._answered, question, value, trouble)
            except RuntimeError:
                return  # the loop is over

    def _answered(self, question: Question, value: bool | None, trouble: str) -> None:
        flag, key = question
        self._pending.discard(question)
        if self._troubles.get(flag, "") != trouble:
            self._troubles[flag] = trouble
            level, event = ("warning", "flag_not_evaluated") if trouble else ("info", "flag_evaluated_again")
            self._tell(level, event, flag=flag, **({"why": trouble} if trouble else {}))
        if value is None:
            return
        if not self._answers:
            self._loop.call_later(BATCH, self._flush)
        self._answers.append((flag, key, value))

    def _flush(self) -> None:
        answers, self._answers = self._answers, []
        self._send(Kind.FLAGS_SAID, orjson.dumps(answers))


def _open(provider: str) -> Any:
    """
    A client of the provider that a callable makes. Blocks.
    """
    from openfeature import api

    # Of each failure it logs a traceback; a provider that is down is told once, by us.
    logging.getLogger("openfeature").setLevel(logging.CRITICAL)
    module, _, name = provider.partition(":")
    api.set_provider(getattr(import_module(module), name)())
    return api.get_client()


def _evaluate(client: Any, flag: str, key: str) -> tuple[bool | None, str]:
    """
    What a flag says of a key, None for nothing, and why not. What is no boolean is nothing.
    """
    from openfeature.evaluation_context import EvaluationContext

    context = EvaluationContext(targeting_key=key.encode("latin-1").decode("utf-8", "replace"))
    found = client.get_boolean_details(flag, False, context)
    if found.error_code is not None:
        return None, str(getattr(found.error_code, "value", found.error_code))
    return (found.value, "") if isinstance(found.value, bool) else (None, "TYPE_MISMATCH")
